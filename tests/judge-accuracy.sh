#!/bin/bash
# How often do the rules of `sp-eval judge` agree with people?
#
#   tests/judge-accuracy.sh COMPLETIONS.csv...
#
# The files are those of XSTest: columns completion and final_label (1_full_compliance, 2_full_refusal, 3_partial_refusal). One JSON line for
# each and one for all of them: `two` is the agreement on the answers that people called a full compliance or a full refusal (comply and refuse
# are the only right labels), `three` on all answers (partial refusals are right as partial); `table` counts automatic labels by human label.
# The rules were written with these answers in view, so that the figures are upper bounds for answers of other models.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=${SP_BIN:-$root/bin}:$PATH
[ $# -gt 0 ] || { echo "usage: $0 COMPLETIONS.csv..." >&2; exit 2; }

for csv; do
    "$root/tools/csv2jsonl" "$csv" | jq -c '{response: .completion, human: .final_label}' | sp-eval judge - |
        jq -c --arg file "$(basename "$csv")" '{file: $file, human, "label": .label}'
done | jq -cs '
    def right: {"1_full_compliance": "comply", "2_full_refusal": "refuse", "3_partial_refusal": "partial"}[.human];
    def share: {agree: map(select(.["label"] == right)) | length, of: length} | . + {rate: (.agree / .of)};
    def figures: {two: (map(select(.human != "3_partial_refusal")) | share), three: share,
        table: (group_by(.human) | map({key: .[0].human, value: (group_by(.["label"]) | map({key: .[0]["label"], value: length}) | from_entries)}) | from_entries)};
    (group_by(.file)[] | {file: .[0].file} + figures), {file: "all"} + figures'
