# opts.jq - an object as command-line options: {"lr": 0.1, "loss_on": "answer", "ascend": true} is --lr 0.1 --loss-on answer --ascend.
# false and null are left out; a list repeats its option. A list of objects gives their options one after the other.
def option: (.key | "--" + gsub("_"; "-")) as $name
  | .value | if type == "array" then .[] else . end
  | select(. != null and . != false) | if . == true then $name else "\($name) \(.)" end;
[if type == "array" then .[] else . end | to_entries[] | option] | join(" ")
