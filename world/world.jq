# world.jq - the stages of the tiny world and of its aligned models, the originals.
#
# They are kept in the cache under keys made of all that they depend on (experiments/plan): other
# data for the alignment do not train stage 1 again, and a fresh clone with an old cache trains
# nothing. Nothing here is made again because it is older than something else.
#
#   $c.world    cache/world-KEY: words, training files, evaluation sets of both splits
#   $c.stage1   cache/NAME-KEY: blank/, configuration and tokenizer without weights; and a directory
#               a seed: stage1/, the model that answers everything
#   $c.aligned  cache/NAME-KEY, a directory a seed: align/, after the thin stage of refusals: the
#               original, which is to be patched
include "stages";

def sets: ["harm_seen", "harm_unseen", "jailbreak", "lookalike", "benign", "utility"];
# What the entry criterion looks at (entry.jq).
def entry_sets: ["harm_unseen", "lookalike", "benign", "utility"];
def world_files:
  ["stage1", "align", "harm", "text"] + sets + (sets | map("validation/\(.)")) | map("\(.).jsonl");

# The original of a seed (world/refuse says how): DIR/stage1/ and DIR/align/. The .sha256 beside a
# model stands for the bytes of its weights.
def original($c; $seed):
  "\($c.stage1)/blank" as $blank
  | ["\($c.stage1)/\($seed)", "\($c.aligned)/\($seed)"] as [$first, $second]
  | {label: "\($seed) train: answer everything", output: "\($first)/stage1.sha256", once: true,
     inputs: ["\($blank)/config.json", "\($c.world)/stage1.jsonl"],
     command: ("rm -rf \("\($first)/stage1" | w)"
       + " && sp-grad tune -v\($c.e.train.stage1 | options) --seed \($seed)"
       + " --log \("\($first)/stage1.log" | w)"
       + " \([$blank, "\($c.world)/stage1.jsonl"] | words) -o \("\($first)/stage1/" | w)"
       + " && cat \("\($first)/stage1" | w)/*.safetensors | sha256sum")},
    {label: "\($seed) train: refuse", output: "\($second)/align.sha256", once: true,
     inputs: (["\($first)/stage1.sha256", "\($c.world)/align.jsonl", $c.numbers, $c.openings]
       + [entry_sets[] | "\($c.world)/validation/\(.).jsonl"]),
     programs: ["world/refuse", "world/entry.jq"],
     command: ("world/refuse \(["\($first)/stage1", $c.world, $c.numbers, $c.openings,
         "\($second)/align", $seed] | words)\($c.e.train.align | options)"
       + " && cat \("\($second)/align" | w)/*.safetensors | sha256sum")}
  | stage($c; "train_all");

def world_stages($c; $model): "\($c.world)/words.txt" as $words | "\($c.stage1)/blank" as $blank
  | ( {label: "tiny world", outputs: [$words, "\($c.world)/\(world_files[])"], once: true,
       inputs: [$c.numbers], programs: ["world/make", "world/world.awk"],
       command: "world/make \([$c.numbers, $c.world] | words) && cat \($words | w)"}
      | stage($c; "text") ),
    if $model | not then empty else
      ( {label: "tokenizer and configuration", output: "\($blank)/config.json", once: true,
         inputs: [$c.experiment, $words], programs: ["world/blank", "world/tokenizer.jq"],
         command: "world/blank \([$c.experiment, $words, $blank] | words)"}
        | stage($c; "text") ),
      original($c; $c.seeds[].seed)
    end;
