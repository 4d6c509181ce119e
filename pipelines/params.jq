# params.jq - the experiment's JSON cut into one block a stage, so that editing a number reruns only the stages that read it.
# Where a block is a tool's options (opts.jq), its keys are that tool's option names.
{
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
}
