# verdict.jq - how a claim's outcome (claims.jq) is said, in claims.md and on the page.
def outcome: if .holds == null then "not testable here" elif .holds then "holds" else "does not hold" end;
def noise: if .clear == false then "within the noise" else null end;
def seeds_said: if .seeds // [] | length > 0 then "seed\(if .seeds | length > 1 then "s" else "" end) \(.seeds | join(" "))" else null end;
def verdict: [outcome, noise] | map(values) | join(", ");
def figures: [.measured // .why, seeds_said, noise] | map(values) | join("; ");
