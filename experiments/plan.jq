# plan.jq - an experiment as a plan: every stage of every target, with its files and its command.
#
#   {run, validation, left_out, experiment, seeds, rows, tables, sweeps,
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
include "front";
include "continual";
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

# The digest of MODEL, which stands for its bytes in every dependency (the tiny world's models bring
# theirs); and the prompts of all sets. Without harm_seen.jsonl the questions of harm.jsonl serve,
# judged without a reference.
def prompts($c; $what; $limit; $output; $files):
  derive("prompts(\($limit | tojson))"; {}; $files) + {label: $what, $output};
def start($c):
  [if has($c; "harm_seen") then empty else "harm" end, (sets[] | select(. as $set | has($c; $set)))
   | "\($c.data)/\(.).jsonl"] as $found
  | ( if $c.tiny then empty
      else {label: "model", output: "\($c.run)/model.sha256", inputs: $c.model_files,
            command: "cat \($c.model | w)/*.safetensors | sha256sum"} end,
      prompts($c; "prompts"; $c.items.tables; $c.prompts; $found),
      if $c.picks_from then
        prompts($c; "prompts, validation"; $c.items.validation; $c.validation;
          [sets[] | select(. as $set | has($c; "validation/\($set)"))
           | "\($c.data)/validation/\(.).jsonl"]),
        prompts($c; "prompts, test"; $c.items.test; $c.test; $found)
      else empty end )
  | light($c);

# For baselines: harmless questions with their answers; harmful questions with answers that belong
# elsewhere.
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
      | light($c) );

# ---- originals --------------------------------------------------------------------------------

# The models that are patched: each seed of the tiny world has an original of its own, MODEL serves
# all seeds. What depends on the original alone lies in .home.
def originals: if .tiny then .seeds[] else . end;
def own_refusals($c): derive("refusals($harm)"; {harm: $c.harm}; []) as $pairs
  | "--temperature 0.8 --top-p 0.9 --max-new 64 \([$c.model, $c.harm] | words)" as $sampled
  | $pairs + {label: "\($c.who) own refusals", output: "\($c.home)/refusals.jsonl",
     inputs: [$c.harm, $c.id],
     command: ("for seed in 1 2; do sp-eval generate -v --seed $seed \($sampled)"
       + " | sp-eval judge -v -; done | \($pairs.command)")}
  | stage($c; "answers");
def original($c): own_refusals($c), evaluation($c; $c.home; "original"; null; $c.e.eval; []);

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
        elif .kind == "picked" then picked_row($c; $name)
        else row($c; $name) end );

# ---- tables, pictures -------------------------------------------------------------------------

# A row's counts, once a seed; an original's, once an original; none of what no search picked.
def counts_of($c; $row):
  if $c.all_rows[$row].picked as $method | $method and ($c.seeds[0].picks.picks[$method] == null)
  then empty
  elif $row == "original" then $c | originals | "\(.home)/eval/original.json"
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

# Has a search picked settings for every seed?
def searched($c): $c.picks_from and all($c.seeds[]; .picks);

# TABLE.json, all numbers and their provenance, and TABLE.md.
def table($c; $name; $rows): "\($c.run)/\($name).json" as $json
  | ([counts_of($c; $rows[])] + ["\($c.seeds[].dir)/\("overlap", "patches").json"]
     + if $name == "all" then ["\($c.run)/\("layers", "speed").json",
         (if searched($c) then "\($c.run)/front.json" else empty end)] else [] end) as $files
  | ($c.caches + (if $c.tiny then [] else ["\($c.run)/eval"] end) + [$c.seeds[].dir]) as $recorded
  | ( {label: "table \($name)", output: $json, inputs: ($files + [$c.experiment, $c.titles]),
       programs: collect(["claims.jq", "report.jq"]),
       command: ("report/collect table \([$name, $c.run, $c.experiment, $c.titles] | words)"
         + " \($recorded | words) -- \($files | words)")},
      markdown("table"; $json) )
  | light($c);

# The search and what it picked: all points, the picks on the test split.
def front_table($c): if searched($c) | not then empty else
    ($c.seeds | map(
      ["\(.home)/front/original.json", "\(.dir)/front/picks.json"]
      + [.dir as $dir | .methods[] | "\($dir)/front/\(.name).jsonl"]
      + ["\(.dir)/picked/versus.jsonl"]
      + [picked_files(.)])
      | add | unique) as $files
    | ( {label: "front", output: "\($c.run)/front.json", inputs: ([$c.front_file] + $files),
         programs: collect(["front.jq", "outcomes.jq"]),
         command: "report/collect front \([$c.run, $c.front_file] + $files | words)"},
        markdown("front"; "\($c.run)/front.json") )
    | light($c) end;

def drawing($c; $what; $json; $svg):
  {label: $what, output: $svg, inputs: [$json],
   programs: ["pictures", "pictures.jq", "report.jq", "front.jq", "stats.jq", "labels.awk"
     | "report/\(.)"],
   command: "report/pictures \([$json, "\($svg).part"] | words)"}
  | light($c);
def picture($c): drawing($c; "picture"; "\($c.run)/method.json"; "\($c.run)/tradeoff.svg");
def front_picture($c): if searched($c) | not then empty else
    drawing($c; "picture of the front"; "\($c.run)/front.json"; "\($c.run)/front.svg") end;

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
       inputs: ([$prompts, $patched, $first.id, ($decodings[] | decoding_files($first)[])]
         | unique),
       programs: ["experiments/speed", "\($c.bin)/sp-eval"],
       command: "experiments/speed \([$first.model, $prompts, 5, 48, $ways[][]] | words)"}
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
  | ["\($first.home)/eval/original.json", ($cells | keys_unsorted[] | "\($grid)/\(.)"
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
     experiment: $experiment_file, rows: $rows_file, front_file: $front_file, front: $front[0],
     openings: (if $tiny then "world/openings.json" else null end),
     model: (if $tiny then null else $model end), model_files: $files[$n_seeds:$n],
     data: (if $data == "" then $world else $data end),
     data_files: (if $data == "" then world_files else [$files[$n:][] | ltrimstr("\($data)/")] end
       | map(rtrimstr(".jsonl"))),
     items: (if $tiny then $e.items else {} end),
     caches: (if $tiny then [$world, $stage1, $aligned] else [] end),
     tools: ["grad", "diff", "mask", "merge", "eval" | "sp-\(.)" | {name: ., path: "\($bin)/\(.)"}],
     memory: ($config // $e.config | figures | memory($e))}
  | . + {dir: .run, home: .run, id: "\(.run)/model.sha256", harm: "\(.data)/harm.jsonl",
         prompts: "\(.run)/prompts.jsonl", validation: "\(.run)/validation.jsonl",
         test: "\(.run)/test.jsonl", titles: "\(.run)/rows.json",
         text: (if any(.data_files[]; . == "text") then "\(.data)/text.jsonl" else null end)}
  | . + {picks_from: any(.data_files[]; . == "validation/lookalike"),
         methods: [.front.methods | with_settings($front[0].budget) | to_entries[]
           | .value + {name: .key}]}
  # patches from harmless data need such data
  | any(.data_files[]; IN("retain", "align")) as $harmless
  | .methods |= map(select(.data == null or $harmless))
  | . + {seeds: [$seeds[] as $seed | . + {$seed, who: $seed, dir: "\(.run)/\($seed)"}
      | if $tiny then "\($aligned)/\($seed)/align" as $original
          | . + {home: .dir, model: $original, id: "\($original).sha256"} else . end
      | .picks = $picks[$seed]]};

def targets($c; $x; $cells; $losses):
  def also($target; $files): if has($target) then .[$target] += $files else . end;
  ($x.tables | with_entries(.value = ["\($c.run)/\(.key).md"]))
  | .layers = ["\($c.run)/layers.md"]
  | .speed = ["\($c.run)/speed.md"]
  | (if searched($c) then ["\($c.run)/front.\("md", "svg")"] else [] end) as $front
  | .paper = ([.[][]] + $front + ["\($c.run)/tradeoff.svg"] + $losses)
  | also("method"; ["\($c.run)/tradeoff.svg", ("\($c.seeds[].dir)/\(kinds).loss.jsonl")])
  | also("decoding"; .speed)
  | if $c.picks_from then .picks = ["\($c.seeds[].dir)/front/picks.json"] else . end
  | if searched($c) then .front = $front else . end
  | if $cells == {} then . else .grid = ["\($c.run)/grid/grid.md"] end
  | if $c.world == "" then . else .world = ["\($c.world)/words.txt"] end;

$experiment[0] as $e | ([$rows[0], $e] | expand) as $x | ($grid[0] // {} | cells) as $cells
| (context($e) | .all_rows = $x.rows | .seeds[].all_rows = $x.rows) as $c
| [ if $c.world == "" then empty else world_stages($c; $c.tiny) end,
    start($c), data_of_baselines($c), parts($c; $x.continual.tasks // []),
    original($c | originals),
    seed($c.seeds[]; $x),
    if $c.picks_from then front($c.seeds[]), front_table($c), front_picture($c) else empty end,
    titles($c), ($x.tables | to_entries[] | table($c; .key; .value)),
    picture($c), layers($c), speed($c; $x),
    if $cells == {} then empty else grid($c; $cells) end
  ] | distinct_stages as $stages
| [$stages[].outputs[] | select(endswith(".loss.jsonl"))] as $losses
| {run: $c.run, validation: "\($c.data)/validation", left_out: left_out($c), experiment: $e,
   seeds: [$c.seeds[].seed],
   rows: $x.rows, tables: $x.tables, sweeps: $x.sweeps, $stages,
   targets: targets($c; $x; $cells; $losses)}
