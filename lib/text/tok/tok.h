/* tok.h - tokenizers of the Hugging Face tokenizer.json kind: BPE with byte fallback
 * (LLaMA-2, Mistral, Gemma) and byte-level BPE (LLaMA-3); and of sentencepiece BPE models
 * (tokenizer.model).
 *
 * Text is bytes, valid UTF-8 or not; nothing crashes. Encoding cuts out added tokens,
 * normalises, cuts words, merges by rank (bpe.c), and puts special tokens around the
 * whole. A tokenizer does not change once it is open, so threads may share it.
 */
#ifndef SP_TOK_H
#define SP_TOK_H

#include "text/ids.h"

#include <stdbool.h>

typedef struct sp_tok sp_tok;

/* Load from a model directory: tokenizer.json, or tokenizer.model where there is none.
 * tokenizer_config.json and special_tokens_map.json may mark further tokens special, and
 * for the classes of LLaMA and Gemma say whether BOS and EOS are added. NULL with *e set:
 * a file is damaged, or has a kind of normaliser, pre-tokenizer, model or decoder that is
 * not supported (it is named). */
sp_tok *sp_tok_open(const char *model_dir, sp_err *e) SP_MUST_CHECK;
/* The same from memory: the text of a tokenizer.json, whose strings are unescaped in
 * place, and the tree of a tokenizer_config.json (NULL = none). */
sp_tok *sp_tok_from_json(char *text, size_t n, const json_t *config,
                         sp_err *e) SP_MUST_CHECK;
/* The same from the bytes of a tokenizer.model. */
sp_tok *sp_tok_from_spm(const char *data, size_t n, sp_err *e) SP_MUST_CHECK;
void sp_tok_close(sp_tok *tok); /* NULL is fine */

/* Flags of sp_tok_encode. */
enum {
    /* add the post-processor's special tokens (BOS ...) */
    SP_TOK_SPECIAL = 1,
    /* literals of special tokens inside the text are ordinary characters */
    SP_TOK_NO_LITERALS = 2,
    /* the text follows a special token, it does not begin the input: some tokenizers put
       a space only before the first word of the input */
    SP_TOK_INSIDE = 4,
    /* the text goes on where other text ended: no tokenizer puts a space before it */
    SP_TOK_JOINED = 8,
    /* with SP_TOK_SPECIAL: not those that the text begins or ends with itself. So a text
       that a chat template has been put around has one BOS */
    SP_TOK_ONCE = 16
};
/* Append the ids of text[0..n) to *out.
 *    0: done
 *   -1: more than 512 MiB, or a pattern gives up on it (*e); *out may hold some ids */
int sp_tok_encode(const sp_tok *tok, const char *text, size_t n, int flags, sp_ids *out,
                  sp_err *e) SP_MUST_CHECK;
/* Text of ids[0..n), NUL-terminated, its length in *len (may be NULL); it may hold NULs.
 * Bytes that form no character become U+FFFD, so it is always UTF-8. skip_special leaves
 * out special tokens; ids that are no piece are always left out. */
char *sp_tok_decode(const sp_tok *tok, const int32_t *ids, size_t n, bool skip_special,
                    size_t *len);

/* The largest id + 1. */
size_t sp_tok_vocab(const sp_tok *tok);
/* The id of exactly this piece or added token.
 *   -1: there is none */
int32_t sp_tok_id(const sp_tok *tok, const char *piece);
/* False too for ids that are no piece. */
bool sp_tok_is_special(const sp_tok *tok, int32_t id);
/* Is it a token that is cut out of the text before anything else, special or not? */
bool sp_tok_is_added(const sp_tok *tok, int32_t id);
/* The tokens that begin and end an input, from tokenizer_config.json or the
 * post-processor.
 *   -1: there is none */
int32_t sp_tok_bos(const sp_tok *tok);
int32_t sp_tok_eos(const sp_tok *tok);

#endif
