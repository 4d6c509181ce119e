# collect.jq - counts of models over seeds, overlaps and stage records to one report.
# inputs: the files named on the command line, told apart by their paths RUN/[SEED/]{eval/ROW,overlap,patches,layers,speed}.json.
# $rows is rows.jq's output; rows of the report come in the order of the table.
include "stats";
include "claims";

def place: input_filename | ltrimstr($run + "/") | split("/");
def interval($k): # 95 %: over seeds where there are several, else of the one measurement
  map(.metrics[$k]) as $values | if any($values[]; . == null) then null
  elif length > 1 then $values | t_interval
  elif $k == "ppl" then null else .[0] as $only | $values[0] | wilson($only.counts | fractions[$k].n) end;
def aggregate: # one row, once a seed -> its metrics over seeds
  . as $all | (.[0].metrics | keys_unsorted) as $names
  | def over(f): reduce $names[] as $k ({}; .[$k] = ([$all[].metrics[$k]] | f));
  {row: .[0].row, title: $rows[0].rows[.[0].row].title, seeds: map(.seed),
   mean: over(mean), spread: over(spread), interval: (reduce $names[] as $k ({}; .[$k] = ($all | interval($k)))),
   counts: map(.counts)};

[inputs | place as $p | {row: ($p[-1] | rtrimstr(".json")), dir: $p[-2], seed: (if $p[0] == "eval" or ($p | length) < 2 then null else $p[0] end), counts: .}] as $all
| {experiment: $experiment[0], run: $run, table: $table, seeds: ($all | map(.seed | values) | unique),
   rows: [$rows[0].tables[$table][] as $r | $all | map(select(.row == $r and .dir == "eval") | .metrics = (.counts | metrics)) | select(length > 0) | aggregate],
   regions: ($all | map(select(.row == "overlap") | .counts.total)),
   patches: ($all | map(select(.row == "patches") | .counts.total)),
   stages: $stages[0]}
| if $table == "all" then . + {sweeps: $rows[0].sweeps, tables: $rows[0].tables} + ($all | map(select(.row == ("layers", "speed")) | {(.row): .counts}) | add) else . end
| .claims = claims
