# method.jq - the stages of the method, each with the command that does it.
#
# Both patches are trained on the same harmful data and thinned at random. Gradients at the thinned
# patches say which of their parameters matter; each patch keeps its most important region, less the
# other's (the difference set), and both are added to the model.
#
# $c is the context (plan.jq): model, id (its digest, which stands for its bytes in dependencies),
# harm (the data), seed, e (the experiment's numbers), who (for labels). $dir is where a stage
# leaves its files; where it reads those of earlier stages from another directory, that is named
# too: an experiment that differs only in later steps shares the earlier ones.
include "stages";

def kinds: "safety", "oversafety";
def other: if . == "safety" then "oversafety" else "safety" end;
def one_of($name; $known): if IN($known[]) then .
  else error("\($name): \(tojson) is none of \($known | join(", "))") end;

# ---- patch derivation: ascent and descent on the same data, less the model they start from ------

def patch_options: .patch | del(.ascent, .descent);
def training_of($kind): patch_options
  + if $kind == "safety" then .patch.ascent + {ascend: true} else .patch.descent end;
def patches($c; $dir): ["\($dir)/\(kinds).st.zst"] as $both
  | ( kinds as $kind | "\($dir)/\($kind)" as $patch | "\($patch).loss.jsonl" as $log
      | ($c.e | training_of($kind) | sorted | options) as $options
      | {label: "\($c.who) \($kind) patch", outputs: ["\($patch).st.zst", $log],
         inputs: [$c.id, $c.harm],
         command: ("sp-grad tune -v\($options) --seed \($c.seed) --log \("\($log).part" | w)"
           + " \([$c.model, $c.harm] | words) | sp-diff -v - \($c.model | w)")}
      | stage($c; "train") ),
    ( {label: "\($c.who) patches compared", output: "\($dir)/patches.json", inputs: $both,
       command: "sp-mask stats -v \($both | words)"}
      | stage($c; "tensors") );

# ---- random retention, and SNIP scores of what is left -----------------------------------------

# KIND.mask: each parameter with probability p; KIND.kept: the patch where its mask is set.
def retention($c; $dir; $patches): $c.e.retention as $r
  | kinds as $kind | "\($dir)/\($kind)" as $own | "\($patches)/\($kind).st.zst" as $patch
  | (if $r.shared then "shared" else $kind end) as $key # the same key draws the same mask
  | (if $r.rescale then " -p \($r.p)" else "" end) as $rescale
  | {label: "\($c.who) \($kind) mask", output: "\($own).mask.st.zst", inputs: [$patch],
     command: "sp-mask random -v -p \($r.p) --seed \($c.seed) --key \($key) \($patch | w)"},
    ( [$patch, "\($own).mask.st.zst"] as $read
      | {label: "\($c.who) \($kind) retention", output: "\($own).kept.st.zst", inputs: $read,
         command: "sp-mask apply -v\($rescale) \($read | words)"} )
  | stage($c; "tensors");

# KIND.score: |V * gradient|, mean over examples. V is the thinned patch or the weights (snip.V);
# the gradient is taken with the thinned patch added, with the whole one, or without any (snip.at).
def scores($c; $dir; $patches): $c.e.snip as $snip
  | ($snip.at | one_of("snip.at"; ["sparsified", "full", "theta0"])) as $at
  | kinds as $kind | "\($dir)/\($kind).kept.st.zst" as $kept
  | {sparsified: $kept, full: "\($patches)/\($kind).st.zst"}[$at] as $added
  | (if $snip.V == "weight" then null else $kept end) as $factor
  | {limit: $snip.n, loss_on: $snip.loss_on, template: $c.e.patch.template, factor: $factor,
     weights: (if $added then "-" else null end)} as $options
  | {label: "\($c.who) \($kind) scores", output: "\($dir)/\($kind).score.st.zst",
     inputs: ([$added, $factor | values] | unique + [$c.id, $c.harm]),
     command: ((if $added then "sp-merge -v \($c.model | w) --add \($added | w) | " else "" end)
       + "sp-grad snip -v\($options | options) \([$c.model, $c.harm] | words)")}
  | stage($c; "gradients");

# ---- regions: the most important parameters, and the difference set ----------------------------

# KIND.top: the largest scores. KIND.region: where the patch will be added, by default the
# difference set, its own top region less the other's. common, overlap: what both top regions share.
def regions($c; $dir; $scores):
  ["\($dir)/\(kinds).top.st.zst"] as $tops | "\($dir)/common.st.zst" as $common
  | ($c.e.merge.keep | one_of("merge.keep"; ["diff", "p_minus_intersection"])) as $keep
  | ( kinds as $kind | "\($scores)/\($kind).score.st.zst" as $score
      | {by: $c.e.top.by, rate: $c.e.top[if $kind == "safety" then "a" else "b" end]} as $top
      | {label: "\($c.who) \($kind) top region", output: "\($dir)/\($kind).top.st.zst",
         inputs: [$score], command: "sp-mask top -v\($top | options) \($score | w)"}
      | stage($c; "top") ),
    ( {label: "\($c.who) common region", output: $common, inputs: $tops,
       command: "sp-mask and -v \($tops | words)"},
      {label: "\($c.who) overlap", output: "\($dir)/overlap.json", inputs: $tops,
       command: "sp-mask stats -v \($tops | words)"},
      ( kinds as $kind
        | {diff: ["\($dir)/\($kind, ($kind | other)).top.st.zst"],
           p_minus_intersection: ["\($scores)/\($kind).mask.st.zst", $common]}[$keep] as $difference
        | {label: "\($c.who) \($kind) region", output: "\($dir)/\($kind).region.st.zst",
           inputs: $difference, command: "sp-mask minus -v \($difference | words)"} )
      | stage($c; "tensors") );

# ---- merge: the model + alpha * the safety patch + beta * the over-safety patch ----------------

def merged($c; $what; $output; $scores; $safety_region; $oversafety_region): $c.e.merge as $merge
  | ["\($scores)/\(kinds).kept.st.zst"] as [$safety, $oversafety]
  | {label: "\($c.who) \($what)", output: $output,
     inputs: ([$safety, $safety_region, $oversafety, $oversafety_region] | unique + [$c.id]),
     command: ("sp-merge -v \($c.model | w)"
       + " --add \($safety | w) --mask \($safety_region | w) --scale \($merge.alpha)"
       + " --add \($oversafety | w) --mask \($oversafety_region | w) --scale \($merge.beta)")}
  | stage($c; "tensors");
# Each patch in its region; and, to compare, both in the intersection.
def merges($c; $dir; $scores; $regions): "\($regions)/common.st.zst" as $common
  | merged($c; "merge"; "\($dir)/safepatching.st.zst"; $scores;
      "\($regions)/safety.region.st.zst"; "\($regions)/oversafety.region.st.zst"),
    merged($c; "merge intersection"; "\($dir)/intersect.st.zst"; $scores; $common; $common);

# All from the patches to the merged model.
def control($c; $dir; $patches):
  retention($c; $dir; $patches), scores($c; $dir; $patches),
  regions($c; $dir; $dir), merges($c; $dir; $dir; $dir);

# One patch without the other, whole or thinned; and the Fisher information there, for that merge.
def alone($c; $dir): kinds as $kind
  | "\($dir)/\($kind)\(if $c.e.merge.single == "raw" then "" else ".kept" end).st.zst" as $patch
  | "\($dir)/only_\($kind).st.zst" as $model
  | ( {label: "\($c.who) \($kind) patch alone", output: $model, inputs: [$patch, $c.id],
       command: "sp-merge -v \($c.model | w) --add \($patch | w)"}
      | stage($c; "tensors") ),
    ( {label: "\($c.who) \($kind) Fisher information", output: "\($dir)/\($kind).fisher.st.zst",
       inputs: [$model, $c.id, $c.harm],
       command: "sp-grad grad -v --square --weights \([$model, $c.model, $c.harm] | words)"}
      | stage($c; "gradients") );
