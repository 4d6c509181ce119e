# page.jq - the report as one HTML page, from the reports of all backbones (all.json).
# variables: $style (CSS); as lists of one, $paper (report/paper.json) and $pictures ({RUN: {KIND: SVG}})
include "columns";
include "claims";
include "backbone";
include "html";
include "cells";
include "tables";
include "paper";
include "verdict";

def legend: "<ol class=legend>" + ([tradeoff[] | "<li class=\(.family)>\(plain(.title))</li>"] | add) + "</ol>";
def pictures: $pictures[0][name] as $p | def p($kind; $caption): picture($p[$kind]; $caption; $kind);
  {tradeoff: "<div class=compared>\(p("tradeoff"; "Lower left is better; bars are 95 % intervals, axes by square roots."))\(legend)</div>",
   sweeps: "<div class=pictures>\(p("sweep-p"; "Random retention. Dotted: SafePatching as it is."))\(p("sweep-rate"; "Top rates."))\(p("sweep-alpha"; "Scale of the safety patch."))\(p("sweep-beta"; "Scale of the over-safety patch."))</div>",
   layers: "<div class=pictures>\(p("layers-depth"; "One top region over all matrices, by layer."))\(p("layers-kind"; "The same, by matrix."))</div>",
   continual: "<div class=pictures>\(p("continual-asr"; "Harm: categories of harmful data come one after the other."))\(p("continual-lost"; "Over-safety: look-alikes refused or not answered."))</div>",
   losses: "<div class=pictures>\(p("losses"; "Patch derivation: loss on harmful questions and answers, one line a seed."))</div>"};

def backbone_section: pictures as $p | name as $id | def h($part; $title): "<h3 id=\"\($id)-\($part)\">\($title)</h3>";
  "<section class=backbone id=\"\($id)\"><h2>\(backbone)</h2>"
  + h("tradeoff"; "Safety against over-safety") + $p.tradeoff
  + h("tables"; "The method and its parts") + models("method"; "The method"; []) + models("ablation"; "Without each of its parts"; [])
  + h("baselines"; "Other methods") + models("baselines"; "Training and decoding baselines"; []) + models("merging"; "Other ways to combine the same two patches"; []) + decoding
  + h("jailbreak"; "Wrapped requests, unseen harm") + models("jailbreak"; "Harmful requests in wrappers"; []) + models("transfer"; "Harmful requests by category, in training and not"; [])
  + h("continual"; "Harm that comes in parts") + $p.continual + models("continual"; "After each category of harmful data\(fewer_seeds(.tables.continual // []))"; [])
  + h("sweeps"; "Sweeps") + $p.sweeps + sweeps
  + h("layers"; "Where the important parameters lie") + $p.layers + layers
  + h("cost"; "Training, time, memory") + $p.losses + stages
  + h("provenance"; "Provenance") + provenance + "</section>";

def mark: if .holds == null then "<span class=na>not testable</span>" elif .holds then "<span class=yes>holds</span>" else "<span class=no>fails</span>" end
  + if noise then " <small>in the noise</small>" else "" end;
def claims_section($reports; $claims): ($reports | map(backbone)) as $names
  | "<section id=claims><h2>The paper's 24 claims</h2><p>Filled by the program from the result files; claims that fail stand here as failing. “In the noise”: the difference that decides does not exceed its 95 % interval.</p>"
  + ({head: (["claim"] + $names), class: "claims", groups: [{rows: [range($claims[0] | length) as $i | ["<a href=\"#claim-\($i + 1)\">\($i + 1)</a>. \(plain($claims[0][$i].text))"] + [$claims[][$i] | mark]]}]} | table)
  + "<h3>What was measured</h3><div class=measured>" + ([range($claims[0] | length) as $i | $claims[0][$i]
    | "<article id=\"claim-\(.claim)\"><h4>\(.claim). \(plain(.text))</h4><p>Passes if: \(plain(.pass)).</p><dl>"
      + ([range($names | length) as $j | pair($names[$j]; $claims[$j][$i] | "\(mark). \(plain(del(.clear) | figures))")] | add) + "</dl></article>"] | add) + "</div></section>";

def change($k): . as $in | by_name as $r | [$r.original, $r.safepatching] | map(if . then figure(.; $k) else null end) | if any(. == null) then {none: ($in | why_none("safepatching"; $k))}
  else {value: "\(.[0].value) → <b>\(.[1].value)</b>", small: (.[1].interval // "")} end;
def summary($reports; $claims): ($reports | map(backbone)) as $names | ($reports | length) as $n
  | [$reports[] | by_name | [.original, .safepatching] | map(.mean)] as $means
  | ([$means[] | select(.[1].asr_unseen < .[0].asr_unseen)] | length) as $safer | ([$means[] | select(.[1].refused_lookalike <= .[0].refused_lookalike)] | length) as $fewer
  | ([$means[] | map(.utility) | select(all(. != null)) | .[1] - .[0] | fabs] | max // 0) as $moved
  | ([range($claims[0] | length) as $i | [$claims[][$i].holds] | if any(. == false) then "fails" elif any(. == null) then "open" else "holds" end]) as $fate
  | "<section id=summary><h2>Summary</h2><p class=lead>SafePatching answers fewer unseen harmful requests than the original on \($safer) of \($n) backbone\(if $n == 1 then "" else "s" end)"
  + " and refuses no more harmless look-alikes on \($fewer); utility moves by at most \($moved * 100 | num(1)) points. Of the paper's 24 claims, "
  + "\($fate | map(select(. == "holds")) | length) hold on every backbone, \($fate | map(select(. == "fails")) | length) fail on at least one, \($fate | map(select(. == "open")) | length) cannot be tested here.</p>"
  + ({class: "summary", caption: "Original → SafePatching, per cent; small: 95 % interval", head: ["backbone", "harmful answered, unseen", "harmful answered, wrapped", "look-alikes refused", "utility", "claims: hold / fail / not testable", "seeds"],
      groups: [{rows: [range($n) as $i | $reports[$i] | ["<a href=\"#\(name)\">\(backbone)</a>", change("asr_unseen"), change("asr_jailbreak"), change("refused_lookalike"), change("utility"),
        {value: ([true, false, null] | map(. as $x | [$claims[$i][] | select(.holds == $x)] | length) | join(" / "))}, {value: (.seeds | join(" "))}]]}]} | table)
  + "<p>What was run: \($reports | map(.rows | length) | add) models evaluated on \($reports[0] | items | add) prompts each, in \($reports | map(.stages | length) | add) recorded stages, \($reports | map(.stages | map(.wall_s) | add) | add / 60 | num(0)) minutes of stages in all. "
  + "Without a model of one's own (<code>MODEL=</code>) the backbones are tiny models of the same architectures on a toy language, in which “harm” is a class of word pairs and answers are checked word for word: "
  + "directions and ratios may be compared with the paper, absolute figures may not. How the scales alpha and beta were chosen stands in experiments/README.md. An attack succeeds when the answer is the harmful one word for word; “garbled” complies with other words, “degenerate” is no answer at all.</p></section>";

[inputs] as $reports | ($reports | claims_across) as $claims
| "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\"><meta name=color-scheme content=\"light dark\"><title>SafePatching: results</title>\n<style>\($style)</style></head><body>"
  + "<header><h1>SafePatching: what was measured</h1><p>Safety patching of \($reports | length) backbone\(if $reports | length > 1 then "s" else "" end), every experiment of <a href=\"https://arxiv.org/abs/2405.13820\">arXiv 2405.13820</a>.</p>"
  + "<nav><a href=\"#summary\">Summary</a> <a href=\"#claims\">Claims</a> <a href=\"#paper\">Paper beside ours</a> " + ([$reports[] | "<a href=\"#\(name)\">\(backbone)</a>"] | join(" ")) + "</nav></header><main>",
  summary($reports; $claims), claims_section($reports; $claims), paper_section($reports; $paper[0]), ($reports[] | backbone_section), "</main></body></html>"
