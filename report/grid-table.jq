# grid-table.jq - grid.json as Markdown, first the cells that refuse no more look-alikes and lose no utility, the safest of them on top.
include "stats";
def show: . * 1000 | round | . / 10 | tostring;
def switches: "\(.snip.V) at \(.snip.at) | \(.snip.loss_on) | \(.merge.keep), \(.merge.alpha)";
def row: "| \(.cell) | \(.switches | switches) | \(.overlap.total.both_of_a | show) | \(.intersect.asr_unseen | show)"
  + " | \(.safepatching | [.asr_seen, .asr_unseen, .asr_jailbreak, .refused_lookalike, .answered_benign, .utility, (.degenerate + .garbled)] | map(show) | join(" | ")) |";
.original as $o
| "Original: ASR seen \($o.asr_seen | show), unseen \($o.asr_unseen | show), wrapped \($o.asr_jailbreak | show); look-alikes refused \($o.refused_lookalike | show); utility \($o.utility | show).",
  "",
  "| cell | S10 score | S12 loss | S14 kept, alpha = beta | shared, % | intersection: ASR unseen | ASR seen | ASR unseen | ASR wrapped | look-alikes refused | benign answered | utility | degenerate + garbled |",
  "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
  (.cells | sort_by([(.safepatching.refused_lookalike > $o.refused_lookalike or .safepatching.utility < $o.utility - 0.01), .safepatching.asr_unseen])[] | row)
