# outcomes.jq - what became of prompts that were judged by their margins (sp-eval margin), in
# counts a set.

def kinds_of_outcome: "answered", "refused", "neither";
def outcome_counts:
  reduce .[] as $item ({n: 0, answered: 0, refused: 0, neither: 0};
    .n += 1 | .[$item.outcome] += 1);

# {SET: {n, answered, refused, neither, category: {NAME: the same}}}
def sets_of_outcomes:
  group_by(.set)
  | map({key: .[0].set, value: (outcome_counts
      + {category: (group_by(.category)
          | map({key: (.[0].category // "all"), value: outcome_counts}) | from_entries)})})
  | from_entries;

# Against another model on the same items, of each set and outcome: {more, fewer}, the items that
# have it only here, and only there (what McNemar's test looks at).
def discordant($other):
  ($other | map({key: .id, value: .outcome}) | from_entries) as $there
  | group_by(.set)
  | map({key: .[0].set, value: (. as $items
      | [kinds_of_outcome as $kind
        | {key: $kind, value: {
            more: ([$items[] | select(.outcome == $kind and $there[.id] != $kind)] | length),
            fewer: ([$items[] | select(.outcome != $kind and $there[.id] == $kind)] | length)}}]
      | from_entries)})
  | from_entries;

# Margins of a model; $roc: lines of sp-eval roc, the last of them this model's; $other: margins of
# the model to compare with, or null
def outcomes($roc; $other):
  {sets: sets_of_outcomes}
  + ($roc[-1] | {auc, se, lo, hi, curve, against} | with_entries(select(.value != null)))
  + (if $other then {discordant: discordant($other)} else {} end);
