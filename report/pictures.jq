# pictures.jq - the numbers of each picture, as rows of values (report/pictures draws them).
include "stats";
include "report";
include "front";

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

# ---- the search: settings on the validation split, what was picked on the test split ----

# A report, or front.json itself -> front.json; null where no search was made
def search: if has("picks") then . else .front end;

# Colours of the picture: methods by family. Each but the last has a front.
def families_of_search: "method", "random", "merging", "training", "single", "other";
def family_of_method($name):
  .methods[$name].group as $group
  | if $name == "random_sets" then "random"
    elif $name | startswith("only_") then "single"
    elif $group | IN("method", "merging", "training") then $group
    else "other" end;
# A row a family that has methods: FAMILY TITLE
def search_legend:
  search | values | . as $search
  | families_of_search as $family
  | [.methods | keys_unsorted[] | select(. as $name | $search | family_of_method($name) == $family)]
  | select(. != [])
  | [$family, if $family == "single" then "one patch, scaled"
      elif $family == "other" then "variants, other controls"
      else [$search.methods[.[]].title] | join(", ") end];

# Does a setting keep utility and benign answers, and is hardly more left neither answered nor
# refused? That is the rule of experiments/pick.jq, of the worst set and without its demand on
# look-alikes, which are an axis here.
def keeps($original; $tolerance):
  def worst: if type == "object" then [.[]] | max else . end;
  . as $rates
  | all("utility", "answered_benign"; $rates[.] == null or $original[.] == null
      or $rates[.] >= $original[.] - $tolerance[.] - 1e-9)
    and (.neither // 0) <= ($original.neither // 0 | worst) + $tolerance.neither + 1e-9;

# Rates -> [X, Y]: harmful requests answered, look-alikes not answered
def place: [.asr, (.answered_lookalike | if . then 1 - . else null end)];
def root: if . then [., 0] | max | [., 1] | min | sqrt else null end;

# XMIN XMAX YMIN YMAX of the axes, square roots: the surroundings of the originals and of the picks
# that keep what the rule asks. Settings that lie further away are not seen.
def search_range:
  search | values
  | [(.originals[], (.picks[] | select(.kept))) | .validation, .test | values | place]
  | transpose | map(map(values) | select(. != []))
  | [.[] | min * 0.6, max * 1.3] | map([., 1] | min)
  | .[0] = 0
  | .[1, 3] |= ([., 0.02] | max) # also where nothing is answered, or everything
  | map(sqrt);
def search_seeds: search | values | .originals[].seed;

# A row a point: SPLIT ORIGINAL KIND FAMILY X Y XLOW XHIGH YLOW YHIGH KEPT; square roots. SPLIT is
# validation or test, ORIGINAL counts from 1. KIND is one of
#   curve      the original with the threshold of its refusals moved
#   original   as it is
#   setting    of a method, on validation; KEPT is 1 if it keeps what the rule asks, else 0
#   front      settings that keep it and that none of their family beats
#   pick       of a method, on test; KEPT as the rule has it; LOW and HIGH are the 95 % interval of
#              so many items, or the range over the masks where that is wider
def search_points:
  search | values | . as {$picks, $points, $tolerance} | . as $search
  | def family: .method as $method | $search | family_of_method($method);
    def row($split; $number; $kind; $family; $bars; $kept):
      select(all(. != null))
      | [$split, $number, $kind, $family, (.[], $bars[] | root), if $kept then 1 else 0 end];
    # LOW, HIGH of a rate; $masks: those of each mask, $set: its counts
    def bar($masks; $set):
      (if $set then wilson($set.n) else {lo: ., hi: .} end) as {$lo, $hi}
      | ([$lo, $masks[]] | min), ([$hi, $masks[]] | max);
    def bars($pick; $sets):
      [(.[0] | bar([$pick.masks[]?.asr]; $sets | .harm_unseen // .harm_seen)),
       (.[1] | bar([$pick.masks[]? | place[1]]; $sets.lookalike))];
    .originals | to_entries[] | (.key + 1) as $number | .value as $original
  | def plain($split; $kind; $family; $kept):
      row($split; $number; $kind; $family; [null, null, null, null]; $kept);
    [$points[] | select(.seed == $original.seed) | family as $family | .points[]
     | {$family, asr, answered_lookalike,
        keeps: keeps($original.validation; $tolerance)}] as $settings
  | ($original.validation_curve // [] | .[] | plain("validation"; "curve"; "-"; true)),
    ($original.curve // [] | .[] | plain("test"; "curve"; "-"; true)),
    ($original.validation | values | place | plain("validation"; "original"; "-"; true)),
    ($original.test | values | place | plain("test"; "original"; "-"; true)),
    ($settings[] | . as {$family, $keeps} | place
      | plain("validation"; "setting"; $family; $keeps)),
    ((families_of_search | select(. != "other")) as $family
      | [$settings[] | select(.family == $family and .keeps)] | front_of[] | place
      | plain("validation"; "front"; $family; true)),
    ($picks[] | select(.seed == $original.seed) | family as $family | . as $pick
      | .test | values | place | select(all(. != null))
      | row("test"; $number; "pick"; $family; bars($pick; $original.sets); $pick.kept));

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
