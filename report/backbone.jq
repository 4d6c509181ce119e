# backbone.jq - what the pictures and the page take from one backbone's report (all.json).
def attack: if .rows[0].mean.asr_unseen then "asr_unseen" else "asr_seen" end;
def by_name: .rows | map({key: .row, value: .}) | from_entries;

# The models of the trade-off picture, numbered as the tables come, each with its family.
def families: ["method", "training", "decoding", "merging"];
def family($tables): . as $row
  | if $tables.method | index([$row]) then "method" elif $tables.merging // [] | index([$row]) then "merging"
    elif $tables.decoding // [] | index([$row]) then "decoding" else "training" end;
def tradeoff:
  attack as $asr | .tables as $tables | by_name as $r
  | [reduce ($tables | del(.sweep, .continual, .all) | .[][]) as $row ([]; if index([$row]) then . else . + [$row] end) | .[] | $r[.] | select(.mean[$asr] and .mean.refused_lookalike)]
  | to_entries | map(.value + {number: (.key + 1), family: (.value.row | family($tables))});

# Continual: {METHOD: {title, steps: [row...]}}; each sequence starts at the original.
def sequences:
  by_name as $r
  | reduce ((.tables.continual // [])[] | select($r[.]) | capture("^continual_(?<m>.*)_(?<t>[0-9]+)$")) as $c ({};
      .[$c.m].title = ($r["continual_\($c.m)_\($c.t)"].title | sub(": after .*"; "")) | .[$c.m].steps += [$r["continual_\($c.m)_\($c.t)"]])
  | map_values(.steps = [$r.original] + .steps);

# "llama2" -> "LLaMA-2"; with a model of one's own, "LLaMA-2, NAME"
def backbone: .run | split("/")[-1] | split("-") as [$name]
  | ({llama2: "LLaMA-2", llama3: "LLaMA-3", mistral: "Mistral", gemma: "Gemma"}[$name] // $name) + (ltrimstr($name) | if . == "" then "" else ", " + ltrimstr("-") end);
