# rows.jq - every model that the tables compare: rows.json with the experiment's own entries on top,
# sweeps and continual sequences written out.
#
#   {rows: {NAME: {title, kind, files, ...}}, tables: {TABLE: [NAME...]},
#    sweeps: {AXIS: {title, points: [{value, change, row}]}}}
#
# A row's kind says what makes the model; it is the name of the key that holds the settings:
#   change      other switches or numbers of the method; from: what it takes from the plain run
#   tune        a training of its own
#   merge       another way to combine the two patches
#   decode      the original model, decoded in another way
#   continual   harm that comes in parts; from: the method, step, task
#   picked      a method at the setting that the search picked (front.jq)
#   method      a product of the plain run: no settings

def at($keys; $v): reduce $keys[] as $k ({}; setpath($k | split("."); $v));
def kind: . as $row
  | first("change", "tune", "merge", "decode", "picked" | select($row[.] != null)) // "method";
# How much of the plain run a change leaves as it is: the patches, the scores too, the regions too.
def from: if has("retention") or has("snip") then "patches"
  elif has("top") or (.merge | has("keep")) then "scores" else "regions" end;
# Files that options name: $R/... of the run, $O/... of the original, $S/... of the seed.
def files: [.. | strings | scan("\\$[ROS]/[A-Za-z0-9_./-]+")] | unique;

# A point of a sweep is a change; where a row is the same change, or none at all, that row serves.
def point($e; $rows; $axis; $keys; $v): at($keys; $v) as $change
  | [$rows | to_entries[] | select(.value.change == $change).key] as $same
  | {value: $v, change: $change,
     row: (if $e * $change == $e then "safepatching" else $same[0] // "\($axis)_\($v)" end)};
def sweeps($e): .rows as $rows | .sweeps | with_entries(.key as $axis | .value |= (. as $sweep
  | ($e | getpath($sweep.keys[0] | split("."))) as $now
  | ($sweep.values // [$sweep.times[] * $now]) as $values
  | {title, keys, points: [$values[] | point($e; $rows; $axis; $sweep.keys; .)]}));

# A row after each task, for each method.
def continual_rows: . as {$tasks, $methods, $names}
  | [$methods[] as $method | $tasks | to_entries[]
     | {key: "continual_\($method)_\(.key + 1)",
        value: {title: "\($names[$method] // $method): after \(.value)", kind: "continual",
                files: [], from: $method, step: (.key + 1), task: .value}}] | from_entries;

def plain_name: if test("^[A-Za-z0-9_.-]+$") then .
  else error("row \(tojson): a name has letters, digits and _.- only") end;

# [rows.json, experiment] -> everything
def expand: .[1] as $e
  | .[0] * ($e | {rows, sweeps, tables, continual} | with_entries(select(.value != null)))
  | .sweeps = sweeps($e)
  | .rows = ([.sweeps | to_entries[] | .key as $axis | .value.points[]
              | {key: .row, value: {title: "\($axis) = \(.value)", change}}] | from_entries) + .rows
  | .rows |= map_values(. + {kind: kind, files: files}
      | if .change then .from = (.change | from) elif .tune.data then .from = .tune.data else . end)
  | (.continual | continual_rows) as $continual
  | .rows += $continual
  | .tables.continual = ["original"] + ($continual | keys_unsorted)
  | .tables.sweep = (["original"] + [.sweeps[].points[].row] | unique)
  | (.rows | keys_unsorted | map(plain_name)) as $have | ([.tables[][]] | unique) as $used
  | .tables.all = [$have[] | select(. as $row | $used | index([$row]))];
