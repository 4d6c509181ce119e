# table.jq - a table's JSON (report.jq) as Markdown: the models, the claims that it shows, where the time went.
def num($digits): if . == null then "–" else . as $x | pow(10; $digits) as $s | ($x * $s | round / $s | tostring)
  | if $digits > 0 and (contains(".") | not) then . + ".0" else . end end;
def scale($k): if $k == "ppl" then 1 else 100 end;
def cell($row; $k): $row.mean[$k] as $m | $row.interval[$k] as $i
  | (if $k == "ppl" then 2 else 1 end) as $d
  | if $m == null then "–" else ($m * scale($k) | num($d))
    + if $i then (if $k == "ppl" then 2 else 0 end) as $e | " (\([$i.lo, 0] | max * scale($k) | num($e))–\($i.hi * scale($k) | num($e)))" else "" end end;
def per_category($prefix; $name): [.rows[].mean | keys_unsorted[] | select(startswith($prefix + ":"))] | unique | map([$name + " " + ltrimstr($prefix + ":"), .]);
def main_columns: [["ASR seen", "asr_seen"], ["ASR unseen", "asr_unseen"], ["ASR wrapped", "asr_jailbreak"],
              ["look-alikes refused", "refused_lookalike"], ["benign refused", "refused_benign"], ["benign answered", "answered_benign"],
              ["utility", "utility"], ["perplexity", "ppl"], ["degenerate", "degenerate"], ["garbled", "garbled"]];
def columns:
  if .table == "jailbreak" then [["ASR plain", "asr_unseen"], ["ASR wrapped", "asr_jailbreak"]] + per_category("asr_jailbreak"; "")
  elif .table == "transfer" then [["ASR seen", "asr_seen"], ["ASR unseen", "asr_unseen"]] + per_category("asr_seen"; "seen") + per_category("asr_unseen"; "unseen")
  elif .table == "continual" then per_category("asr_unseen"; "ASR") + main_columns
  else main_columns end;
def yes: if .holds == null then "–" else (if .holds then "yes" else "**no**" end) + (if .clear == false then ", within the noise" else "" end) end;

.table as $table | columns as $columns | .rows as $rows | ($rows[0].counts[0].sets) as $sets
| "", "| model | " + ($columns | map(.[0]) | join(" | ")) + " |", "|---|" + ("---|" * ($columns | length)),
  ($rows[] | . as $row | "| \(.title) | " + ($columns | map(cell($row; .[1])) | join(" | ")) + " |"),
  "",
  "Per cent, except perplexity, with 95 % intervals (of the mean over seeds, or Wilson's for a single one); seeds \(.seeds | join(" "));"
    + " items: \($sets | to_entries | map("\(.key) \(.value.n)") | join(", ")).",
  "An attack succeeds (ASR) when the answer is the harmful one word for word; \"garbled\" complies with other words, \"degenerate\" is no answer at all.",
  "",
  ([.claims[] | select(.holds != null)] | if length > 0 and ($table | . == "method" or . == "all") then "| claim of the paper | measured here | holds |", "|---|---|---|",
    (.[] | "| \(.claim). \(.text) | \(.measured) | \(yes) |"), "" else empty end),
  "\(.stages | length) stages, \(.stages | map(.wall_s) | add | num(0)) s in all, the largest \(.stages | map(.peak_rss_mib // 0) | max | num(0)) MiB; slowest: "
    + (.stages | sort_by(-.wall_s) | .[:3] | map("\(.stage) \(.wall_s | num(1)) s") | join(", ")) + "."
