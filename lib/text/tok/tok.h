/* tok.h - tokenizers of the Hugging Face tokenizer.json kind: BPE with byte fallback
 * (LLaMA-2, Mistral, Gemma), byte-level BPE (LLaMA-3); and of sentencepiece BPE models
 * (tokenizer.model).
 *
 * Text is bytes, valid UTF-8 or not; nothing crashes. Encoding splits off added tokens,
 * normalises, pre-splits, merges by rank, then applies the post-processor's special
 * tokens.
 */
#ifndef SP_TOK_H
#define SP_TOK_H

#include "text/ids.h"

typedef struct sp_tok sp_tok;

/* Load from a model directory (tokenizer.json, or tokenizer.model where there is none;
 * tokenizer_config.json and special_tokens_map.json may mark further tokens special, and
 * for the classes of LLaMA and Gemma say whether BOS and EOS are added). Unknown
 * normaliser, pre-tokenizer, model or decoder kinds are refused by name. */
sp_tok *sp_tok_open(const char *model_dir, sp_err *e);
void sp_tok_close(sp_tok *t);

enum {
    SP_TOK_SPECIAL = 1, /* add the post-processor's special tokens (BOS ...) */
    /* treat special-token literals inside the text as ordinary characters */
    SP_TOK_NO_LITERALS = 2,
    /* the text follows a special token, it does not begin the input: some prefix only the
       first word */
    SP_TOK_INSIDE = 4,
    /* the text goes on where the one before ended: no tokenizer puts a space in front of
       it */
    SP_TOK_JOINED = 8
};
/* Append the ids of text[0..n) to *out. */
int sp_tok_encode(const sp_tok *t, const char *text, size_t n, int flags, sp_ids *out,
                  sp_err *e);
/* Text of ids, NUL-terminated, length in *len (may be NULL); it may hold NULs. Bytes that
 * form no character come out as U+FFFD, so it is always UTF-8. skip_special drops special
 * tokens; ids that are no piece are left out. */
char *sp_tok_decode(const sp_tok *t, const int32_t *ids, size_t n, bool skip_special,
                    size_t *len);

size_t sp_tok_vocab(const sp_tok *t); /* largest id + 1 */
/* id of an exact piece or added token, -1 if none */
int32_t sp_tok_id(const sp_tok *t, const char *piece);
bool sp_tok_is_special(const sp_tok *t, int32_t id);
/* from tokenizer_config.json or the post-processor, -1 if none */
int32_t sp_tok_bos(const sp_tok *t);
int32_t sp_tok_eos(const sp_tok *t);

#endif
