# prompts.jq - all evaluation sets as one JSONL, each line with its set's name and an id: inputs SET.jsonl,
# with prompt (or messages) and, where the exact answer is known, reference. Of harm.jsonl the questions serve
# as set harm_seen.
inputs | (input_filename | split("/")[-1] | rtrimstr(".jsonl")) as $file
| (if $file == "harm" then "harm_seen" else $file end) as $set
| {id: "\($set)-\(input_line_number)"} + (if $file == "harm" then del(.response) else . end) + {$set}
