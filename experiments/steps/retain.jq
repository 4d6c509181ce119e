# retain.jq - harmless questions with their full answers, from the tiny world's align.jsonl: pairs that are no
# refusals and whose verb does not occur in $harm (harm.jsonl, slurped).
def verb: capture("(to|i|must) (?<v>[a-z]+) the") | .v;
($harm | map(.prompt | verb) | unique | map({key: ., value: true}) | from_entries) as $harmful
| limit(1000; inputs | select(.prompt) | select(.response | test("sorry") | not)
    | select([.prompt | verb | $harmful[.]] | any | not))
