# params.jq - the experiment's JSON cut into one block a stage, so that editing a number reruns only the stages that read it.
# Where a block is a tool's options (opts.jq), its keys are that tool's option names.
def blocks: {
  safety: ((.patch | del(.ascent, .descent)) + .patch.ascent + {ascend: true}),
  oversafety: ((.patch | del(.ascent, .descent)) + .patch.descent),
  mask: (.retention | {p, shared}),
  retain: (.retention | {p, rescale}),
  score: (.snip + {template: .patch.template}),
  top_safety: {rate: .top.a, by: .top.by},
  top_oversafety: {rate: .top.b, by: .top.by},
  keep: {keep: .merge.keep},
  scale: (.merge | {alpha, beta}),
  single: (.merge | {single}),
  eval: .eval
};
def sorted: if type == "object" then to_entries | sort_by(.key) | map(.value |= sorted) | from_entries elif type == "array" then map(sorted) else . end;
# a line a block for pipelines/put: NAME JSON
def lines($prefix): to_entries[] | "\($prefix)\(.key) \(.value | sorted | tojson)";
