# memory.jq - the memory that a stage is likely to take, in MiB (ARCHITECTURE.md, "Memory").

# What the formulas below are made of, from a config.json. Counts are parameters:
#   layer    one decoder layer: q, k, v, o and the three matrices of its MLP
#   largest  the largest matrix
#   all      the model
def figures:
  .hidden_size as $h | .intermediate_size as $i | (.vocab_size // 1024) as $v
  | (.head_dim // ($h / .num_attention_heads)) as $head
  | ((.num_key_value_heads // .num_attention_heads) * $head) as $kv
  | (2 * $h * (.num_attention_heads * $head + $kv) + 3 * $h * $i) as $layer
  | (if .tie_word_embeddings then 1 else 2 end) as $tables
  | {layers: .num_hidden_layers, $h, $i, $v, $kv, $layer, largest: ([$h * $i, $h * $v] | max),
     all: (.num_hidden_layers * $layer + $tables * $h * $v),
     bytes: (if (.torch_dtype // .dtype) == "float32" then 4 else 2 end)};

# Forward and backward: a layer's weights as stored and its gradient, one more matrix, what enters
# each layer, and activations of the topmost layers up to 1 GiB. An example counts as 64 tokens.
def pass($examples): (64 * $examples) as $n
  | (.bytes + 4) * .layer + 4 * .largest + 4 * (.layers + 2) * $n * .h
    + ([4 * .layers * $n * (8 * .h + 3 * .i), 1073741824] | min);
# Keys and values of all that is answered at once, and the logits of a step.
def answering($eval): ($eval.batch // 16) as $batch
  | 4 * $batch * (2 * .layers * .kv * (64 + $eval.max_new) + .v);

# Of figures: what each kind of work takes. 64 MiB go to the program, its buffers and frames.
def memory($e):
  {
    text: 0,                   # jq and its like
    tensors: 0,                # sp-diff, sp-mask, sp-merge: pieces of all inputs
    top: (2.5 * .largest),     # a mask, and the numbers that may be at the threshold
    whole: (4 * 3 * .largest), # merges of whole tensors: the base, two patches
    gradients: pass($e.snip.n // 128),
    # F32 masters and two moments of what is trained; on disk where that is half the memory
    train: (pass($e.patch.batch // 16) + 12 * .layers * .layer),
    train_all: (pass($e.train.stage1.batch // 64) + 12 * .all),
    answers: (.bytes * .all + answering($e.eval)),
    likelihood: (.bytes * .all + 4 * 2048 * (.h * 8 + .i * 3))
  }
  | map_values(64 + (. / 1048576 | ceil));
