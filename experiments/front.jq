# front.jq - the search: what each method can do over its settings, instead of at one.
#
# front.json lists the methods and the axes of their settings; every method gets as many settings
# as every other, `budget`. Settings are evaluated on the validation split (SEED/front/METHOD.jsonl)
# and pick.jq chooses one for each method by a rule that is fixed beforehand
# (SEED/front/picks.json). What is chosen is evaluated on the test split
# (SEED/picked/METHOD/MASK.json), under several random masks where the method has such. The second
# half of the plan therefore follows from the picks: it is there once they are made
# ($c.seeds[].picks).
#
# A method's keys:
#   region   SafePatching or a relative: which regions of the two patches are added
#              difference  of each top region what is not in the other's
#              common      what both share
#              rest        all that is retained, less what both share
#              random      as many retained parameters as in `difference`, at random
#              swapped     each patch in the other's region
#            with snip, p, shuffled, data where these differ from the experiment's
#   merge    options of sp-merge, "add" naming a patch: whole patches, combined in another way
#   tune     a row of rows.json whose training is the patch
#
#   masks    under how many random masks the picked setting is evaluated (1)
#
# Values of a setting: patch (of `patches`), rate (a = b), scale (of the safety patch, or of all
# that is added), balance (scale of the over-safety patch / scale of the safety patch).
include "stages";
include "method";
include "models";

# ---- settings --------------------------------------------------------------------------------

# One value of each axis; an axis of objects gives several values at once.
def settings_of_axes: if length == 0 then {} else .[0] as $axis
  | ($axis.value | if type == "array" then .[] else . end) as $v
  | ({($axis.key): $v} | if $v | type == "object" then $v else . end)
    + (.[1:] | settings_of_axes) end;
# {NAME: method} -> {NAME: method with its settings, numbered}. Where the balance is "matched" a
# setting stands for three, whose balances are looked for (experiments/matched).
def with_settings($budget): with_entries(.key as $name | .value |=
  ( (if any(.axes[]; .balance == "matched") then 3 else 1 end) as $tries
    | .settings = [[.axes[] | to_entries | settings_of_axes] | to_entries[]
        | {number: (.key * $tries + 1), values: .value}]
    | ((.settings | length) * $tries) as $n
    | if $n != $budget then error("front.json: \($name) has \($n) settings, not \($budget)")
      else del(.axes) end));

# ---- where the files of a setting lie --------------------------------------------------------

# What is as in the plain run is the plain run's; the rest lies in SEED/front. $v: values.
def patch_dir($c; $m; $v):
  "\($c.dir)\(if $m.data then "/front/\($m.name)" else "" end)" as $dir
  | if $c.front.patches[$v.patch] == {} then $dir else "\($dir)/front/\($v.patch)" end;
def score_dir($c; $m; $v): patch_dir($c; $m; $v) as $patches
  | if $c.mask then "\($c.dir)/picked/\($m.name)/mask\($c.mask)"
    elif $m.snip or $m.p or $m.shuffled then "\($patches)/front/\($m.name)"
    else $patches end;
def region_dir($c; $m; $v): score_dir($c; $m; $v)
  | if $v.rate == $c.e.top.a and $v.rate == $c.e.top.b then . else "\(.)/top\($v.rate)" end
  | if $m.region == "rest" then "\(.)/rest" else . end;

# Where the retained patches and their masks lie. Shuffled scores keep those of the scores that they
# come from.
def kept_dir($c; $m; $v):
  if $m.shuffled | not then score_dir($c; $m; $v)
  elif $c.mask then "\(score_dir($c; $m; $v))/scores"
  else patch_dir($c; $m; $v) end;
def method_named($c; $name): first($c.methods[] | select(.name == $name));

# The experiment with the numbers of a setting.
def of_setting($c; $m; $v): $c
  | .e *= ({patch: $c.front.patches[$v.patch]}
      + (if $v.rate then {top: {a: $v.rate, b: $v.rate}} else {} end)
      + (if $m.snip then {snip: $m.snip} else {} end)
      + (if $m.p then {retention: {p: $m.p}} else {} end)
      + (if $m.region == "rest" then {merge: {keep: "p_minus_intersection"}} else {} end))
  | .who = "\($c.who) \($m.name)"
  | if $m.data then .harm = ($m.data | located($c)) else . end
  | if $c.mask then .seed = (($c.seed | tonumber) + 1000 * $c.mask | tostring) else . end;

# ---- stages that settings share --------------------------------------------------------------

# Scores in another order within each matrix.
def shuffled($c; $dir; $scores): kinds as $kind
  | {label: "\($c.who) \($kind) scores, shuffled", output: "\($dir)/\($kind).score.st.zst",
     inputs: ["\($scores)/\($kind).score.st.zst"],
     command: ("sp-mask shuffle -v --seed \($c.seed) --key \($kind)"
       + " \("\($scores)/\($kind).score.st.zst" | w)")}
  | stage($c; "whole");

# As many of the retained parameters as the difference set has, at random.
def random_regions($c; $dir; $scores): "\($dir)/overlap.json" as $overlap
  | kinds as $kind | "\($scores)/\($kind).mask.st.zst" as $mask
  | (if $kind == "safety" then "a" else "b" end) as $own
  | {label: "\($c.who) \($kind) random region", output: "\($dir)/\($kind).random.st.zst",
     inputs: [$mask, $overlap],
     command: ("sp-mask random -v --seed \($c.seed) --key region-\($kind)"
       + " -p $(jq '.total | (.\($own) - .both) / (\($c.e.retention.p) * .numel)' \($overlap | w))"
       + " \($mask | w) | sp-mask and -v \($mask | w) -")}
  | stage($c; "tensors");

# Everything from the patches to the regions of a setting.
def parts_of_setting($c; $m; $v):
  of_setting($c; $m; $v) as $own | patch_dir($c; $m; $v) as $patches
  | kept_dir($c; $m; $v) as $kept | score_dir($c; $m; $v) as $scores
  | region_dir($c; $m; $v) as $regions
  | if ($m.merge or $m.region) and ($c.mask | not) then patches($own; $patches) else empty end,
    if $m.tune then $c.all_rows[$m.tune]
      | training($own; $m.name; "\($patches)/\($m.tune).st.zst";
          "\($patches)/\($m.tune).loss.jsonl")
    elif $m.region then
      retention($own; $kept; $patches), scores($own; $kept; $patches),
      if $m.shuffled then shuffled($own; $scores; $kept) else empty end,
      regions($own; $regions; $scores),
      if $m.region == "random" then random_regions($own; $regions; $scores) else empty end
    else empty end;

# ---- the model of a setting ------------------------------------------------------------------

# -> [{add, mask, scale} ...] and what else sp-merge is told
def added($c; $m; $v): patch_dir($c; $m; $v) as $patches
  | {safety: $v.scale, oversafety: (if $v.balance == "matched" then "%BETA%"
       else $v.scale * ($v.balance // 1) | . * 1e6 | round / 1e6 end)} as $scales
  | if $m.tune then [{add: "\($patches)/\($m.tune).st.zst", scale: $v.scale, model: true}]
    elif $m.merge then
      [$m.merge[] | if .add then .scale = $scales[.add] | .add = "\($patches)/\(.add).st.zst"
        else . end]
    else region_dir($c; $m; $v) as $regions | kept_dir($c; $m; $v) as $kept
      | [kinds as $kind
        | ({common: "common", random: "\($kind).random", swapped: "\($kind | other).region"}
            [$m.region] // "\($kind).region") as $mask
        | {add: "\($kept)/\($kind).kept.st.zst", mask: "\($regions)/\($mask).st.zst",
           scale: $scales[$kind]}]
    end;
def merge_of_setting($c; $m; $v): added($c; $m; $v) as $added | of_setting($c; $m; $v) as $own
  | {inputs: ([$added[] | .add, .mask | values] + [$c.id] | unique),
     command: ("sp-merge -v \($c.model | w)"
       + (if $m.merge then " --seed \($own.seed)" else "" end)
       + ([$added[] | if .model
           then " --add <(sp-diff -v \([.add, $c.model] | words)) --scale \(.scale)"
           else options end] | add))};

# ---- evaluation by margins -------------------------------------------------------------------

def margins($c; $weights; $prompts):
  "sp-eval margin -v\({openings: $c.openings} | options)\($weights)"
  + " \([$c.model, $prompts] | words)";
def outcome_programs: ["collect", "outcomes.jq", "stats.jq" | "report/\(.)"];

# All settings of a method on the validation split, one pipe each.
def search($c; $m): "\($c.home)/front/original.json" as $original
  | [$m.settings[] | {setting: ., merge: merge_of_setting($c; $m; .values)}] as $each
  | {label: "\($c.who) \($m.name), search", output: "\($c.dir)/front/\($m.name).jsonl",
     inputs: ([$each[].merge.inputs[], $original, $c.validation, $c.openings | values] | unique),
     programs: (outcome_programs + ["experiments/matched", "experiments/matched.jq"]),
     command: ([$each[] | ({method: $m.name} + .setting | tojson) as $info
       | "\(.merge.command) | \(margins($c; " --weights -"; $c.validation))" as $pipe
       | if .setting.values.balance == "matched"
         then "experiments/matched \([$original, $info, $pipe] | words)"
         else "\($pipe) | report/collect outcomes \($info | @sh)" end] | join("; "))}
  | stage($c; "answers");
def original_on_validation($c):
  {label: "\($c.who) original, validation", output: "\($c.home)/front/original.json",
   inputs: [$c.id, $c.validation, $c.openings | values], programs: outcome_programs,
   command: ("\(margins($c; ""; $c.validation))"
     + " | report/collect outcomes \({method: "original"} | tojson | @sh)")}
  | stage($c; "answers");

# The choice: nothing of the test split is among its inputs.
def pick($c): "\($c.home)/front/original.json" as $original
  | [$c.methods[] | "\($c.dir)/front/\(.name).jsonl"] as $settings
  | {label: "\($c.who) pick", output: "\($c.dir)/front/picks.json",
     inputs: ([$c.front_file, $original] + $settings),
     programs: ["experiments/pick.jq", "report/outcomes.jq"],
     command: ("jq -nc -L experiments 'include \"pick\"; picks(input; input)'"
       + " \([$c.front_file, $original] + $settings | words)")}
  | light($c);

# ---- what was picked, on the test split ------------------------------------------------------

def on_test($c; $name; $inputs; $command; $number; $info): "\($c.dir)/picked/\($name)" as $dir
  | "\($dir)/\($number).margins.jsonl" as $margins
  | "\($c.dir)/picked/original/1.margins.jsonl" as $original
  | ( {label: "\($c.who) \($name) \($number), test", output: $margins,
       inputs: ($inputs + [$c.test, $c.openings | values]),
       command: "\($command) | jq -c '{id, set, category, margin, outcome} | del(..|nulls)'"}
      | stage($c; "answers") ),
    ( {label: "\($c.who) \($name) \($number), outcomes", output: "\($dir)/\($number).json",
       inputs: ([$margins, $original] | unique),
       programs: outcome_programs,
       command: ("report/collect outcomes \({method: $name, mask: $number} + $info | tojson | @sh)"
         + " \($margins | w)\(if $margins == $original then "" else " \($original | w)" end)")}
      | light($c) );
# Picks and masks: [METHOD, PICK, NUMBER], a method that was not picked has none.
def picked_each($c): $c.methods[] as $m | ($c.picks.picks[$m.name] // empty) as $pick
  | range(1; ($m.masks // 1) + 1) | [$m, $pick, .];
def picked_files($c): "original/1", (picked_each($c) | "\(.[0].name)/\(.[2])")
  | "\($c.dir)/picked/\(.).json";
def picked($c): if $c.picks == null then empty else
    on_test($c; "original"; [$c.id]; margins($c; ""; $c.test); 1; {}),
    ( picked_each($c) as [$m, $pick, $number]
      | ($c + if $number == 1 then {} else {mask: $number} end) as $masked
      | (if $number > 1 and $m.region then parts_of_setting($masked; $m; $pick.values)
         else empty end),
        ( merge_of_setting($masked; $m; $pick.values) as $merge
          | on_test($c; $m.name; $merge.inputs;
              "\($merge.command) | \(margins($c; " --weights -"; $c.test))"; $number; $pick) ) )
  end;

# SafePatching against every other method, as picked.
def versus($c): if $c.picks == null then empty else
    ["\($c.dir)/picked/safepatching/1.margins.jsonl",
     ($c.methods[] | select(.name != "safepatching" and $c.picks.picks[.name])
      | "\($c.dir)/picked/\(.name)/1.margins.jsonl")] as $margins
    | {label: "\($c.who) SafePatching against the others", output: "\($c.dir)/picked/versus.jsonl",
       inputs: $margins, programs: outcome_programs,
       command: "report/collect versus \($margins | words)"}
    | light($c) end;

# A row of the tables: a picked setting, answering as the experiment has it.
def picked_row($c; $name): .picked as $method | $c.picks.picks[$method] as $pick
  | "\($c.dir)/\($name).st.zst" as $weights
  | if $pick == null then empty else method_named($c; $method) as $m |
      ( merge_of_setting($c; $m; $pick.values) as $merge
        | {label: "\($c.who) \($name)", output: $weights, inputs: $merge.inputs,
           command: $merge.command}
        | stage($c; if $method == "ties" then "whole" else "tensors" end) ),
      evaluated($c; $name; $weights) end;

# ---- all -------------------------------------------------------------------------------------

def front($c):
  original_on_validation($c),
  ( $c.methods[] as $m
    | ([$m.settings[].values | {patch, rate}] | unique[] | parts_of_setting($c; $m; .)),
      search($c; $m) ),
  pick($c), picked($c), versus($c);
