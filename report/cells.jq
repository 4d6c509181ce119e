# cells.jq - a model's rate as a cell of a table (html.jq), or the reason why there is none.
include "columns";
include "backbone";

def name: .run | split("/")[-1];
def round1: num(1);
def items: by_name.original.counts[0].sets | map_values(.n);
def set_of($k): {asr_seen: "harm_seen", asr_unseen: "harm_unseen", asr_jailbreak: "jailbreak", ppl: "text"}[$k | split(":")[0]] // ($k | sub(".*_"; ""));
def decoded($row): .tables.decoding // [] | (. - ["original", "expert", "safepatching"]) | index([$row]);
def why_none($row; $k):
  if by_name[$row] | not then "this model was not run"
  elif $k == "ppl" and decoded($row) then "the weights are the original's, only the drawing of answers differs: no perplexity of its own"
  else "\(set_of($k)).jsonl is not among the data" end;
def rate($row; $k): . as $in | by_name[$row] | if . then figure(.; $k) else null end
  | if . then {value, small: .interval} else {none: ($in | why_none($row; $k))} end;
def title_of($row): by_name[$row].title // $row;
def of_interest: IN("original", "safepatching");
def row_head($row): title_of($row) | @html | if $row | of_interest then "<b>\(.)</b>" else . end;
# said where rows have fewer seeds than the rest
def fewer_seeds($rows): .seeds as $all | by_name as $r | [$rows[] | $r[.].seeds // [] | map(values) | select(. != [])] | unique | map(select(. != $all))
  | if . == [] then "" else " (seed \(map(join(" ")) | join("; ")) only)" end;
