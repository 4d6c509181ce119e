# models.jq - the models that tables compare (rows.jq): what makes each, and how it is evaluated.
include "stages";
include "method";

# ---- evaluation -------------------------------------------------------------------------------

# Answers with their labels, perplexity, and counts a set. $weights is a stream in place of the
# model's weights, or null; $eval are options of sp-eval generate, $files those that they name. A
# model that is decoded in another way has no perplexity of its own.
def evaluation($c; $dir; $row; $weights; $eval; $files):
  "\($dir)/eval/\($row)" as $out | "\($c.who) evaluate \($row)" as $what
  | ({$weights} | options) as $weighted | [$weights // empty, $c.id] as $model
  | (if $eval.decoding then null else $c.text end) as $text
  | ( {label: $what, output: "\($out).answers.jsonl", inputs: ([$c.prompts] + $model + $files),
       command: ("sp-eval generate -v\($eval | sorted | options)\($weighted)"
         + " \([$c.model, $c.prompts] | words) | sp-eval judge -v -")}
      | stage($c; "answers") ),
    ( $text // empty
      | {label: "\($what): perplexity", output: "\($out).ppl.json", inputs: ([$text] + $model),
         command: "sp-eval ppl -v\($weighted) \([$c.model, $text] | words)"}
      | stage($c; "likelihood") ),
    ( ["\($out).answers.jsonl", if $text then "\($out).ppl.json" else empty end] as $made
      | {label: "\($what): counts", output: "\($out).json", inputs: $made,
         programs: ["collect", "collect.jq", "stats.jq" | "report/\(.)"],
         command: ("report/collect counts \($made | words)"
           + if $text then "" else " <(echo '{}')" end)}
      | light($c) );
# A seed's model, answering as the experiment has it.
def evaluated($c; $row; $weights): evaluation($c; $c.dir; $row; $weights; $c.e.eval; []);

# ---- rows -------------------------------------------------------------------------------------

# In the options of rows $R, $O and $S are the directories of the run, of the original, of the seed.
def located($c):
  split("$R") | join($c.run) | split("$O") | join($c.home) | split("$S") | join($c.dir);
def all_located($c): walk(if type == "string" then located($c) else . end);
def files($c): .files | map(located($c));

# Switches or numbers of the method; what these leave as it is comes from the plain run.
def changed($c; $name): . as $row | "\($c.dir)/\($name)" as $own
  | ($c + {e: ($c.e * $row.change), who: "\($c.who) \($name)"}) as $changed
  | (if $row.from == "patches" then $own else $c.dir end) as $scores
  | (if $row.from == "regions" then $c.dir else $own end) as $regions
  | if $row.from == "patches" then
      retention($changed; $own; $c.dir), scores($changed; $own; $c.dir) else empty end,
    if $row.from != "regions" then regions($changed; $own; $scores) else empty end,
    merges($changed; $own; $scores; $regions),
    evaluated($c; $name; "\($own)/safepatching.st.zst");

# A training of its own, with the settings of the patches where it does not say others.
def training($c; $name; $output; $log): (.tune | all_located($c)) as $tune
  | ($c.e | patch_options + $tune | del(.data) | sorted | options) as $options
  | ({log: (if $log then "\($log).part" else null end)} | options) as $logged
  | ($tune.data // $c.harm) as $data
  | {label: "\($c.who) \($name)", outputs: [$output, $log // empty],
     inputs: ([$c.id, $data] + files($c) | unique),
     command: "sp-grad tune -v\($options) --seed \($c.seed)\($logged) \([$c.model, $data] | words)"}
  | stage($c; "train");

# Another way to combine the two patches.
def merging($c; $name; $output): (.merge | all_located($c) | sorted | options) as $options
  | any(.merge[].method; IN("ties", "breadcrumbs", "slerp", "stock")) as $whole
  | {label: "\($c.who) \($name)", output: $output, inputs: ([$c.id] + files($c)),
     command: "sp-merge -v --seed \($c.seed) \($c.model | w)\($options)"}
  | stage($c; if $whole then "whole" else "tensors" end);

# A decoding-time defence: options of sp-eval generate, and the files that they name. Where the
# model is that of the tiny world, prompts are its own.
def decoding($c): $c.e.eval + .decode + (if $c.tiny then .world else {} end) | all_located($c);
def decoding_files($c): files($c) + [decoding($c) | .system_file, .anti_system_file | values];

# Rows of kind method that are a stream in the seed's directory.
def products: "only_safety", "only_oversafety", "intersect", "safepatching";

# What makes the model of a row, and its evaluation.
def row($c; $name): "\($c.dir)/\($name)" as $model | "\($model).st.zst" as $weights
  | if .kind == "change" then changed($c; $name)
    elif .kind == "decode" then
      evaluation($c; $c.dir; $name; null; decoding($c); decoding_files($c))
    elif .kind == "tune" then
      training($c; $name; $weights; "\($model).loss.jsonl"), evaluated($c; $name; $weights)
    elif .kind == "merge" then merging($c; $name; $weights), evaluated($c; $name; $weights)
    elif .kind == "method" and ($name | IN(products)) then evaluated($c; $name; $weights)
    else empty end;
