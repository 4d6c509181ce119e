# layers.jq - where the important parameters lie: sp-mask stats of both top regions (a: safety, b: over-safety), by depth and by matrix kind.
# inputs: the statistics of the top regions taken matrix by matrix and over all matrices together.
def depth: capture("layers\\.(?<l>[0-9]+)\\.").l | tonumber;
def kind: capture("layers\\.[0-9]+\\.(?<k>.*)\\.weight").k | split(".")[-1];
def sums($a; $b): {numel: (map(.numel) | add), a: (map(.a) | add), b: (map(.b) | add), both: (map(.both) | add)}
  | . + {share_a: (.a / $a), share_b: (.b / $b), overlap: (if .a > 0 then .both / .a else null end), chance: (.b / .numel)};
{matrix: input, global: input}
| map_values(.total as $total | (.tensors | to_entries | map(select(.key | test("layers\\.[0-9]+\\..*_proj"))) | map(.value + {name: .key})) as $all
  | def grouped(f): $all | map(. + {place: (.name | f)}) | group_by(.place) | map({place: .[0].place} + sums($total.a; $total.b));
  {total: ($all | sums($total.a; $total.b)), depth: grouped(depth), kind: grouped(kind)})
