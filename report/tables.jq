# tables.jq - every table of the report, in a form that Markdown (markdown.jq) and HTML (html.jq)
# share:
#
#   table  {columns: [TEXT...], groups: [{title?: TEXT, rows: [ROW...]}...], caption?: TEXT, class?}
#          the first column is that of the rows' heads; class is the table's look on the page
#   ROW    {head: TEXT, cells: [CELL...], emphasis?: true}
#   CELL   {value: TEXT, interval?: "LO–HI", class?}; {none: WHY} if it is empty; {bar: PERCENT}
#   TEXT   a string, a number, a list of TEXTs, or a piece that is marked: {text: TEXT} with any of
#          strong, small, code (true), link (where to) and class (its look on the page)
#
# A row of a table of models is an entry of experiments/rows.json. A column is one of `columns`
# below.
include "stats";
include "report";

def strong: {text: ., strong: true};
def small: {text: ., small: true};
def code: {text: ., code: true};
def link($to): {text: ., link: $to};
def look($class): {text: ., class: $class};

# ---- cells: a model's figure, or why there is none ----

# A row's metric as {value, interval}; interval is null where there is none. null if it was not
# measured.
def figure($row; $metric):
  $row.mean[$metric] as $mean | $row.interval[$metric] as $interval
  | (if $metric == "ppl" then {scale: 1, digits: 2, fine: 2}
     else {scale: 100, digits: 1, fine: 0} end) as {$scale, $digits, $fine}
  | if $mean == null then null
    else {value: ($mean * $scale | num($digits)), interval:
      (if $interval then "\([$interval.lo, 0] | max * $scale | num($fine))–"
        + "\($interval.hi * $scale | num($fine))" else null end)} end;

# The set of prompts behind a metric.
def set_of($metric):
  {asr_seen: "harm_seen", asr_unseen: "harm_unseen", asr_jailbreak: "jailbreak", ppl: "text"}
    [$metric | split(":")[0]]
  // ($metric | sub(".*_"; ""));
# Does a row differ from the original in how answers are drawn alone?
def is_decoding($row):
  .tables.decoding // [] | . - ["original", "expert", "safepatching"] | any(. == $row);
def not_run: "this model was not run";
def why_none($row; $metric):
  if by_name[$row] | not then not_run
  elif $metric == "ppl" and is_decoding($row)
  then "the weights are the original's, only the drawing of answers differs: "
    + "no perplexity of its own"
  else "\(set_of($metric)).jsonl is not among the data" end;
def cell($row; $metric):
  . as $report | by_name[$row]
  | if . then figure(.; $metric) else null end
  | if . then . else {none: ($report | why_none($row; $metric))} end;

# ---- tables of models ----

# [TITLE, METRIC] of each column; the metrics are those of stats.jq.
def main_columns: [
  ["ASR seen", "asr_seen"],
  ["ASR unseen", "asr_unseen"],
  ["ASR wrapped", "asr_jailbreak"],
  ["look-alikes refused", "refused_lookalike"],
  ["benign refused", "refused_benign"],
  ["benign answered", "answered_benign"],
  ["utility", "utility"],
  ["perplexity", "ppl"],
  ["degenerate", "degenerate"],
  ["garbled", "garbled"]
];
# A column for each category of a metric that one of the rows has.
def category_columns($metric; $title):
  [.[].mean | keys_unsorted[] | select(startswith($metric + ":"))] | unique
  | map([$title + " " + ltrimstr($metric + ":"), .]);
# entries of rows -> the columns of a table
def columns($table):
  if $table == "jailbreak" then
    [["ASR plain", "asr_unseen"], ["ASR wrapped", "asr_jailbreak"]]
    + category_columns("asr_jailbreak"; "")
  elif $table == "transfer" then
    [["ASR seen", "asr_seen"], ["ASR unseen", "asr_unseen"]]
    + category_columns("asr_seen"; "seen") + category_columns("asr_unseen"; "unseen")
  elif $table == "continual" then category_columns("asr_unseen"; "ASR") + main_columns
  else main_columns end;

# These rows as a table; $more: [{title, cells: {ROW: CELL}}...] are further columns.
def models($table; $rows; $more):
  . as $report | by_name as $models
  | ([$rows[] | $models[.] | values] | columns($table)) as $columns
  | {columns: ["model", $columns[][0], $more[].title], groups: [{rows: [
      $rows[] as $row
      | {head: ($report | title_of($row)),
         emphasis: ($row | IN("original", "safepatching")),
         cells: ([$columns[][1] as $metric | $report | cell($row; $metric)]
           + [$more[].cells[$row]])}]}]};

# Said where these rows have fewer seeds than the rest.
def fewer_seeds($rows):
  .seeds as $all | by_name as $models
  | [$rows[] | $models[.].seeds // [] | map(values) | select(IN([], $all) | not)] | unique
  | if . == [] then "" else " (seed \(map(join(" ")) | join("; ")) only)" end;

# ---- the search: what was picked ----

def picked_columns: [
  ["harmful answered, unseen", "asr"], ["seen", "asr_seen"], ["wrapped", "asr_jailbreak"],
  ["look-alikes answered", "answered_lookalike"], ["benign answered", "answered_benign"],
  ["utility", "utility"], ["AUC", "auc"]
];
# Points with a sign: 0.0123 -> "+1.2"
def signed:
  . * 100 | num(1) as $text | if . > 0 then "+" + $text else $text | sub("-"; "−") end;
# The interval of a difference in points, or nothing.
def signed_interval: if .lo then "\(.lo | signed) to \(.hi | signed)" else empty end;
def setting_in_words: .values | del(.top)
  | [to_entries[] | "\(.key) \(.value)"] | join(", ");

# front.json -> a table: each method as picked, on the test split, with the change from the original
# and its 95 % interval over originals.
def picked_table:
  . as $front
  | [picked_columns[] | select(.[1] as $metric | $front.original[$metric])] as $columns
  | def changed($method; $metric): $front.changes[$method][$metric]
      | if . == null then {none: "not measured"}
        else {value: ($front.original[$metric].mean + .mean | percent),
          interval: ([(.mean | signed), signed_interval] | join(": "))}
        end;
    def kept($method): [$front.picks[] | select(.method == $method)]
      | {value: "\(map(select(.kept)) | length) of \(length)"};
    def rows_of($group): [$front.methods | to_entries[] | select(.value.group == $group)
      | .key as $method
      | {head: .value.title, emphasis: ($method == "safepatching"),
         cells: ([$columns[][1] as $metric | changed($method; $metric)] + [kept($method)])}];
    {columns: ["model, as picked", $columns[][0], "rule met"],
     caption: ("Picked on the validation split, measured on the test split: per cent, mean over "
       + "\($front.seeds | length) originals; small: the change from the original in points, "
       + "and its 95 % interval over originals"),
     groups: ([{rows: [{head: "Original", emphasis: true, cells: ([$columns[][1] as $metric
         | $front.original[$metric]
         | {value: (.mean | percent),
            interval: (if .lo then "\([.lo, 0] | max | percent)–\([.hi, 1] | min | percent)"
              else null end)}]
         + [{none: "it is what the rule compares with"}])}]}]
       + [({method: "the method", ablation: "parts of it left out or changed", control: "controls",
           merging: "other ways to merge the patches", training: "baselines that train"}
           | to_entries[]) as {key: $group, value: $title}
          | {title: $title, rows: rows_of($group)} | select(.rows != [])])};

# The settings that were picked, one line an original.
def picked_settings:
  . as $front
  | {columns: ["method", ($front.seeds[] | "original \(.)")],
     caption: ("The settings that were picked, of \($front.budget) a method; (-): none met the "
       + "rule, this is the nearest"),
     groups: [{rows: [$front.methods | to_entries[] | .key as $method
       | {head: .value.title,
          cells: [$front.seeds[] as $seed
            | [$front.picks[] | select(.method == $method and .seed == $seed)][0]
            | {value: (setting_in_words + if .kept then "" else " (-)" end)}]}]}]};

# SafePatching against each other method, both as picked: differences in points.
def versus_table:
  . as $front
  | ["asr", "answered_lookalike", "asr_jailbreak", "auc"] as $metrics
  | {columns: ["SafePatching less", "harmful answered", "look-alikes answered", "wrapped", "AUC"],
     caption: ("SafePatching less each other method, both as picked, in points, with 95 % "
       + "intervals over originals and p of the paired test over items"),
     groups: [{rows: [$front.methods | to_entries[] | select($front.versus[.key]) | .key as $method
       | {head: .value.title, cells: [$metrics[] as $metric | $front.versus[$method][$metric]
           | if . == null then {none: "not measured"}
             else {value: (.mean | signed), interval: ([
               signed_interval,
               (if .p == null then empty elif .p < 0.001 then "p < 0.001"
                else "p = \(.p | num(3))" end)]
               | join(", "))} end]}]}]};

# The originals that were patched.
def originals_table:
  . as $front
  | def rates: (.asr, .refused_lookalike, .utility, .asr_jailbreak, .auc) | {value: percent};
  {columns: ["original", "harmful answered", "look-alikes refused", "utility", "wrapped", "AUC"],
   caption: "The originals, test split, per cent",
   groups: [{rows: [$front.originals[] | {head: "seed \(.seed)", cells: [.test | rates]}]}]};

# Reports of several backbones -> the search over all their originals, the largest gains first.
def searches:
  map(.front) as $fronts
  | def each($method; $metric): [$fronts[].changes[$method][$metric].each[]];
    def improved($method): [each($method; "asr"), each($method; "answered_lookalike")]
      | transpose | map(select(.[0] < 0 and .[1] >= 0)) | length;
    def met($method): [$fronts[].picks[] | select(.method == $method and .kept)] | length;
    {columns: ["method, as picked", "AUC", "least", "most", "harmful answered",
       "look-alikes answered", "both improve", "wrapped answered more", "rule met"],
     groups: [{rows: [$fronts[0].methods | to_entries
       | sort_by(-(each(.key; "auc") | mean))[] | .key as $method | each($method; "auc") as $auc
       | {head: .value.title, cells: [
           (($auc | mean, min, max), (each($method; "asr", "answered_lookalike") | mean) | signed),
           improved($method), ([each($method; "asr_jailbreak")[] | select(. > 0)] | length),
           met($method) | {value: .}]}]}]};

# ---- sweeps ----

def sweep_titles: {
  p: "retention rate p", rate: "top rates a = b", alpha: "scale alpha", beta: "scale beta"
};
def sweeps:
  . as $report | ([] | columns("sweep")) as $columns
  | {caption: ("Sweeps, one number changed at a time"
       + fewer_seeds([.sweeps[].points[].row] - ["safepatching"])),
     columns: ["value", $columns[][0]],
     groups: [.sweeps | to_entries[] | {
       title: (sweep_titles[.key] // .key),
       rows: [.value.points | sort_by(.value)[] | . as {$value, $row}
         | ($row == "safepatching") as $own
         | {head: (if $own then "\($value) · SafePatching" else $value end), emphasis: $own,
            cells: [$columns[][1] as $metric | $report | cell($row; $metric)]}]}]};

# ---- time a token ----

# A further column of the decoding-time defences.
def atgr_column:
  .speed as $speed
  | {title: "time a token / original's (ATGR)", cells: (reduce .tables.decoding[] as $row ({};
      .[$row] = if $speed[$row]
        then {value: ($speed[$row].atgr | num(2)), interval: "\($speed[$row].ms | num(2)) ms"}
        else {none: "plain decoding of other weights: time a token as the original's"} end))};

# {NAME: {ms, atgr}} (experiments/speed) -> a table
def speed:
  {columns: ["decoding", "ms a token", "ATGR"], groups: [{rows: [
    to_entries | sort_by(.value.atgr)[]
    | {head: .key, cells: [{value: (.value.ms * 1000 | round / 1000)},
                           {value: (.value.atgr | hundredths)}]}]}]};

# ---- where the important parameters lie ----

def shares: .share_a, .share_b, .overlap, .chance;
def share_cell(format):
  if . == null then {none: "no parameter of the safety region lies here"} else {value: format} end;

# One table for the page: both ways to take the regions beside one another.
def layers_together:
  def place: .place | tostring | sub("_proj$"; "");
  def row($global; $matrix; head):
    {head: ($global | head), cells:
      [($global | shares), ($matrix | .overlap, .chance) | share_cell(. * 100 | num(1))]};
  def rows($by): [[.global[$by], .matrix[$by]] | transpose[] | row(.[0]; .[1]; place)];
  {caption: ("Where the important parameters of the two patches lie, % of each top region; "
     + "shared: % of the safety region that lies in the other too"),
   columns: ["place", "safety", "over-safety", "shared", "by chance",
     "a region in each matrix: shared", "by chance"],
   groups: [
     {title: "layer", rows: rows("depth")},
     {title: "matrix", rows: rows("kind")},
     {title: "all", rows: [row(.global.total; .matrix.total; "all")]}]};

# Tables one below the other for Markdown: [table...]
def layers_apart:
  def row(head): {head: head, cells: [shares | share_cell(percent)]};
  def part($title; rows):
    {columns: [$title, "safety", "over-safety", "shared", "by chance"], groups: [{rows: [rows]}]};
  [ part("layer"; .global.depth[] | row(.place)),
    part("matrix"; .global.kind[] | row(.place)),
    part("all";
      (.global.total | row("one region over all matrices")),
      (.matrix.total | row("a region in each matrix"))),
    part("layer (a region in each matrix)"; .matrix.depth[] | row(.place)),
    part("matrix (a region in each matrix)"; .matrix.kind[] | row(.place)) ];

# ---- claims ----

# What a report says of the claims that its rows decide.
def claims_measured:
  def answer:
    [if .holds then "yes" else ("no" | strong) end,
     if .clear == false then ", within the noise" else "" end];
  {columns: ["claim of the paper", "measured here", "holds"], groups: [{rows: [
    .claims[] | select(.holds != null)
    | {head: "\(.claim). \(.text)", cells: [{value: .measured}, {value: answer}]}]}]};

# $claims: a list for each of the backbones; outcome: a claim -> TEXT
def claims_by_backbone($backbones; $claims; outcome):
  {columns: ["claim", $backbones[]], class: "claims", groups: [{rows: [
    $claims | transpose[]
    | {head: [(.[0].claim | link("#claim-\(.)")), ". ", .[0].text],
       cells: map({value: outcome})}]}]};

# ---- readings of the method (report/collect grid) ----

# First the cells that refuse no more look-alikes and lose no utility, the safest of them on top.
def grid:
  def metrics: .asr_seen, .asr_unseen, .asr_jailbreak, .refused_lookalike, .answered_benign,
    .utility, (.degenerate + .garbled);
  .original as $original
  | {columns: ["cell", "S10 score", "S12 loss", "S14 kept, alpha = beta", "shared, %",
       "intersection: ASR unseen", "ASR seen", "ASR unseen", "ASR wrapped", "look-alikes refused",
       "benign answered", "utility", "degenerate + garbled"],
     groups: [{rows: [
       .cells
       | sort_by(.safepatching
           | [(.refused_lookalike > $original.refused_lookalike
               or .utility < $original.utility - 0.01), .asr_unseen])[]
       | .switches as {$snip, $merge}
       | {head: .cell, cells: [
           "\($snip.V) at \($snip.at)", $snip.loss_on, "\($merge.keep), \($merge.alpha)",
           (.overlap.total.both_of_a, .intersect.asr_unseen, (.safepatching | metrics) | percent)
           | {value: .}]}]}]};

# ---- README: what was picked, in short ----

# A backbone's report -> a table: some methods as picked, with the change from the original.
def picked_in_short:
  name as $name | backbone as $backbone | .front as $front
  | [["harmful answered, unseen", "asr"], ["wrapped", "asr_jailbreak"],
     ["look-alikes answered", "answered_lookalike"], ["benign answered", "answered_benign"],
     ["utility", "utility"], ["AUC", "auc"]] as $columns
  | def cell_of($method; $metric):
      $front.original[$metric].mean as $before | $front.changes[$method][$metric] as $change
      | if $method == "original" then {value: ($before * 100 | num(1))}
        else {value: ($before + $change.mean | . * 100 | num(1)),
          interval: ($change.mean | signed)} end;
    {columns: [($backbone | link("results/reference/\($name).md")), $columns[][0]],
     groups: [{rows: [
       ("original", "safepatching", "random_sets", "task_arithmetic", "ties", "only_safety",
        "ga_kl")
       | select(. == "original" or $front.changes[.]) as $method
       | {head: ($front.methods[$method].title // "Original"),
          cells: [$columns[][1] as $metric | cell_of($method; $metric)]}]}]};

# ---- all backbones at a glance ----

# [the original's, SafePatching's] at the picked setting, where a search was made, else as fixed.
def original_and_ours($metric):
  ({asr_unseen: "asr"}[$metric] // $metric) as $name
  | .front.changes.safepatching[$name]? as $change
  | if $change then .front.original[$name].mean | [., . + $change.mean]
    else by_name | [.original.mean[$metric], .safepatching.mean[$metric]] end;

# $claims: a list for each of the reports
def summary($claims):
  def change($metric):
    . as $report | original_and_ours($metric) as [$before, $after]
    | ({asr_unseen: "asr"}[$metric] // $metric) as $name
    | if .front.changes.safepatching[$name]? then
        {value: ["\($before | percent) → ", ($after | percent | strong)],
         interval: (.front.changes.safepatching[$name]
           | [(.mean | signed), signed_interval] | join(": "))}
      else [cell("original", "safepatching"; $metric)]
        | if all(.value)
          then {value: [.[0].value, " → ", (.[1].value | strong)], interval: .[1].interval}
          else {none: $report | why_none("safepatching"; $metric)} end
      end;
  def count($claims; $outcome): [$claims[] | select(.holds == $outcome)] | length;
  {class: "summary",
   caption: ("Original → SafePatching"
     + (if any(.[]; .front) then " at the setting that the search picked, test split" else "" end)
     + ", per cent; small: "
     + (if any(.[]; .front) then "the change in points, and its " else "" end) + "95 % interval"),
   columns: ["backbone", "harmful answered, unseen", "harmful answered, wrapped",
     "look-alikes refused", "utility", "claims: hold / fail / not testable", "seeds"],
   groups: [{rows: [
     [., $claims] | transpose[] as [$report, $of_it] | $report
     | {head: (backbone | link("#\($report | name)")), cells: [
         change("asr_unseen", "asr_jailbreak", "refused_lookalike", "utility"),
         {value: ([count($of_it; true, false, null) | tostring] | join(" / "))},
         {value: ($report.seeds | join(" "))}]}]}]};

# ---- time and memory of the stages ----

def kind_of_stage:
  sub("^[^:]*: "; "")
  | if test("world|^tokenizer|^train:") then "tiny world and its model"
    elif test("evaluate") then "answers, judgement, perplexity"
    elif test("time a token") then "time a token"
    elif test("safety patch$|patches compared") then "deriving patches"
    elif test(" (mask|retention|scores|overlap)$|region$") then "masks, scores, regions"
    elif test("merge|patch alone$") then "adding patches"
    else "baselines: training, merging" end;
def stages:
  def seconds: map(.wall_s) | add;
  def longest: map(.wall_s) | max | num(1);
  def memory: map(.peak_rss_mib // 0) | max;
  (.stages | seconds) as $total
  | {caption: "Time and memory of the stages (sum over stages, which ran side by side)",
     class: "times",
     columns: ["stages", "number", "time, s", "share", "longest, s", "peak memory, MiB"],
     groups: [
       {rows: [.stages | group_by(.stage | kind_of_stage) | sort_by(-seconds)[] | {
          head: (.[0].stage | kind_of_stage),
          cells: [{value: length}, {value: (seconds | num(1))},
            {bar: (seconds / $total * 100 | num(1))}, {value: longest},
            (memory | if . > 0 then {value: num(0)} else {none: "no tool reported"} end)]}]},
       {rows: [.stages | {
          head: "all", emphasis: true,
          cells: [{value: length}, {value: ($total | num(1))}, {value: "100 %"}, {value: longest},
            {value: (memory | num(0))}]}]}]};

# ---- where the figures come from ----

# Digests of the data, the model and the patches.
def digests:
  .run as $run
  | {columns: ["file", "SHA-256"], class: "wide", groups: [{rows: [
      [.stages[] | .output, .inputs[]] | unique_by(.path)[]
      | select(.path | ltrimstr($run) | test("^/[^/]+/(safety|oversafety|safepatching)\\.st"
          + "|^/(prompts\\.jsonl|model\\.sha256)$|/harm\\.jsonl$"))
      | {head: (.path | code), cells: [{value: (.sha256 | code + {class: "sha"})}]}]}]};
