# rows.jq - every model that the tables compare: experiments/rows.json with the experiment's own entries on top, sweeps written out.
#
#   {rows: {NAME: {title, kind, from?, files?, change|tune|merge|decode?}}, tables: {TABLE: [NAME...]}, sweeps: {AXIS: {title, points: [{value, row}]}}}
# kind: method (a product of the plain run), or what makes the model: change (other switches or numbers), tune (a training of its own),
# merge (another way to combine the two patches), decode (the original model, decoded in another way).
include "params";

def at($keys; $v): reduce $keys[] as $k ({}; setpath($k | split("."); $v));
def kind: . as $row | first(("change", "tune", "merge", "decode") | select($row[.] != null)) // "method";
# How much of the plain run a change leaves as it is: the patches only, the scores too, or the regions too.
def from: if has("retention") or has("snip") then "patches" elif has("top") or (.merge | has("keep")) then "scores" else "regions" end;
# Files of the run that options name: $R/... of the run, $S/... of the seed.
def files: [.. | strings | scan("\\$[RS]/[A-Za-z0-9_./-]+")] | unique;

# A point of a sweep is a change; where an existing row is the same change, or none at all, that row serves.
def point($e; $rows; $axis; $keys; $v):
  at($keys; $v) as $change
  | {value: $v, change: $change,
     row: (if $e * $change == $e then "safepatching" else first($rows | to_entries[] | select(.value.change == $change).key) // "\($axis)_\($v)" end)};
def sweeps($e): .rows as $rows | .sweeps | with_entries(.key as $axis | .value |= (. as $s
  | {title, keys, points: [($s.values // [$s.times[] * ($e | getpath($s.keys[0] | split(".")))])[] | point($e; $rows; $axis; $s.keys; .)]}));

# Continual: a row after each task, for each method.
def continual_rows: . as {$tasks, $methods, names: $names}
  | [$methods[] as $m | $tasks | to_entries[] | {key: "continual_\($m)_\(.key + 1)",
     value: {title: "\($names[$m] // $m): after \(.value)", kind: "continual", from: $m, files: ["\(.key + 1)", .value]}}] | from_entries;

# [rows.json, experiment] -> everything
def expand: .[1] as $e | .[0] * ($e | {rows, sweeps, tables, continual} | with_entries(select(.value != null)))
  | .sweeps = sweeps($e)
  | .rows = ([.sweeps | to_entries[] | .key as $axis | .value.points[] | {key: .row, value: {title: "\($axis) = \(.value)", change}}] | from_entries) + .rows
  | .rows |= map_values(. + {kind: kind, files: files} | if .change then .from = (.change | from) elif .tune.data then .from = .tune.data else . end)
  | (.continual | continual_rows) as $c | .rows += $c | .tables.continual = ["original"] + ($c | keys_unsorted)
  | .tables.sweep = (["original"] + [.sweeps[].points[].row] | unique)
  | .tables.all = ((.rows | keys_unsorted) as $have | ([.tables[][]] | unique) as $used | [$have[] | select(. as $r | $used | index([$r]))]);

# The options of every row that has some, for pipelines/put; $tiny: the model is that of the tiny world.
def row_params($e; $tiny): .rows | to_entries[] | .key as $name | .value
  | if .change then $e * .change | blocks
    elif .tune then {tune: (($e.patch | del(.ascent, .descent)) + .tune | del(.data))}
    elif .merge then {merge}
    elif .decode then {eval: ($e.eval + .decode + if $tiny then .world else {} end)} else {} end
  | lines("\($name)/");

# For make, words: NAME|KIND|FROM|FILE;FILE... of every row, NAME|table|-|ROW;ROW... of every table
def words: (.rows | to_entries[] | "\(.key)|\(.value.kind)|\(.value.from // "-")|\(.value.files | join(";"))"),
  (.tables | to_entries[] | "\(.key)|table|-|\(.value | join(";"))");
