# grid.jq - all cells of a grid, each with its switches, the metrics of its models and the overlap of its regions.
# inputs: counts of the original model, then GRID/CELL/{eval/MODEL,overlap}.json.
include "stats";
[inputs | {path: (input_filename | split("/")), value: .}] as $all
| {original: ($all[0].value | metrics),
   cells: [$cells | add | to_entries[] | . as $c
           | {cell: .key, switches: .value}
             + ($all[1:] | map(select(.path | index([$c.key]))) | map(
                  if .path[-1] == "overlap.json" then {overlap: .value} else {(.path[-1] | rtrimstr(".json")): (.value | metrics)} end) | add)]}
