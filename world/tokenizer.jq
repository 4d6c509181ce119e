# tokenizer.jq - a word-level tokenizer.json for the tiny world, in the form of real checkpoints.
#
# Metaspace splits the text into "▁word" pieces; a BPE without merges takes each known piece whole
# (ignore_merges) and spells anything else in bytes (byte_fallback), as LLaMA-2 does. The family
# gives its special tokens, literal ones such as "\n", and chat words.
#
#   jq -Rs --slurpfile exp experiments/llama2.json -f tokenizer.jq words.txt
def hex: [(. / 16 | floor), . % 16] | map("0123456789ABCDEF"[.:. + 1]) | add;
def word_pieces: map(select(. != "") | "▁" + .);

$exp[0].tokenizer as $t
| ($t.special + $t.literal) as $added
| [range(256) | "<0x\(hex)>"] as $bytes
| ($added + $bytes + ["▁"] + ($t.words + split("\n") | word_pieces)) as $pieces
| ($pieces | to_entries | map({key: .value, value: .key}) | from_entries) as $vocab
| def added: . as $token
    | {id: $vocab[$token], content: $token, single_word: false, lstrip: false, rstrip: false,
       normalized: false, special: ($t.special | index([$token]) != null)};
  {
    version: "1.0", truncation: null, padding: null,
    added_tokens: ($added | map(added)),
    normalizer: null,
    pre_tokenizer: {type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true},
    post_processor: {
      type: "TemplateProcessing",
      single: [{SpecialToken: {id: $t.bos, type_id: 0}}, {Sequence: {id: "A", type_id: 0}}],
      pair: [{SpecialToken: {id: $t.bos, type_id: 0}}, {Sequence: {id: "A", type_id: 0}},
             {SpecialToken: {id: $t.bos, type_id: 1}}, {Sequence: {id: "B", type_id: 1}}],
      special_tokens: {($t.bos): {id: $t.bos, ids: [$vocab[$t.bos]], tokens: [$t.bos]}}
    },
    decoder: {type: "Sequence",
      decoders: [{type: "Replace", pattern: {String: "▁"}, content: " "}, {type: "ByteFallback"},
                 {type: "Fuse"}, {type: "Strip", content: " ", start: 1, stop: 0}]},
    model: {type: "BPE", dropout: null, unk_token: $t.unk, continuing_subword_prefix: null,
            end_of_word_suffix: null, fuse_unk: true, byte_fallback: true, ignore_merges: true,
            vocab: $vocab, merges: []}
  }
