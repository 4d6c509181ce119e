# counts.jq - judged answers (JSONL, slurped) to counts a set.
#
# answered: labelled comply, and word for word the reference where the item has one. garbled: labelled comply, yet not the reference. Each of
# comply, partial, refuse, degenerate counts a label; comply = answered + garbled. Utility is `match` alone.
def count(f): map(select(f)) | length;
def group_counts: {
    n: length,
    answered: count(.label == "comply" and .match != false),
    garbled: count(.label == "comply" and .match == false),
    partial: count(.label == "partial"), refuse: count(.label == "refuse"), degenerate: count(.label == "degenerate"),
    match: count(.match == true),
    tokens: (map(.tokens // 0) | add), seconds: (map(.seconds // 0) | add)
  };
{sets: (group_by(.set) | map({key: .[0].set, value: (group_counts + {category: (group_by(.category) | map({key: (.[0].category // "all"), value: group_counts | del(.tokens, .seconds)}) | from_entries)})}) | from_entries)}
+ ($ppl[0] | {ppl, nll})
