# mismatch.jq - every harmful question five times, each with the answer of another, harmless question ($retain): inputs harm.jsonl.
foreach inputs as $h (-1; . + 1; . as $i
    | range(5) as $k | $h + {response: $retain[($i * 7 + $k * 131 + 3) % ($retain | length)].response})
