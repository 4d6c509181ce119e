# report.jq - counts of all models and seeds, overlaps and stage records to one report.
# inputs: the files named on the command line, told apart by their paths RUN/[SEED/][no_retention/]{eval/MODEL,overlap,patches}.json.
include "stats";
include "claims";

def place: input_filename | ltrimstr($run + "/") | split("/");
def row($p): if ($p | index(["no_retention"])) then "no_retention" else $p[-1] | rtrimstr(".json") end;
def aggregate: # rows of one model, one a seed -> its metrics over seeds
  . as $rows | ($rows[0].metrics | keys_unsorted) as $names
  | ($rows[0].counts.sets | map(.n)) as $n
  | {row: $rows[0].row, seeds: ($rows | map(.seed)),
     mean: ($names | map(. as $k | {key: $k, value: ($rows | map(.metrics[$k]) | mean)}) | from_entries),
     spread: ($names | map(. as $k | {key: $k, value: ($rows | map(.metrics[$k]) | spread)}) | from_entries),
     counts: ($rows | map(.counts))}
  | .interval = (.mean | with_entries(select(.key != "ppl" and .value != null) | .value |= wilson($n | min)));

[inputs | place as $p | {row: row($p), seed: (if $p[0] == "eval" then null else $p[0] end), counts: .}] as $all
| {experiment: $experiment[0], seeds: ($seeds | split(" ") | map(select(. != ""))),
   rows: [("original", "only_safety", "only_oversafety", "intersect", "safepatching", "no_retention") as $r
          | $all | map(select(.row == $r) | .metrics = (.counts | metrics)) | select(length > 0) | aggregate],
   regions: ($all | map(select(.row == "overlap") | .counts.total)),
   patches: ($all | map(select(.row == "patches") | .counts.total)),
   stages: $stages[0]}
| .claims = claims
