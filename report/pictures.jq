# pictures.jq - the numbers of each picture, as rows of values (report/pictures draws them).
include "report";

# ---- the trade-off ----

# The models of the picture, numbered as the tables come; family is what kind of method each is. A
# report of a single table is one family.
def family($tables):
  . as $row | def in_table($table): $tables[$table] // [] | any(. == $row);
  if $tables == null or in_table("method") then "method"
  elif in_table("merging") then "merging"
  elif in_table("decoding") then "decoding"
  else "training" end;
def tradeoff:
  attack as $asr | .tables as $tables | by_name as $models
  | (if $tables then [$tables | del(.sweep, .continual, .all) | .[][]] else [.rows[].row] end)
  | [reduce .[] as $row ([]; if any(.[]; . == $row) then . else . + [$row] end)
      | $models[.[]] | select(.mean[$asr] and .mean.refused_lookalike)]
  | to_entries | map(.value + {number: (.key + 1), family: (.value.row | family($tables))});

# A row a model: NAME FAMILY X Y XLOW XHIGH YLOW YHIGH; square roots, as most lie near the corner.
def tradeoff_points(name):
  attack as $asr | tradeoff[]
  | [name, .family,
     (.mean.refused_lookalike, .mean[$asr],
      (.interval | .refused_lookalike.lo, .refused_lookalike.hi, .[$asr].lo, .[$asr].hi)
      | if . then [., 0] | max | [., 1] | min | sqrt else null end)];
# Beside a numbered list of the models only two are named.
def number_or_name:
  if .row | IN("original", "safepatching") then "\(.number) \(.title)" else .number end;

# ---- sweeps ----

# A row a point: VALUE OURS, then of harmful answered and of look-alikes refused RATE LOW HIGH, then
# the utility lost. OURS is 1 where the method stands.
def sweep_points($axis):
  attack as $asr | by_name as $models
  | [(.sweeps // {})[$axis].points // [] | sort_by(.value)[] | select($models[.row])]
  | select(length > 1)[] # one point is no curve
  | . as {$value, $row} | $models[$row]
  | [$value, if $row == "safepatching" then 1 else 0 end,
     (($asr, "refused_lookalike") as $metric | .mean[$metric], (.interval[$metric] | .lo, .hi)),
     (.mean.utility | if . then 1 - . else null end)];

# ---- where the important parameters lie ----

# A row a place: PLACE SAFETY OVERSAFETY; $by is depth or kind.
def layer_shares($by):
  (.layers.global // {})[$by] // [] | .[]
  | [(.place | tostring | rtrimstr("_proj")), .share_a, .share_b];

# ---- harm that comes in parts ----

# A list of {title, steps: [row...]}, one a method; each sequence starts at the original.
def sequences:
  by_name as $models
  | reduce ((.tables.continual // [])[] | select($models[.])
      | capture("^continual_(?<method>.*)_(?<t>[0-9]+)$") + {row: .}) as $step ({};
      .[$step.method].title = ($models[$step.row].title | sub(": after .*"; ""))
      | .[$step.method].steps += [$models[$step.row]])
  | map(.steps = [$models.original] + .steps);
# A row a step: a value for each of the methods.
def after_each_category(value):
  [sequences[].steps] | transpose[] | map(if . == null then null else value end);
def harm_after_each_category: attack as $asr | after_each_category(.mean[$asr]);
def unanswered_after_each_category:
  after_each_category(.mean.answered_lookalike | if . then 1 - . else null end);
# The steps' names, as gnuplot's list of tics.
def category_tics:
  by_name as $models
  | ["Original", (.tables.continual[] | select(test("safepatching_"))
      | $models[.].title // "" | sub(".*: after "; "+ "))]
  | [to_entries[] | "\"\(.value)\" \(.key)"] | join(", ");
# The methods' names, as elements of a gnuplot array.
def sequence_names: [sequences[].title] | to_entries[] | "name[\(.key + 1)] = \(.value | tojson)";
