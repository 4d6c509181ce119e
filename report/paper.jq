# paper.jq - the paper's figures (report/paper.json) beside ours; its two versions are kept apart.
include "stats";
include "columns";
include "backbone";
include "html";
include "cells";

# $metrics: [[COLUMN, key]...]; ours is one metric on every backbone.
def theirs($x): if $x == null then {value: "?", class: "unknown"} elif $x == "-" then {none: "not measured by the paper"} else {value: ($x | if type == "number" then num(2) | sub("\\.(?<d>[0-9])$"; ".\(.d)0") else . end)} end;
def ours($reports): $reports | map("ours: <span class=nobreak>\(backbone)</span>");
def beside($reports; $block; $caption; $metrics; $ours): {caption: "\($caption): paper (\($block.title), \($block.backbone)) | ours", class: "sourced",
  head: (["row"] + [$metrics[] | "paper: \(.[0])"] + ours($reports) + ["source"]),
  groups: [{rows: [$block.rows[] as $row | [plain($row.title)] + [$metrics[] as [$t, $k] | theirs($row[$k])] + [$reports[] | rate($row.ours; $ours)] + ["<small>\(plain($row.source))</small>"]]}]} | table;
def ratio($x; $y): if $x == null or $y == null or $y == 0 then {none: "a figure is missing or zero"} else {value: ($x / $y | num(2))} end;
def points($x; $y): if $x == null or $y == null then {none: "a figure is missing or zero"} else {value: ($x - $y | num(2) | if startswith("-") then "−" + .[1:] else "+" + . end)} end;
def theirs_of($block; $row; $k): $block.rows[] | select(.ours == $row) | .[$k];
def ratios($reports; $block; $rows): {caption: "The same as ratios: paper (\($block.title)) | ours", head: (["SafePatching"] + ["paper"] + ours($reports)),
  groups: [{rows: [$rows[] as {$title, $base, $key, $ours, $points} | [$title, (theirs_of($block; "safepatching"; $key) as $x | theirs_of($block; $base; $key) as $y | if $points then points($x; $y) else ratio($x; $y) end)]
    + [$reports[] | by_name | if $points then points(100 * .safepatching.mean[$ours]; 100 * .[$base].mean[$ours]) else ratio(.safepatching.mean[$ours]; .[$base].mean[$ours]) end]]}]} | table;
def last_step($method): .tables.continual // [] | map(select(startswith("continual_\($method)_"))) | last;
def averaged($method; $k): by_name as $r | [.tables.continual // [] | .[] | select(startswith("continual_\($method)_")) | $r[.].mean[$k]] | if . == [] or any(. == null) then {none: "this model was not run"} else {value: (mean * 100 | round1)} end;
def paper_section($reports; $paper): $paper.v1 as $v1 | $paper.later as $later
  | "<section id=paper><h2>The paper's figures beside ours</h2><p>\(plain($paper.note)) Two versions of the paper give different figures and are kept apart. “?”: not found in any source. Ours are those of this run, with 95 % intervals.</p>"
  + "<h3>\($v1.title)</h3>"
  + beside($reports; $v1; "Harmful requests answered, %"; [["AdvBench", "advbench"], ["BeaverTails", "beavertails"]]; "asr_unseen")
  + beside($reports; $v1; "Harmless look-alikes refused, %"; [["XSTest", "xstest"], ["OKTest", "oktest"]]; "refused_lookalike")
  + beside($reports; $v1; "Utility"; [["AVG of 7 tasks, %", "avg"], ["MT-Bench, 1–10", "mt_bench"]]; "utility")
  + ratios($reports; $v1; [{title: "harmful answered / original's", base: "original", key: "advbench", ours: "asr_unseen"}, {title: "harmful answered / GA's", base: "ga_kl", key: "advbench", ours: "asr_unseen"},
      {title: "look-alikes refused / original's", base: "original", key: "xstest", ours: "refused_lookalike"}, {title: "utility − original's, points", base: "original", key: "avg", ours: "utility", points: true}])
  + ({caption: "Time a token over the original's (ATGR): paper (\($v1.title)) | ours", head: (["decoding", "paper"] + ours($reports)),
      groups: [{rows: [$v1.atgr.rows[] as $row | [$row.title, theirs($row.value)] + [$reports[] | .speed[$row.ours] | if . then {value: (.atgr | num(2))} else {none: "this model was not run"} end]]}]} | table)
  + ({caption: "Three categories of harm in sequence, look-alikes refused, % (average over the sequence): paper (\($v1.title), XSTest) | ours", head: (["method", "paper"] + ours($reports) + ["source"]), class: "sourced",
      groups: [{rows: [$v1.continual.rows[] as $row | [$row.title, theirs($row.xstest)] + [$reports[] | averaged($row.ours; "refused_lookalike")] + ["<small>\(plain($v1.continual.source))</small>"]]}]} | table)
  + "<h3>A later version</h3>"
  + beside($reports; $later; "Harmful requests answered, %"; [["ASR (400 items?)", "asr"]]; "asr_unseen")
  + beside($reports; $later; "Harmless look-alikes refused, %"; [["refusals", "refused"]]; "refused_lookalike")
  + ratios($reports; $later; [{title: "harmful answered / original's", base: "original", key: "asr", ours: "asr_unseen"}, {title: "look-alikes refused / original's", base: "original", key: "refused", ours: "refused_lookalike"}])
  + "<p class=notes>The paper gives MT-Bench 6.01 → 6.14 too; the tiny world has no graded dialogues. For LLaMA-3, Mistral and Gemma no figure of the paper was found. Sources: \($paper.sources | to_entries | map("\(.key) \(plain(.value))") | join(", ")).</p></section>";
