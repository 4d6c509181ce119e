# models.jq - the models that tables compare (rows.jq), and how each is evaluated.
include "stages";
include "method";

# ---- evaluation: answers and their labels, perplexity, counts ---------------------------------

# $weights: a stream in place of the model's weights, or null. $eval: options of sp-eval generate;
# $files: those that the options name. With a decoding of its own a model has no perplexity of its own.
def evaluation($c; $dir; $row; $weights; $eval; $files):
  "\($dir)/eval/\($row)" as $out | [$weights // empty, $c.id] as $model
  | (if $eval.decoding then null else $c.text end) as $text
  | ( {label: "\($c.who) evaluate \($row)", output: "\($out).answers.jsonl",
       inputs: ([$c.prompts] + $model + $files),
       command: ("sp-eval generate -v\($eval | sorted | options)\({$weights} | options)"
         + " \([$c.model, $c.prompts] | words) | sp-eval judge -v -")}
      | stage($c; "answers") ),
    ( $text // empty
      | {label: "\($c.who) evaluate \($row): perplexity", output: "\($out).ppl.json", inputs: ([.] + $model),
         command: "sp-eval ppl -v\({$weights} | options) \([$c.model, .] | words)"}
      | stage($c; "likelihood") ),
    ( {label: "\($c.who) evaluate \($row): counts", output: "\($out).json",
       inputs: ["\($out).answers.jsonl", if $text then "\($out).ppl.json" else empty end],
       programs: ["collect", "collect.jq", "stats.jq" | "report/\(.)"],
       command: ("report/collect counts \("\($out).answers.jsonl" | w)"
         + if $text then " \("\($out).ppl.json" | w)" else " <(echo '{}')" end)}
      | light($c) );

# ---- rows -------------------------------------------------------------------------------------

# $R and $S in the options of rows are the run and the seed's directory.
def located($c): split("$R") | join($c.run) | split("$S") | join($c.dir);
def all_located($c): walk(if type == "string" then located($c) else . end);

def tune_options($c): $c.e | patch_options;
def training($c; $row; $tune; $output; $log):
  ($tune | all_located($c)) as $tune | ($tune.data // $c.harm) as $data
  | (tune_options($c) + $tune | del(.data) | sorted | options) as $options
  | {label: "\($c.who) \($row)", outputs: [$output, $log // empty],
     command: ("sp-grad tune -v\($options) --seed \($c.seed)\({log: (if $log then $log + ".part" else null end)} | options)"
       + " \([$c.model, $data] | words)")};

# The switches or numbers of a change; what it leaves as it is comes from the plain run.
def changed($c; $name; $row): ($c + {e: ($c.e * $row.change), who: "\($c.who) \($name)"}) as $changed
  | "\($c.dir)/\($name)" as $own
  | (if $row.from == "patches" then $own else $c.dir end) as $scores
  | (if $row.from == "regions" then $c.dir else $own end) as $regions
  | if $row.from == "patches" then retention($changed; $own; $c.dir), scores($changed; $own; $c.dir) else empty end,
    if $row.from != "regions" then regions($changed; $own; $scores) else empty end,
    merges($changed; $own; $scores; $regions);

# A decoding-time defence: options of sp-eval generate, and the files that they name. Prompts of the tiny world are its own.
def decoding($c): $c.e.eval + .decode + (if $c.tiny then .world else {} end) | all_located($c);
def decoding_files($c): (.files | map(located($c))) + [decoding($c) | .system_file, .anti_system_file | values];

# What makes the model of a row, and its evaluation.
def row($c; $name; $row): ($row.files | map(located($c))) as $files
  | if $row.kind == "method" then
      select(any("only_safety", "only_oversafety", "intersect", "safepatching"; . == $name))
      | evaluation($c; $c.dir; $name; "\($c.dir)/\($name).st.zst"; $c.e.eval; [])
    elif $row.kind == "change" then
      changed($c; $name; $row),
      evaluation($c; $c.dir; $name; "\($c.dir)/\($name)/safepatching.st.zst"; $c.e.eval; [])
    elif $row.kind == "tune" then
      ( training($c; $name; $row.tune; "\($c.dir)/\($name).st.zst"; "\($c.dir)/\($name).loss.jsonl")
        | .inputs = ([$c.id, $c.harm] + $files | unique) | stage($c; "train") ),
      evaluation($c; $c.dir; $name; "\($c.dir)/\($name).st.zst"; $c.e.eval; [])
    elif $row.kind == "merge" then
      ( {label: "\($c.who) \($name)", output: "\($c.dir)/\($name).st.zst", inputs: ([$c.id] + $files),
         command: "sp-merge -v --seed \($c.seed) \($c.model | w)\($row.merge | all_located($c) | sorted | options)"}
        | stage($c; if any($row.merge[].method; . == null or . == "average" or . == "dare") then "tensors" else "whole" end) ),
      evaluation($c; $c.dir; $name; "\($c.dir)/\($name).st.zst"; $c.e.eval; [])
    elif $row.kind == "decode" then
      evaluation($c; $c.dir; $name; null; $row | decoding($c); $row | decoding_files($c))
    else empty end;

# ---- continual: harm that comes in parts; a method patches the model of the step before with the next ----
#
# Methods are safepatching; accumulate, the same with every step's patches taken from the original model
# and summed; or a row of kind tune, trained on and on. Files are in SEED/continual/METHOD/STEP.

def continual_step($c; $rows; $name; $steps): $rows[$name] as $row | $row.from as $method | $row.step as $t
  | "\($c.dir)/continual/\($method)" as $dir | "\($dir)/\($t)" as $own
  | "\($c.run)/continual/\($row.task).jsonl" as $harm
  | "\($dir)/\($t - 1)/model" as $last
  | ($c + {$harm, who: "\($c.who) \($name)"}
     + if $t == 1 or $method == "accumulate" then {} else {model: $last, id: "\($last).sha256"} end) as $step
  | (if $method == "safepatching" then "\($own)/safepatching.st.zst" else "\($own)/model.st.zst" end) as $model
  | (if $method == "safepatching" or ($method == "accumulate" and $t > 1) then
       patches($step; $own), control($step; $own; $own) else empty end),
    (if $method == "accumulate" then # its first step is that of safepatching
       ["\($c.dir)/continual/safepatching/1", "\($dir)/\(range(2; $t + 1))"] | map("\(.)/safepatching.st.zst") as $patched
       | {label: "\($c.who) \($name)", output: $model, inputs: ($patched + [$c.id]),
          command: "sp-merge -v \($c.model | w)\([$patched[] | " --add <(sp-diff \(w) \($c.model | w))"] | add)"}
       | stage($c; "tensors")
     elif $method != "safepatching" then
       training($step + {who: $c.who}; $name; $rows[$method].tune; $model; null)
       | .inputs = ([$step.id, $harm] + ($rows[$method].files | map(located($c)))) | stage($c; "train")
     else empty end),
    (if $method != "accumulate" and $t < $steps then # a checkpoint, for the step after it
       {label: "\($c.who) \($name) unpack", output: "\($own)/model.sha256", inputs: [$model], programs: ["experiments/steps/unpack"],
        command: "experiments/steps/unpack \([$c.model, $model, "\($own)/model"] | words)"} | stage($c; "text")
     else empty end),
    evaluation($step + {who: $c.who}; $c.dir; $name; $model; $c.e.eval; []);
