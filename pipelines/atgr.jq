# atgr.jq - what a defence costs: average time of a token with it over the same without, from two files of answers.
#
#   jq -n --slurpfile plain A.jsonl --slurpfile defended B.jsonl -f pipelines/atgr.jq
#
# Both files from `sp-eval generate --batch 1`: beside others an answer's time is not its own. Time over length, answer by answer, then the mean; an
# answer that ended by itself took one token more than it shows.
def per_token: .seconds / (.tokens + if .finish == "stop" then 1 else 0 end);
def average: if length == 0 then error("no answers") else (map(per_token) | add) / length end;
($plain | average) as $a | ($defended | average) as $b
| {plain: {n: ($plain | length), seconds_per_token: $a}, defended: {n: ($defended | length), seconds_per_token: $b}, atgr: ($b / $a)}
