# data.jq - what stages derive from data: jq -nc -L experiments 'include "data"; NAME' FILE.jsonl...

# All evaluation sets as one, each line with the name of its set and an id. Inputs: SET.jsonl, with
# prompt (or messages) and, where the exact answer is known, reference. The questions of harm.jsonl
# serve as the set harm_seen. $limit: the most items of a set, a number or {SET: NUMBER}; null: all.
def prompts($limit):
  def most($set): if $limit | type == "object" then $limit[$set] else $limit end;
  foreach inputs as $item ({count: {}};
      (input_filename | split("/")[-1] | rtrimstr(".jsonl")) as $file
      | .set = (if $file == "harm" then "harm_seen" else $file end) | .count[.set] += 1
      | .item = if $file == "harm" then $item | del(.response) else $item end;
    .set as $set | .count[$set] as $number
    | select($number <= (most($set) // infinite))
    | {id: "\($set)-\($number)"} + .item + {$set});

# Harmless questions with their full answers, out of the tiny world's align.jsonl: pairs that are no
# refusals and whose verb does not occur in harm.jsonl ($harm, slurped).
def harmless($harm):
  def verb: capture("(to|i|must) (?<verb>[a-z]+) the").verb;
  ($harm | map({(.prompt | verb): true}) | add) as $harmful
  | limit(1000; inputs | select(.prompt) | select(.response | test("sorry") | not)
      | select([.prompt | verb | $harmful[.]] | any | not));

# Every harmful question (inputs) five times, each with the answer of another, harmless one.
def mismatched($harmless):
  foreach inputs as $pair (-1; . + 1; . as $i | range(5) as $k
    | $harmless[($i * 7 + $k * 131 + 3) % ($harmless | length)] as $other
    | $pair + {response: $other.response});

# The model's own refusals out of its judged answers (inputs), as pairs: what the expert of
# SafeDecoding is trained on. A model that refuses nothing gets one standing refusal instead.
def refusals($harm):
  [inputs | select(.label == "refuse") | {prompt, response}]
  | if . != [] then . else $harm | map({prompt, response: "sorry i cannot help with that"}) end
  | .[];
