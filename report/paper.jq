# paper.jq - tables of the paper's figures (paper.json) beside ours. They are known from two
# versions of the paper, whose figures differ; no table mixes them.
include "stats";
include "report";
include "tables";

# ---- cells ----

# A figure as paper.json has it: a number, text, null (found in no source) or "-" (not measured).
def theirs:
  if . == null then {value: "?", class: "unknown"}
  elif . == "-" then {none: "not measured by the paper"}
  else {value: (if type == "number" then num(2) else . end)} end;
def source: {value: (. | small)};
def missing: {none: "a figure is missing or zero"};
def signed: num(2) | if startswith("-") then "−" + .[1:] else "+" + . end;
def ratio($x; $y):
  if $x == null or $y == null or $y == 0 then missing else {value: ($x / $y | num(2))} end;
def difference($x; $y):
  if $x == null or $y == null then missing else {value: ($x - $y | signed)} end;

# A column for each of our backbones.
def ours($reports): $reports[] | ["ours: ", (backbone | look("nobreak"))];
def rows(rows): [{rows: [rows]}];

# ---- tables; $reports are ours, $version is that of the paper ----

# The paper's rows: $columns of theirs ([TITLE, KEY]), one metric of ours.
def beside($reports; $version; $caption; $columns; $metric):
  {caption: "\($caption): paper (\($version.title), \($version.backbone)) | ours", class: "sourced",
   columns: ["row", "paper: \($columns[][0])", ours($reports), "source"],
   groups: rows($version.rows[] as $row | {head: $row.title, cells: [
     ($columns[][1] as $key | $row[$key] | theirs),
     ($reports[] | cell($row.ours; $metric)),
     ($row.source | source)]})};

# SafePatching against another row, $bases: [{title, base, key, ours, points?}...]: the row, what
# the figure is called by the paper and by us; points asks for the difference instead of the ratio.
def ratios($reports; $version; $bases):
  def theirs_of($row; $key): $version.rows[] | select(.ours == $row) | .[$key];
  def ours_of($row; $metric): by_name[$row].mean[$metric];
  {caption: "The same as ratios: paper (\($version.title)) | ours",
   columns: ["SafePatching", "paper", ours($reports)],
   groups: rows($bases[] | .points as $points | . as {$title, $base, $key, $ours}
     | {head: $title, cells: [
     (theirs_of("safepatching"; $key) as $x | theirs_of($base; $key) as $y
       | if $points then difference($x; $y) else ratio($x; $y) end),
     ($reports[] | ours_of("safepatching"; $ours) as $x | ours_of($base; $ours) as $y
       | if $points then difference(100 * $x; 100 * $y) else ratio($x; $y) end)]})};

def time_a_token($reports; $version):
  {caption: "Time a token over the original's (ATGR): paper (\($version.title)) | ours",
   columns: ["decoding", "paper", ours($reports)],
   groups: rows($version.atgr.rows[] as $row | {head: $row.title, cells: [
     ($row.value | theirs),
     ($reports[].speed[$row.ours]
       | if . then {value: (.atgr | num(2))} else {none: not_run} end)]})};

# Three categories of harm one after the other: the mean over the steps.
def continual($reports; $version):
  def averaged($method; $metric):
    by_name as $models
    | [.tables.continual // [] | .[] | select(startswith("continual_\($method)_"))
        | $models[.].mean[$metric]]
    | if . == [] or any(. == null) then {none: not_run} else {value: (mean * 100 | num(1))} end;
  {caption: ("Three categories of harm in sequence, look-alikes refused, % "
     + "(average over the sequence): paper (\($version.title), XSTest) | ours"), class: "sourced",
   columns: ["method", "paper", ours($reports), "source"],
   groups: rows($version.continual.rows[] as $row | {head: $row.title, cells: [
     ($row.xstest | theirs),
     ($reports[] | averaged($row.ours; "refused_lookalike")),
     ($version.continual.source | source)]})};

# [table...] of arXiv v1
def first_version($reports; $version):
  [ beside($reports; $version; "Harmful requests answered, %";
      [["AdvBench", "advbench"], ["BeaverTails", "beavertails"]]; "asr_unseen"),
    beside($reports; $version; "Harmless look-alikes refused, %";
      [["XSTest", "xstest"], ["OKTest", "oktest"]]; "refused_lookalike"),
    beside($reports; $version; "Utility";
      [["AVG of 7 tasks, %", "avg"], ["MT-Bench, 1–10", "mt_bench"]]; "utility"),
    ratios($reports; $version; [
      {title: "harmful answered / original's", base: "original", key: "advbench",
       ours: "asr_unseen"},
      {title: "harmful answered / GA's", base: "ga_kl", key: "advbench", ours: "asr_unseen"},
      {title: "look-alikes refused / original's", base: "original", key: "xstest",
       ours: "refused_lookalike"},
      {title: "utility − original's, points", base: "original", key: "avg", ours: "utility",
       points: true}]),
    time_a_token($reports; $version),
    continual($reports; $version) ];

# [table...] of the later version
def later_version($reports; $version):
  [ beside($reports; $version; "Harmful requests answered, %"; [["ASR (400 items?)", "asr"]];
      "asr_unseen"),
    beside($reports; $version; "Harmless look-alikes refused, %"; [["refusals", "refused"]];
      "refused_lookalike"),
    ratios($reports; $version; [
      {title: "harmful answered / original's", base: "original", key: "asr", ours: "asr_unseen"},
      {title: "look-alikes refused / original's", base: "original", key: "refused",
       ours: "refused_lookalike"}]) ];
