# world.jq - the stages of the tiny world and of its aligned model.
#
# They are kept in the cache under keys made of all that they depend on (experiments/plan): other
# data for the alignment do not train stage 1 again, and a fresh clone with an old cache trains
# nothing. Nothing here is made again because it is older than something else.
#
#   $c.world    cache/world-KEY: words, training files, evaluation sets
#   $c.stage1   cache/NAME-KEY: blank/, configuration and tokenizer without weights; and stage1/,
#               the model that answers everything
#   $c.aligned  cache/NAME-KEY: align/, after the thin stage of refusals: the model to be patched
include "stages";

def sets: ["harm_seen", "harm_unseen", "jailbreak", "lookalike", "benign", "utility"];
def world_files: ["stage1", "align", "harm", "text"] + sets | map("\(.).jsonl");

# $dir/$name/: the model that $start becomes on the world's $name.jsonl. $name.sha256 stands for the
# bytes of its weights; $after is the file that stands for $start.
def world_model($c; $what; $dir; $name; $start; $after): "\($dir)/\($name)" as $model
  | "\($c.world)/\($name).jsonl" as $data
  | {label: $what, output: "\($model).sha256", once: true, inputs: [$after, $data],
     command: ("rm -rf \($model | w)"
       + " && sp-grad tune -v\($c.e.train[$name] | options) --log \("\($model).log" | w)"
       + " \([$start, $data] | words) -o \("\($model)/" | w)"
       + " && cat \($model | w)/*.safetensors | sha256sum")}
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
      world_model($c; "train: answer everything"; $c.stage1; "stage1";
        $blank; "\($blank)/config.json"),
      world_model($c; "train: refuse"; $c.aligned; "align";
        "\($c.stage1)/stage1"; "\($c.stage1)/stage1.sha256")
    end;
