# readme.jq - the tables of README.md out of results/reference/*.json (reports, slurped in the order wanted): the method on every backbone.
include "columns";
def backbone: {llama2: "LLaMA-2", llama3: "LLaMA-3", mistral: "Mistral", gemma: "Gemma"}[.] // .;
def rows: ["original", "only_safety", "only_oversafety", "safepatching"];
def metrics: ["asr_seen", "asr_unseen", "asr_jailbreak", "refused_lookalike", "answered_benign", "utility"];
.[] | (.run | split("/")[-1]) as $name | . as $report
| "", "[\($name | backbone)](results/reference/\($name).md) | ASR, seen | ASR, unseen | ASR, wrapped | look-alikes refused | benign answered | utility",
  "---|---|---|---|---|---|---",
  (rows[] as $r | $report.rows[] | select(.row == $r) | . as $row
    | ([.title] + [metrics[] as $k | figure($row; $k) | if . == null then "–" elif .interval then "\(.value) (\(.interval))" else .value end]) | join(" | "))
