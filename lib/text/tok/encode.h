/* encode.h - from text to ids: added tokens, normalizer, pre-tokenizer and model in turn.
 */
#ifndef TOK_ENCODE_H
#define TOK_ENCODE_H

#include "text/tok/tables.h"

/* Append the ids of text[0..n), without what the post-processor puts around it.
 * `specials`: text may become special tokens. `place` is where the text stands.
 *    0: done
 *   -1: a pattern gives up on this text (*e) */
int tok_encode(const tok_tables *t, const char *text, size_t n, bool specials,
               tok_place place, sp_ids *out, sp_err *e) SP_MUST_CHECK;

#endif
