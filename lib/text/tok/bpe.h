/* bpe.h - the BPE model: from one pre-token to ids. */
#ifndef TOK_BPE_H
#define TOK_BPE_H

#include "text/tok/tables.h"

/* Work space that one thread uses again and again. */
typedef struct tok_bpe tok_bpe;
tok_bpe *tok_bpe_new(void);
void tok_bpe_free(tok_bpe *w); /* NULL is fine */

/* Append the ids of s[0..n), n < 2^31. `specials`: a word that is a special token may
 * become it (for models with ignore_merges). */
void tok_bpe_word(const tok_tables *t, tok_bpe *w, const char *s, size_t n, bool specials,
                  sp_ids *out);

#endif
