# continual.jq - harm that comes in parts, one category after the other.
#
# A method patches the model of the step before with the harmful data of the next category. Methods
# are safepatching; accumulate, the same with every step's patches taken from the original model and
# summed; or a row of kind tune, trained on and on. Files are in SEED/continual/METHOD/STEP.
include "stages";
include "method";
include "models";
include "front";

# The original model plus what each of $patched adds to it.
def accumulated($c; $name; $output; $patched):
  {label: "\($c.who) \($name)", output: $output, inputs: ($patched + [$c.id]),
   command: ("sp-merge -v \($c.model | w)"
     + ([$patched[] | " --add <(sp-diff \([., $c.model] | words))"] | add))}
  | stage($c; "tensors");

# A checkpoint of $weights, $dir/model, for the step after this one. model.sha256 stands for it.
def checkpoint($c; $name; $dir; $weights): "\($dir)/model" as $model
  | {label: "\($c.who) \($name) unpack", output: "\($model).sha256", inputs: [$weights],
     command: ("mkdir -p \($model | w) && find \($c.model | w) -maxdepth 1 -type f"
       + " ! -name '*.safetensors' ! -name '*.index.json' -exec cp -t \($model | w) {} +"
       + " && zstd -dcq \($weights | w) >\($model | w)/model.safetensors"
       + " && sha256sum <\($model | w)/model.safetensors")}
  | stage($c; "text");

# The settings that the search picked for a method, where it has, instead of the experiment's.
def at_pick($c; $method): $c.picks.picks[$method] as $pick
  | if $pick then method_named($c; $method) as $m | of_setting($c; $m; $pick.values) | .who = $c.who
      | if $m.region then .e.merge += ($pick.values | {alpha: .scale, beta: (.scale * .balance)})
        else .scale = $pick.values.scale end
    else $c end;

# A row of kind tune as a step: its training, of which so much is added as was picked.
def trained_step($c; $name; $weights):
  "\($weights | rtrimstr(".st.zst")).trained.st.zst" as $trained
  | training($c; $name; $trained; null),
    ( {label: "\($c.who) \($name), scaled", output: $weights, inputs: [$trained, $c.id],
       command: ("sp-merge -v \($c.model | w) --add <(sp-diff \([$trained, $c.model] | words))"
         + " --scale \($c.scale // 1)")}
      | stage($c; "tensors") );

# $rows: all rows; $steps: how many steps there are
def continual_step($c; $name; $rows; $steps): .from as $method | .step as $t
  | "\($c.dir)/continual/\($method)" as $dir | "\($dir)/\($t)" as $own
  | "\($dir)/\($t - 1)/model" as $before
  | (at_pick($c; if $method == "accumulate" then "safepatching" else $method end)
     + {harm: "\($c.run)/continual/\(.task).jsonl"}
     + if $t == 1 or $method == "accumulate" then {}
       else {model: $before, id: "\($before).sha256"} end) as $step
  | (if $method == "safepatching" then "\($own)/safepatching.st.zst"
     else "\($own)/model.st.zst" end) as $weights
  # the first step of accumulate is that of safepatching
  | if $method == "safepatching" or ($method == "accumulate" and $t > 1) then
      ($step + {who: "\($c.who) \($name)"}) as $named
      | patches($named; $own), control($named; $own; $own) else empty end,
    if $method == "accumulate" then
      ["\($c.dir)/continual/safepatching/1", "\($dir)/\(range(2; $t + 1))"] as $steps_before
      | accumulated($c; $name; $weights; $steps_before | map("\(.)/safepatching.st.zst"))
    elif $method != "safepatching" then $rows[$method] | trained_step($step; $name; $weights)
    else empty end,
    if $method != "accumulate" and $t < $steps then checkpoint($c; $name; $own; $weights)
    else empty end,
    evaluated($step; $name; $weights);
