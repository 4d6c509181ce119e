# tables.jq - the tables of one backbone, its stages and its provenance.
include "columns";
include "backbone";
include "html";
include "cells";

def models($name; $caption; $more): # $more: [[TITLE, filter output by row]...] further columns, {row: cell}
  . as $in | (.tables[$name] // []) as $rows
  | if $rows == [] then "" else
    (by_name as $r | {table: $name, rows: [$rows[] | $r[.] | values]} | columns) as $columns
    | {caption: $caption, head: (["model"] + [$columns[][0]] + [$more[].title]),
       groups: [{rows: [$rows[] as $row | [($in | row_head($row))] + [$columns[] as [$t, $k] | $in | rate($row; $k)] + [$more[].cells[$row]]]}]} | table end;

def atgr_cells: .speed as $speed | reduce .tables.decoding[] as $row ({}; .[$row] =
  if $speed[$row] then {value: ($speed[$row].atgr | num(2)), small: "\($speed[$row].ms | num(2)) ms"}
  else {none: "plain decoding of other weights: time a token as the original's"} end);
def decoding: if .tables.decoding then models("decoding"; "Decoding-time defences"; [{title: "time a token / original's (ATGR)", cells: atgr_cells}]) else "" end;

def sweep_names: {p: "retention rate p", rate: "top rates a = b", alpha: "scale alpha", beta: "scale beta"};
def sweeps: . as $in | ({table: "sweep"} | columns) as $columns
  | if .sweeps | not then "" else {caption: "Sweeps, one number changed at a time\($in | fewer_seeds([.sweeps[].points[].row] - ["safepatching"]))", head: (["value"] + [$columns[][0]]), groups: [.sweeps | to_entries[]
      | {title: (sweep_names[.key] // .key), rows: [.value.points | sort_by(.value)[] | . as $p
         | [if $p.row == "safepatching" then "<b>\($p.value) · SafePatching</b>" else "\($p.value)" end] + [$columns[] as [$t, $k] | $in | rate($p.row; $k)]]}]} | table end;

def layers: def share: if . == null then {none: "no parameter of the safety region lies here"} else {value: (. * 100 | round1)} end;
  def rows($part): .global[$part] as $g | .matrix[$part] as $m | [range($g | length) as $i | ["\($g[$i].place | tostring | sub("_proj$"; ""))",
    ($g[$i] | .share_a, .share_b, .overlap, .chance), ($m[$i] | .overlap, .chance)] | .[1:] |= map(share)];
  if .layers | not then "" else .layers | {caption: "Where the important parameters of the two patches lie, % of each top region; shared: % of the safety region that lies in the other too",
    head: ["place", "safety", "over-safety", "shared", "by chance", "a region in each matrix: shared", "by chance"],
    groups: [{title: "layer", rows: rows("depth")}, {title: "matrix", rows: rows("kind")},
      {title: "all", rows: [[.global.total, .matrix.total] as [$g, $m] | ["all", ($g | .share_a, .share_b, .overlap, .chance), ($m | .overlap, .chance)] | .[1:] |= map(share)]}]} | table end;

def kind_of_stage: sub("^[^:]*: "; "") | if test("world|^tokenizer|^train:") then "tiny world and its model" elif test("evaluate") then "answers, judgement, perplexity"
  elif test("time a token") then "time a token" elif test("safety patch$|patches compared") then "deriving patches"
  elif test(" (mask|retention|scores|overlap)$|region$") then "masks, scores, regions" elif test("merge|patch alone$") then "adding patches"
  else "baselines: training, merging" end;
def stages: (.stages | map(.wall_s) | add) as $total | {caption: "Time and memory of the stages (sum over stages, which ran side by side)", class: "times",
  head: ["stages", "number", "time, s", "share", "longest, s", "peak memory, MiB"],
  groups: [{rows: [.stages | group_by(.stage | kind_of_stage) | sort_by(-(map(.wall_s) | add))[] | (map(.wall_s) | add) as $s
    | [.[0].stage | kind_of_stage] + [length, ($s | round1), "<span class=bar style=\"width:\($s / $total * 100 | num(1))%\"></span>", (map(.wall_s) | max | round1)
    | if type == "string" and startswith("<") then . else {value: .} end] + [map(.peak_rss_mib // 0) | max | if . > 0 then {value: num(0)} else {none: "no tool reported"} end]]},
    {rows: [["<b>all</b>", {value: (.stages | length)}, {value: ($total | round1)}, {value: "100 %"}, {value: (.stages | map(.wall_s) | max | round1)}, {value: (.stages | map(.peak_rss_mib // 0) | max | num(0))}]]}]} | table;

def digest_rows: .run as $run | [.stages[] | .output, .inputs[]] | unique_by(.path)
  | map(select(.path | ltrimstr($run) | test("^/[^/]+/(safety|oversafety|safepatching)\\.st|^/(prompts\\.jsonl|model\\.sha256)$|/harm\\.jsonl$")))
  | map(["<code>\(plain(.path))</code>", "<code class=sha>\(.sha256)</code>"]);
def provenance: "<dl>" + pair("tools"; [.stages[].tools[] | "\(.command | split(" ")[0]) \(.version)"] | unique | join(", "))
    + pair("seeds"; .seeds | join(", "))
    + pair("items a rate"; items | to_entries | map("\(.key) \(.value)") | join(", ")) + "</dl>"
  + details("Digests (SHA-256) of data, model, patches"; {head: ["file", "SHA-256"], groups: [{rows: digest_rows}], class: "wide"} | table)
  + details("Every number of the experiment"; "<pre>" + ([.experiment | del(.config, .tokenizer) | to_entries[] | plain("\(.key): \(.value | tojson)")] | join("\n")) + "</pre>")
  + details("All \(.stages | length) stages: commands, time, memory, digest of the output";
      "<ol class=commands>" + ([.stages[] | "<li>\(plain(.stage | sub("^[^:]*: "; ""))) <small>\(.wall_s | round1) s\(if .peak_rss_mib then ", \(.peak_rss_mib | num(0)) MiB" else "" end), <code>\(.output.sha256[:16])</code></small><br><code>\(plain(.command))</code></li>"] | join("\n")) + "</ol>");
