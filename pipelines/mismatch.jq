# mismatch.jq - every harmful question with an answer of another, harmless question ($retain): inputs harm.jsonl.
foreach inputs as $h (-1; . + 1; . as $i | $h + {response: $retain[($i * 7 + 3) % ($retain | length)].response})
