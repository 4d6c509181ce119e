# plan.jq - an experiment as a plan: every stage of every target, with its files and its command.
#
#   {run, experiment, seeds, rows, tables, sweeps, stages: [STAGE...], targets: {TARGET: [FILE...]}}
#
# experiments/plan calls this with all that is outside: names of files and directories, keys of the
# cache, the seeds; $experiment, $rows and $grid are JSON files, slurped.
# A STAGE is described in stages.jq. experiments/makefile.jq prints the plan as a makefile.
include "memory";
include "stages";
include "rows";
include "method";
include "models";
include "world";

# ---- what a run starts from -------------------------------------------------------------------

# The digest stands for the bytes of the model in every dependency.
def inputs_of_run($c; $model_files):
  ( {label: "model", output: $c.id, inputs: $model_files, command: "cat \($c.model | w)/*.safetensors | sha256sum"},
    ( [sets[] | select(. as $s | any($c.data_files[]; . == $s))] as $found
      # without harm_seen.jsonl the questions of harm.jsonl serve, judged without a reference
      | [(if any($found[]; . == "harm_seen") then empty else "harm" end), $found[] | "\($c.data)/\(.).jsonl"] as $files
      | {label: "prompts", output: $c.prompts, inputs: $files, programs: ["experiments/steps/prompts.jq"],
         command: "jq -nc -f experiments/steps/prompts.jq \($files | words)"} ) )
  | light($c);

# Sets that the data lack.
def left_out($c): [sets[] | select(. as $s | $c.data_files + ["harm_seen"] | index([$s]) | not) | "\($c.data)/\(.).jsonl"];

# Data that only baselines use: harmless questions with their answers, harmful questions with
# answers that belong elsewhere, and the model's own refusals.
def data_of_baselines($c):
  "\($c.run)/retain.jsonl" as $retain
  | ( {label: "harmless pairs", output: $retain}
      + (if any($c.data_files[]; . == "retain") then
           "\($c.data)/retain.jsonl" | {inputs: [.], command: "cat \(w)"}
         elif any($c.data_files[]; . == "align") then
           "\($c.data)/align.jsonl" | {inputs: [., $c.harm], programs: ["experiments/steps/retain.jq"],
             command: "jq -nc --slurpfile harm \($c.harm | w) -f experiments/steps/retain.jq \(w)"}
         else ("\($c.data)/retain.jsonl: harmless question-answer pairs are missing"
               + " (baselines with a retain term need them)") | {inputs: [], command: "echo \(@sh) >&2; exit 1"} end),
      {label: "mismatched pairs", output: "\($c.run)/mismatch.jsonl", inputs: [$c.harm, $retain],
       programs: ["experiments/steps/mismatch.jq"],
       command: "jq -nc -f experiments/steps/mismatch.jq --slurpfile retain \($retain | w) \($c.harm | w)"}
      | light($c) ),
    ( {label: "own refusals", output: "\($c.run)/refusals.jsonl", inputs: [$c.harm, $c.id],
       programs: ["experiments/steps/refusals", "\($c.bin)/sp-eval"],
       command: "experiments/steps/refusals \([$c.model, $c.harm] | words)"}
      | stage($c; "answers") );
# The part of the harmful data that a task of the continual sequence brings.
def parts($c; $tasks): $tasks[] as $task | "\($c.run)/continual/\($task).jsonl" as $part
  | "\($c.harm): nothing of category \($task)" as $none
  | {label: "harm: \($task)", output: $part, inputs: [$c.harm],
     command: "jq -c \("select(.category == \($task | tojson))" | @sh) \($c.harm | w) | grep . || { echo \($none | @sh) >&2; exit 1; }"}
  | light($c);

# ---- one seed: the method, and every row ------------------------------------------------------

def seed($c; $x): ($x.continual.tasks | length) as $steps
  | patches($c; $c.dir), control($c; $c.dir; $c.dir), alone($c; $c.dir),
    ( $x.rows | to_entries[] | row($c; .key; .value) ),
    ( $x.rows | to_entries[] | select(.value.kind == "continual") | .key
      | continual_step($c; $x.rows; .; $steps) );

# ---- tables, pictures -------------------------------------------------------------------------

# A row's counts, once a seed; the original has none.
def counts_of($c; $row): if $row == "original" then "\($c.run)/eval/original.json"
  else "\($c.seeds[].dir)/eval/\($row).json" end;

# What turns results into tables, and tables into Markdown.
def collect($more): ["collect", "collect.jq", "stats.jq", $more[] | "report/\(.)"];
def markdown($what; $json): {output: ($json | rtrimstr(".json") + ".md"), label: "\($what) as Markdown", inputs: [$json],
  programs: ["markdown", "markdown.jq", "tables.jq", "claims.jq", "report.jq", "stats.jq" | "report/\(.)"],
  command: "report/markdown \($what) \($json | w)"};

# The rows, their titles and their order, as rows.jq writes them out.
def titles($c): [$c.rows, $c.experiment] as $files
  | {label: "rows", output: $c.titles, inputs: $files, programs: ["experiments/rows.jq"],
     command: ("jq -sc -L experiments 'include \"rows\"; expand | {rows, tables, sweeps}' \($files | words)")}
  | light($c);

# TABLE.json, all numbers and their provenance, and TABLE.md.
def table($c; $name; $rows):
  ([counts_of($c; $rows[])] + ["\($c.seeds[].dir)/\("overlap", "patches").json"]
    + if $name == "all" then ["\($c.run)/\("layers", "speed").json"] else [] end) as $files
  | ($c.caches + ["\($c.run)/eval", $c.seeds[].dir]) as $recorded
  | "\($c.run)/\($name).json" as $json
  | ( {label: "table \($name)", output: $json, inputs: ($files + [$c.experiment, $c.titles]),
       programs: collect(["claims.jq", "report.jq"]),
       command: ("report/collect table \([$name, $c.run, $c.experiment, $c.titles] | words)"
         + " \($recorded | words) -- \($files | words)")},
      markdown("table"; $json) )
  | light($c);

def picture($c): "\($c.run)/method.json" as $table | "\($c.run)/tradeoff.svg" as $svg
  | {label: "picture", output: $svg, inputs: [$table],
     programs: ["pictures", "pictures.jq", "report.jq", "labels.awk" | "report/\(.)"],
     command: "report/pictures \([$table, "\($svg).part"] | words)"}
  | light($c);

# Where the important parameters lie: by matrix, and in one top region over all matrices.
def layers($c): $c.seeds[0].dir as $first | "\($c.run)/layers.json" as $json
  | [$first, "\($first)/global_top" | "\(.)/overlap.json"] as $overlaps
  | ( {label: "layers", output: $json, inputs: $overlaps, programs: collect([]),
       command: "report/collect layers \($overlaps | words)"},
      markdown("layers"; $json) )
  | light($c);

# Time a token of the decodings that have an expert or a second prompt, beside that of the original and of
# patched weights: 48 tokens, the fastest of 5 rounds.
def speed($c; $x): $c.seeds[0] as $first | "\($first.dir)/safepatching.st.zst" as $patched
  | "\($c.run)/speed_prompts.jsonl" as $prompts | "\($c.run)/speed.json" as $json
  | ["safedecoding", "self_cd", "rose" | select($x.rows[.])] as $decodings
  | ( {label: "prompts for speed", output: $prompts, inputs: [$c.prompts],
       command: "jq -c 'select(.set == \"lookalike\" or .set == \"benign\")' \($c.prompts | w) | sed -n '1~20p'"},
      markdown("speed"; $json)
      | light($c) ),
    ( ([{name: "original", options: ""}, {name: "safepatching", options: ({weights: $patched} | options)}]
       + [$decodings[] | {name: ., options: ($x.rows[.] | decoding($first)
            | del(.batch, .max_new) | sorted | options)}]) as $ways
      | {label: "time a token", output: $json,
         inputs: ([$prompts, $patched, $c.id] + [$x.rows[$decodings[]] | decoding_files($first)[]] | unique),
         programs: ["experiments/steps/speed", "\($c.bin)/sp-eval"],
         command: "experiments/steps/speed \([$c.model, $prompts, 5, 48, ($ways[] | .name, .options)] | words)"}
      | stage($c; "answers") );

# ---- grid: readings of the ambiguous switches side by side, on the patches of the first seed ---------------

# Axes to cells {NAME: OVERLAY}. An axis is a dotted path into the experiment and its values; a cell
# takes one value of each axis.
def product: if length == 0 then {} else .[0] as $axis | $axis.value[] as $v
  | at([$axis.key]; $v) * (.[1:] | product) end;
def cells: [to_entries | product] | to_entries
  | map({key: "c\(.key + 101 | tostring | .[1:])", value}) | from_entries;

def grid($c; $cells): $c.seeds[0] as $first | "\($c.run)/grid" as $grid
  | ["safepatching", "intersect"] as $rows
  | ( $cells | to_entries[] | .key as $cell
      | ($first + {e: ($c.e * .value), who: $cell}) as $changed | "\($grid)/\($cell)" as $own
      | control($changed; $own; $first.dir),
        ( $rows[] as $row | evaluation($changed; $own; $row; "\($own)/\($row).st.zst"; $changed.e.eval; []) ) ),
    ( ["\($c.run)/eval/original.json",
       ($cells | keys_unsorted[] as $cell | "\($grid)/\($cell)/eval/\($rows[]).json", "\($grid)/\($cell)/overlap.json")] as $files
      | {label: "grid", output: "\($grid)/grid.json", inputs: $files, programs: collect([]),
         command: "report/collect grid <(echo \($cells | tojson | @sh)) \($files | words)"},
        markdown("grid"; "\($grid)/grid.json")
      | light($c) );

# ---- the plan ---------------------------------------------------------------------------------

# The context that all stages are made in; what depends on the seed is in .seeds.
def context($e): $ARGS.positional as $files | ($model != "" | not) as $tiny
  | $files[:$n_seeds] as $seeds | ($n_seeds + $n_model_files) as $n
  | {$e, $name, run: "\($out)/\($name)", who: "-", $bin, $tiny, $numbers, $world, $stage1, $aligned,
     experiment: $experiment_file, rows: $rows_file,
     model: (if $tiny then "\($aligned)/align" else $model end),
     model_files: (if $tiny then ["\($aligned)/align.sha256"] else $files[$n_seeds:$n] end),
     data: (if $data == "" then $world else $data end),
     data_files: (if $data == "" then world_files else [$files[$n:][] | split("/")[-1]] end | map(rtrimstr(".jsonl"))),
     caches: (if $tiny then [$world, $stage1, $aligned] else [] end),
     tools: ["grad", "diff", "mask", "merge", "eval" | "sp-\(.)" | {name: ., path: "\($bin)/\(.)"}],
     memory: ($config // $e.config | figures | memory($e))}
  | . + {dir: .run, id: "\(.run)/model.sha256", harm: "\(.data)/harm.jsonl", prompts: "\(.run)/prompts.jsonl",
         titles: "\(.run)/rows.json",
         text: (if any(.data_files[]; . == "text") then "\(.data)/text.jsonl" else null end)}
  | . + {seeds: [$seeds[] as $seed | . + {$seed, who: $seed, dir: "\(.run)/\($seed)"}]};

$experiment[0] as $e | ([$rows[0], $e] | expand) as $x | ($grid[0] // {} | cells) as $cells | context($e) as $c
| [ if $c.world != "" then world_stages($c; $c.tiny) else empty end,
    inputs_of_run($c; $c.model_files), data_of_baselines($c), parts($c; $x.continual.tasks // []),
    evaluation($c; $c.run; "original"; null; $e.eval; []),
    seed($c.seeds[]; $x),
    titles($c), ($x.tables | to_entries[] | table($c; .key; .value)), picture($c), layers($c), speed($c; $x),
    if $cells == {} then empty else grid($c; $cells) end
  ] as $stages
| [$stages[].outputs[] | select(endswith(".loss.jsonl"))] as $losses
| {run: $c.run, left_out: left_out($c), experiment: $e, seeds: [$c.seeds[].seed], rows: $x.rows, tables: $x.tables, sweeps: $x.sweeps, $stages,
   targets: (
     def also($target; $files): if has($target) then .[$target] += $files else . end;
     ($x.tables | with_entries(.value = ["\($c.run)/\(.key).md"]))
     | .layers = ["\($c.run)/layers.md"]
     | .speed = ["\($c.run)/speed.md"]
     | .paper = ([.[][]] + ["\($c.run)/tradeoff.svg"] + $losses)
     | also("method"; ["\($c.run)/tradeoff.svg", ("\($c.seeds[].dir)/\(kinds).loss.jsonl")])
     | also("decoding"; .speed)
     | if $cells == {} then . else .grid = ["\($c.run)/grid/grid.md"] end
     | if $c.world != "" then .world = ["\($c.world)/words.txt"] else . end)}
