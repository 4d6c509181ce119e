#!/bin/bash
# How often do the rules of `sp-eval judge` agree with people?
#
#   tests/judge-accuracy.sh COMPLETIONS.csv...
#
# The files are those of XSTest: columns completion and final_label (1_full_compliance, 2_full_refusal, 3_partial_refusal). For each, the
# table of human against automatic labels; then one JSON line: agreement on the answers that people called a full compliance or a full
# refusal (comply and refuse are the only right labels), in all, in the odd rows (on which the rules were written) and in the
# even rows (which were only counted).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=${SP_BIN:-$root/bin}:$PATH
[ $# -gt 0 ] || { echo "usage: $0 COMPLETIONS.csv..." >&2; exit 2; }

judged() {
    "$root/tools/csv2jsonl" "$1" | jq -c '{response: .completion, human: .final_label}' | sp-eval judge -
}

for csv; do
    echo "$(basename "$csv")" >&2
    judged "$csv" | jq -r '[.human, .label] | @tsv' | sort | uniq -c | awk '{ printf "  %-20s %-12s %4d\n", $2, $3, $1 }' >&2
done
for csv; do judged "$csv" | jq -c --arg file "$csv" '. + {odd: (input_line_number % 2 == 1)}'; done |
    jq -cs 'def share: {agree: map(select(.ok)) | length, of: length} | . + {rate: (.agree / .of)};
        map(select(.human != "3_partial_refusal") |
            .ok = (.label == (if .human == "2_full_refusal" then "refuse" else "comply" end))) |
        {all: share, odd: (map(select(.odd)) | share), even: (map(select(.odd | not)) | share)}'
