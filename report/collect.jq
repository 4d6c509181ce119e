# collect.jq - what runs left behind, as the numbers that tables are made of (report/collect).
include "stats";

# ---- counts of one model ----

# Judged answers -> how many there are of each kind:
#   answered   labelled comply and, where the item has a reference, the same word for word
#   garbled    labelled comply, yet not the reference; answered + garbled is the label comply
#   partial, refuse, degenerate    so labelled
#   match      the same as the reference, whatever the label
def kinds:
  def count(f): map(select(f)) | length;
  {
    n: length,
    answered: count(.label == "comply" and .match != false),
    garbled: count(.label == "comply" and .match == false),
    partial: count(.label == "partial"),
    refuse: count(.label == "refuse"),
    degenerate: count(.label == "degenerate"),
    match: count(.match == true),
    tokens: (map(.tokens // 0) | add),
    seconds: (map(.seconds // 0) | add)
  };
# Judged answers -> {sets: {SET: kinds + {category: {NAME: kinds}}}, ppl, nll}; $ppl: sp-eval
# ppl's object
def counts($ppl):
  def by_category: group_by(.category)
    | map({key: (.[0].category // "all"), value: (kinds | del(.tokens, .seconds))}) | from_entries;
  {sets: (group_by(.set) | map({key: .[0].set, value: (kinds + {category: by_category})})
    | from_entries)}
  + ($ppl | {ppl, nll});

# ---- where the important parameters lie ----

# Statistics of the two top regions (sp-mask stats; a: safety, b: over-safety), as two inputs: the
# regions taken matrix by matrix, and over all matrices together -> {matrix, global}, each {total,
# depth: [...], kind: [...]} with the sums over all matrices, over those of a layer, over those of
# one kind (q_proj ...).
def layers:
  def depth: capture("layers\\.(?<depth>[0-9]+)\\.").depth | tonumber;
  def kind: capture("layers\\.[0-9]+\\.(?<name>.*)\\.weight").name | split(".")[-1];
  def sums($total):
    {numel: (map(.numel) | add), a: (map(.a) | add), b: (map(.b) | add), both: (map(.both) | add)}
    | . + {share_a: (.a / $total.a), share_b: (.b / $total.b),
           overlap: (if .a > 0 then .both / .a else null end), chance: (.b / .numel)};
  def places:
    .total as $total
    | [.tensors | to_entries[] | select(.key | test("layers\\.[0-9]+\\..*_proj"))
        | .value + {name: .key}] as $matrices
    | def grouped(place): $matrices | map(. + {place: (.name | place)}) | group_by(.place)
        | map({place: .[0].place} + sums($total));
    {total: ($matrices | sums($total)), depth: grouped(depth), kind: grouped(kind)};
  {matrix: input, global: input} | map_values(places);

# ---- readings of the method side by side ----

# $cells: [{CELL: its switches}...]. Inputs: counts of the original, then of each cell its counts
# and overlaps, CELL/eval/MODEL.json and CELL/overlap.json.
def grid($cells):
  [inputs | {path: (input_filename | split("/")), value: .}] as $files
  | def of($cell): $files[1:][] | select(any(.path[]; . == $cell))
      | if .path[-1] == "overlap.json" then {overlap: .value}
        else {(.path[-1] | rtrimstr(".json")): (.value | metrics)} end;
  {original: ($files[0].value | metrics),
   cells: [$cells | add | to_entries[] | .key as $cell
     | {cell: $cell, switches: .value} + ([of($cell)] | add)]};

# ---- a table ----

# The 95 % interval of a metric: over seeds where there are several, else of the one measurement.
def interval($metric):
  map(.metrics[$metric]) as $values
  | if any($values[]; . == null) then null
    elif length > 1 then $values | t_interval
    elif $metric == "ppl" then null
    else (.[0].counts | fractions[$metric].n) as $n | $values[0] | wilson($n) end;

# One row's files, one a seed -> the row of the report (report.jq)
def over_seeds($titles):
  map(.metrics = (.counts | metrics))
  | . as $seeds | (.[0].metrics | keys_unsorted) as $metrics
  | def of_each(f):
      reduce $metrics[] as $metric ({}; .[$metric] = ($seeds | map(.metrics[$metric]) | f));
    {row: .[0].row, title: $titles[.[0].row].title, seeds: map(.seed),
     mean: of_each(mean),
     spread: of_each(spread),
     interval: (reduce $metrics[] as $metric ({}; .[$metric] = ($seeds | interval($metric)))),
     counts: map(.counts)};

# Inputs: files of the run, told apart by their paths,
# $run/[SEED/]{eval/ROW,overlap,patches,layers,speed}.json -> the report, but for its claims.
# $rows: {rows, tables, sweeps} as experiments/rows.json was written out; $stages: all records
def table($name; $run; $experiment; $rows; $stages):
  def placed: (input_filename | ltrimstr($run + "/") | split("/")) as $path
    | {row: ($path[-1] | rtrimstr(".json")), dir: $path[-2], counts: .,
       seed: (if $path[0] == "eval" or ($path | length) < 2 then null else $path[0] end)};
  [inputs | placed] as $files
  | def named($row): $files[] | select(.row == $row);
    {experiment: $experiment, run: $run, table: $name,
     seeds: ([$files[].seed | values] | unique),
     rows: [$rows.tables[$name][] as $row | [named($row) | select(.dir == "eval")]
       | select(length > 0) | over_seeds($rows.rows)],
     regions: [named("overlap").counts.total],
     patches: [named("patches").counts.total],
     stages: $stages}
  | if $name != "all" then .
    else . + {sweeps: $rows.sweeps, tables: $rows.tables}
      + ([named("layers", "speed", "front") | {(.row): .counts}] | add) end;
