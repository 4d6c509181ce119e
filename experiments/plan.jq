# plan.jq - an experiment as a plan: every stage of every target, with its files and its command.
#
#   {run, left_out, experiment, seeds, rows, tables, sweeps,
#    stages: [STAGE...], targets: {TARGET: [FILE...]}}
#
# stages.jq describes a STAGE; left_out are evaluation sets that the data lack; rows, tables and
# sweeps are those of rows.jq. experiments/plan calls this with all that lies outside: names of
# files and directories, keys of the cache, seeds; $experiment, $rows and $grid are JSON files,
# slurped. makefile.jq prints the plan as rules.
include "memory";
include "stages";
include "rows";
include "method";
include "models";
include "world";

# ---- data ------------------------------------------------------------------------------------

# A function of data.jq on $files, with $slurped {NAME: FILE} as its arguments.
def derive($function; $slurped; $files):
  {inputs: ($files + [$slurped[]]), programs: ["experiments/data.jq"],
   command: ("jq -nc -L experiments"
     + ($slurped | to_entries | map(" --slurpfile \(.key) \(.value | w)") | add // "")
     + " \("include \"data\"; \($function)" | @sh)" + ($files | map(" \(w)") | add // ""))};

def has($c; $set): any($c.data_files[]; . == $set);
def left_out($c): [sets[] | select(. != "harm_seen" and (. as $set | has($c; $set) | not))
  | "\($c.data)/\(.).jsonl"];

# The model's digest, which stands for its bytes in every dependency; and the prompts of all sets.
# Without harm_seen.jsonl the questions of harm.jsonl serve, judged without a reference.
def start($c):
  [if has($c; "harm_seen") then empty else "harm" end, (sets[] | select(. as $set | has($c; $set)))
   | "\($c.data)/\(.).jsonl"] as $found
  | ( {label: "model", output: $c.id, inputs: $c.model_files,
       command: "cat \($c.model | w)/*.safetensors | sha256sum"},
      derive("prompts"; {}; $found) + {label: "prompts", output: $c.prompts} )
  | light($c);

# For baselines: harmless questions with their answers; harmful questions with answers that belong
# elsewhere; and the model's own refusals, two answers sampled a question.
def data_of_baselines($c): "\($c.run)/retain.jsonl" as $retain | "\($c.data)/retain.jsonl" as $given
  | ( {label: "harmless pairs", output: $retain}
      + (if has($c; "retain") then {inputs: [$given], command: "cat \($given | w)"}
         elif has($c; "align") then
           derive("harmless($harm)"; {harm: $c.harm}; ["\($c.data)/align.jsonl"])
         else ("\($given): harmless question-answer pairs are missing"
               + " (baselines with a retain term need them)")
           | {inputs: [], command: "echo \(@sh) >&2; exit 1"} end),
      derive("mismatched($harmless)"; {harmless: $retain}; [$c.harm])
        + {label: "mismatched pairs", output: "\($c.run)/mismatch.jsonl"}
      | light($c) ),
    ( derive("refusals($harm)"; {harm: $c.harm}; []) as $pairs
      | "--temperature 0.8 --top-p 0.9 --max-new 64 \([$c.model, $c.harm] | words)" as $sampled
      | $pairs + {label: "own refusals", output: "\($c.run)/refusals.jsonl",
         inputs: [$c.harm, $c.id],
         command: ("for seed in 1 2; do sp-eval generate -v --seed $seed \($sampled)"
           + " | sp-eval judge -v -; done | \($pairs.command)")}
      | stage($c; "answers") );

# The part of the harmful data that a task of the continual sequence brings.
def parts($c; $tasks): $tasks[] as $task
  | ("select(.category == \($task | tojson))" | @sh) as $filter
  | ("\($c.harm): nothing of category \($task)" | @sh) as $none
  | {label: "harm: \($task)", output: "\($c.run)/continual/\($task).jsonl", inputs: [$c.harm],
     command: "jq -c \($filter) \($c.harm | w) | grep . || { echo \($none) >&2; exit 1; }"}
  | light($c);

# ---- one seed: the method, and every row ------------------------------------------------------

def seed($c; $x): ($x.continual.tasks | length) as $steps
  | patches($c; $c.dir), control($c; $c.dir; $c.dir), alone($c; $c.dir),
    ( $x.rows | to_entries[] | .key as $name | .value
      | if .kind == "continual" then continual_step($c; $name; $x.rows; $steps)
        else row($c; $name) end );

# ---- tables, pictures -------------------------------------------------------------------------

# A row's counts, once a seed; the original has none.
def counts_of($c; $row): if $row == "original" then "\($c.run)/eval/original.json"
  else "\($c.seeds[].dir)/eval/\($row).json" end;

# What turns results into numbers, and numbers into Markdown.
def collect($more): ["collect", "collect.jq", "stats.jq", $more[] | "report/\(.)"];
def markdown($what; $json):
  {label: "\($what) as Markdown", output: ($json | rtrimstr(".json") + ".md"), inputs: [$json],
   programs: ["markdown", "markdown.jq", "tables.jq", "claims.jq", "report.jq", "stats.jq"
     | "report/\(.)"],
   command: "report/markdown \($what) \($json | w)"};

# The rows, their titles and their order, as rows.jq writes them out.
def titles($c): [$c.rows, $c.experiment] as $files
  | {label: "rows", output: $c.titles, inputs: $files, programs: ["experiments/rows.jq"],
     command: ("jq -sc -L experiments 'include \"rows\"; expand | {rows, tables, sweeps}'"
       + " \($files | words)")}
  | light($c);

# TABLE.json, all numbers and their provenance, and TABLE.md.
def table($c; $name; $rows): "\($c.run)/\($name).json" as $json
  | ([counts_of($c; $rows[])] + ["\($c.seeds[].dir)/\("overlap", "patches").json"]
     + if $name == "all" then ["\($c.run)/\("layers", "speed").json"] else [] end) as $files
  | ($c.caches + ["\($c.run)/eval", $c.seeds[].dir]) as $recorded
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

# Time a token of the decodings that have an expert or a second prompt, beside that of the original
# and of patched weights: 48 tokens, the fastest of 5 rounds.
def speed($c; $x): $c.seeds[0] as $first | "\($first.dir)/safepatching.st.zst" as $patched
  | "\($c.run)/speed_prompts.jsonl" as $prompts | "\($c.run)/speed.json" as $json
  | [$x.rows["safedecoding", "self_cd", "rose"] | values] as $decodings
  | [["original", ""], ["safepatching", ({weights: $patched} | options)],
     ($x.rows | to_entries[] | select(.value as $row | any($decodings[]; . == $row))
      | [.key, (.value | decoding($first) | del(.batch, .max_new) | sorted | options)])] as $ways
  | ( ("select(.set == \"lookalike\" or .set == \"benign\")" | @sh) as $harmless
      | {label: "prompts for speed", output: $prompts, inputs: [$c.prompts],
         command: "jq -c \($harmless) \($c.prompts | w) | sed -n '1~20p'"},
        markdown("speed"; $json)
      | light($c) ),
    ( {label: "time a token", output: $json,
       inputs: ([$prompts, $patched, $c.id] + [$decodings[] | decoding_files($first)[]] | unique),
       programs: ["experiments/speed", "\($c.bin)/sp-eval"],
       command: "experiments/speed \([$c.model, $prompts, 5, 48, $ways[][]] | words)"}
      | stage($c; "answers") );

# ---- grid: readings of the ambiguous switches side by side, on the patches of the first seed ---

# Axes to cells {NAME: CHANGE}. An axis is a dotted path into the experiment and its values; a cell
# takes one value of each axis.
def product: if length == 0 then {} else .[0] as $axis | $axis.value[] as $v
  | at([$axis.key]; $v) * (.[1:] | product) end;
def cells: [to_entries | product] | to_entries
  | map({key: "c\(.key + 101 | tostring | .[1:])", value}) | from_entries;

def grid($c; $cells): $c.seeds[0] as $first | "\($c.run)/grid" as $grid
  | ["safepatching", "intersect"] as $rows
  | ["\($c.run)/eval/original.json", ($cells | keys_unsorted[] | "\($grid)/\(.)"
     | "\(.)/eval/\($rows[]).json", "\(.)/overlap.json")] as $files
  | ( $cells | to_entries[] | .key as $cell | "\($grid)/\($cell)" as $own
      | ($first + {e: ($c.e * .value), who: $cell}) as $changed
      | control($changed; $own; $first.dir),
        ( $rows[] as $row
          | evaluation($changed; $own; $row; "\($own)/\($row).st.zst"; $changed.e.eval; []) ) ),
    ( {label: "grid", output: "\($grid)/grid.json", inputs: $files, programs: collect([]),
       command: "report/collect grid <(echo \($cells | tojson | @sh)) \($files | words)"},
      markdown("grid"; "\($grid)/grid.json")
      | light($c) );

# ---- the plan ---------------------------------------------------------------------------------

# What all stages are made in (stages.jq); what depends on the seed is in .seeds.
def context($e): $ARGS.positional as $files | ($model == "") as $tiny
  | $files[:$n_seeds] as $seeds | ($n_seeds + $n_model_files) as $n
  | {$e, $name, run: "\($out)/\($name)", who: "-", $bin, $tiny, $numbers, $world, $stage1, $aligned,
     experiment: $experiment_file, rows: $rows_file,
     model: (if $tiny then "\($aligned)/align" else $model end),
     model_files: (if $tiny then ["\($aligned)/align.sha256"] else $files[$n_seeds:$n] end),
     data: (if $data == "" then $world else $data end),
     data_files: (if $data == "" then world_files else [$files[$n:][] | split("/")[-1]] end
       | map(rtrimstr(".jsonl"))),
     caches: (if $tiny then [$world, $stage1, $aligned] else [] end),
     tools: ["grad", "diff", "mask", "merge", "eval" | "sp-\(.)" | {name: ., path: "\($bin)/\(.)"}],
     memory: ($config // $e.config | figures | memory($e))}
  | . + {dir: .run, id: "\(.run)/model.sha256", harm: "\(.data)/harm.jsonl",
         prompts: "\(.run)/prompts.jsonl", titles: "\(.run)/rows.json",
         text: (if any(.data_files[]; . == "text") then "\(.data)/text.jsonl" else null end)}
  | . + {seeds: [$seeds[] as $seed | . + {$seed, who: $seed, dir: "\(.run)/\($seed)"}]};

def targets($c; $x; $cells; $losses):
  def also($target; $files): if has($target) then .[$target] += $files else . end;
  ($x.tables | with_entries(.value = ["\($c.run)/\(.key).md"]))
  | .layers = ["\($c.run)/layers.md"]
  | .speed = ["\($c.run)/speed.md"]
  | .paper = ([.[][]] + ["\($c.run)/tradeoff.svg"] + $losses)
  | also("method"; ["\($c.run)/tradeoff.svg", ("\($c.seeds[].dir)/\(kinds).loss.jsonl")])
  | also("decoding"; .speed)
  | if $cells == {} then . else .grid = ["\($c.run)/grid/grid.md"] end
  | if $c.world == "" then . else .world = ["\($c.world)/words.txt"] end;

$experiment[0] as $e | ([$rows[0], $e] | expand) as $x | ($grid[0] // {} | cells) as $cells
| context($e) as $c
| [ if $c.world == "" then empty else world_stages($c; $c.tiny) end,
    start($c), data_of_baselines($c), parts($c; $x.continual.tasks // []),
    evaluation($c; $c.run; "original"; null; $e.eval; []),
    seed($c.seeds[]; $x),
    titles($c), ($x.tables | to_entries[] | table($c; .key; .value)),
    picture($c), layers($c), speed($c; $x),
    if $cells == {} then empty else grid($c; $cells) end
  ] as $stages
| [$stages[].outputs[] | select(endswith(".loss.jsonl"))] as $losses
| {run: $c.run, left_out: left_out($c), experiment: $e, seeds: [$c.seeds[].seed],
   rows: $x.rows, tables: $x.tables, sweeps: $x.sweeps, $stages,
   targets: targets($c; $x; $cells; $losses)}
