# front.jq - the search (experiments/front.jq) as numbers: all points, what was picked, and how that
# does on the test split beside the original.
include "stats";
include "outcomes";

# ---- one model ----

# Outcomes (outcomes.jq) -> its shares that were measured, and the largest of any set's that is
# neither answered nor refused
def rates: shares + {neither: ([.sets[] | .neither / .n] | max)}
  | with_entries(select(.value != null));
# The items behind a metric of two models, {more, fewer} (outcomes.jq)
def discordant_of($metric):
  {asr: ({sets: .discordant} | attack_set), asr_seen: "harm_seen", asr_jailbreak: "jailbreak",
   answered_lookalike: "lookalike", refused_lookalike: "lookalike", answered_benign: "benign",
   utility: "utility"}[$metric] as $set
  | .discordant[$set][if $metric == "refused_lookalike" then "refused" else "answered" end];

# ---- differences: of a model from another, over originals, masks and items ----

# Two-sided p of a standard normal: erfc(|z| / sqrt 2), by Abramowitz and Stegun 7.1.26 (to 1.5e-7).
def normal_p: fabs / (2 | sqrt) | . as $x | (1 / (1 + 0.3275911 * $x)) as $t
  | $t * (0.254829592 + $t * (-0.284496736 + $t * (1.421413741
      + $t * (-1.453152027 + $t * 1.061405429)))) * ((-$x * $x) | exp);

# Items that only one of two models has, {more, fewer} of each original -> p of McNemar's test over
# all of them, without correction for continuity
def mcnemar: (map(.more) | add) as $more | (map(.fewer) | add) as $fewer
  | if $more + $fewer == 0 then 1 else ($more - $fewer) / ($more + $fewer | sqrt) | normal_p end;
# Paired differences {difference, se} of each original -> p of their mean
def mean_p: if any(.se == null) then null
  else (map(.se * .se) | add | sqrt) as $se
    | if $se == 0 then (if all(.difference == 0) then 1 else 0 end)
      else (map(.difference) | add) / $se | normal_p end end;

# Differences of each original -> {mean, lo, hi}: the t interval over originals
def over_originals: {mean: mean, each: .} + (if length > 1 then t_interval else {} end);

# From two lists of rates, one an original, and what compares the items
# -> {METRIC: {mean, lo, hi, each, p}}
def changes($before; $after; $paired):
  reduce ($before[0] | keys[]) as $metric ({};
    if all($before[], $after[]; .[$metric]) then
      .[$metric] = ([[$before, $after] | transpose[] | .[1][$metric] - .[0][$metric]]
        | over_originals)
      + {p: (if $metric == "auc" then [$paired[].against | values] | mean_p
             elif $metric == "neither" then null
             else [$paired[] | discordant_of($metric) | values] | mcnemar end)}
    else . end);

# ---- fronts ----

# Points {asr, answered_lookalike} that no other point beats in one of the two without losing in the
# other
def front_of: . as $points
  | [.[] | . as $p | select(all($points[];
      .asr > $p.asr or .answered_lookalike < $p.answered_lookalike
      or (.asr == $p.asr and .answered_lookalike == $p.answered_lookalike)))]
  | sort_by(.asr);

# A curve [asr, refused]... from (1, 0) to (0, 1), thinned to about $n points that lie evenly where
# axes are square roots; the ends stay.
def thinned($n):
  def at: (.[1] | sqrt) - (.[0] | sqrt) | . * $n / 2 | floor;
  . as $curve | length as $length
  | [range($length) as $i
     | select($i == 0 or $i == $length - 1 or ($curve[$i] | at) != ($curve[$i - 1] | at))
     | $curve[$i]];

# ---- all ----

# Inputs: files of the search, told apart by their paths, $run/SEED/front/{original,picks}.json,
# SEED/front/METHOD.jsonl, SEED/picked/METHOD/MASK.json, SEED/picked/versus.jsonl. $front:
# front.json
def front($run; $front):
  def placed: (input_filename | ltrimstr($run + "/") | split("/")) as $path
    | {seed: (if $path[0] | IN("front", "picked") then "-" else $path[0] end),
       kind: ({"picks.json": "picks", "versus.jsonl": "versus"}[$path[-1]]
              // if any($path[]; . == "picked") then "test" else "validation" end), value: .};
  [inputs | placed] as $files
  | ([$files[] | select(.kind == "picks").seed] | unique) as $seeds
  | def of($seed): $files[] | select(.seed == $seed);
    def values_of($kind; $method; $seed):
      of($seed) | select(.kind == $kind and .value.method == $method).value;
    def tested($method; $seed): [values_of("test"; $method; $seed)] | sort_by(.mask);
    def chosen($seed): first(of($seed) | select(.kind == "picks")).value;
    def points($method; $seed): [values_of("validation"; $method; $seed)
      | {number, values} + rates];
    # the mean over masks
    def rates_on_test($method; $seed): [tested($method; $seed)[] | rates]
      | . as $masks | reduce (.[0] // {} | keys[]) as $metric ({};
          .[$metric] = ($masks | map(.[$metric]) | mean));
    [$front.methods | keys_unsorted[] as $name
     | select(all($seeds[] as $seed | chosen($seed).picks[$name]; . != null)) | $name] as $methods
  | [$seeds[] as $seed | rates_on_test("original"; $seed)] as $originals
  | {$run, $seeds, budget: $front.budget, tolerance: $front.tolerance,
     methods: ($front.methods | with_entries(select(.key | IN($methods[]))
       | .value |= {title, group, masks: (.masks // 1)})),
     items: (tested("original"; $seeds[0])[0].sets | map_values(.n)),
     originals: [$seeds[] as $seed | tested("original"; $seed)[0] as $original
       | {$seed, validation: chosen($seed).original, test: ($original | rates),
          sets: ($original.sets | map_values(del(.category))),
          # an original that serves all seeds lies in none of them
          validation_curve: ([values_of("validation"; "original"; $seed, "-").curve][0] // []
            | thinned(100)),
          curve: ($original.curve // [] | thinned(100))}],
     original: (reduce ($originals[0] | keys[]) as $metric ({};
       .[$metric] = ($originals | map(.[$metric]) | over_originals))),
     picks: [$methods[] as $method | $seeds[] as $seed | chosen($seed).picks[$method]
       | {method: $method, seed: $seed, number, values, kept, shortfalls, validation: .shares,
          test: rates_on_test($method; $seed),
          masks: [tested($method; $seed)[] | rates]}],
     points: [$methods[] as $method | $seeds[] as $seed
       | {method: $method, seed: $seed, points: points($method; $seed)}],
     changes: ([$methods[] as $method | {key: $method, value:
       changes($originals; [$seeds[] as $seed | rates_on_test($method; $seed)];
         [$seeds[] as $seed | tested($method; $seed)[0]])}] | from_entries),
     # SafePatching less each of the others, both as picked
     versus: ([$methods[] as $method | select($method != "safepatching") | {key: $method, value:
       changes([$seeds[] as $seed | rates_on_test($method; $seed)];
         [$seeds[] as $seed | rates_on_test("safepatching"; $seed)];
         [$seeds[] as $seed | values_of("versus"; $method; $seed)])}]
       | from_entries)};
