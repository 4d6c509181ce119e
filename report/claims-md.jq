# claims-md.jq - results/claims.md: every claim of the paper on every backbone, from the reports (all.json, slurped).
include "claims";
include "backbone";
include "verdict";

map(backbone) as $names | map(.seeds) as $seeds | claims_across as $claims
| "# The paper's claims on the tiny world", "",
  "What decides (`pass`) follows the checklist of the method notes; all is computed from the result files. \"Within the noise\": the difference that",
  "decides does not exceed its 95 % interval. ASR: share of unseen harmful requests answered.", "",
  "| claim | " + ($names | join(" | ")) + " |", "|---|" + "---|" * ($names | length),
  (range($claims[0] | length) as $i | "| \($claims[0][$i] | "\(.claim). \(.text)") | " + ($claims | map(.[$i] | verdict) | join(" | ")) + " |"),
  "", "## Figures", "",
  (range($claims[0] | length) as $i | ($claims[0][$i] | "### \(.claim). \(.text)", "", "Pass: \(.pass)."), "",
    ($names | to_entries[] | "- **\(.value)**, \($claims[.key][$i] | "\(outcome): \(figures)").")
    , "")
