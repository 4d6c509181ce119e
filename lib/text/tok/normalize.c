/* normalize.c - see normalize.h.
 *
 * Two buffers change places from step to step, so that no step writes to the text it reads.
 * LLaMA-2, with the steps Prepend "▁" and Replace " " by "▁": "Hi you" -> "▁Hi you" ->
 * "▁Hi▁you".
 */
#include "text/tok/normalize.h"

/* An empty text stays empty: nothing is put in front of it. */
void tok_normalize(const tok_steps *steps, const char *s, size_t n, bool goes_on, tok_buf *out)
{
    tok_buf next = {0};
    out->n = 0;
    tok_buf_add(out, s, n);
    for (size_t i = 0; i < steps->n; i++) {
        const tok_step *step = &steps->v[i];
        next.n = 0;
        if (step->kind == TOK_REPLACE) tok_buf_replace(&next, out->p, out->n, step->a, step->b);
        else { /* TOK_PREPEND */
            if (out->n && !goes_on) tok_buf_add(&next, step->a.p, step->a.n);
            tok_buf_add(&next, out->p, out->n);
        }
        tok_buf swap = *out;
        *out = next, next = swap;
    }
    tok_buf_free(&next);
}
