/* bytes.c - see bytes.h.
 *
 * memcpy and memcmp are not given NULL when there are no bytes: C forbids it, and the sanitizers
 * report it. A buffer has no memory before its first byte; after that it at least doubles when it
 * grows (sp_xgrow).
 */
#include "text/tok/bytes.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

tok_str tok_str_make(const char *s, size_t n)
{
    char *p = sp_xmalloc(n + 1);
    if (n) memcpy(p, s, n);
    p[n] = 0;
    return (tok_str){p, n};
}

void tok_str_free(tok_str *s)
{
    free((char *)s->p);
    *s = (tok_str){0};
}

bool tok_str_is(tok_str a, const char *s, size_t n) { return a.n == n && !memcmp(a.p, s, n); }

void tok_buf_add(tok_buf *b, const char *s, size_t n)
{
    if (b->n + n > b->cap) b->p = sp_xgrow(b->p, &b->cap, b->n + n, 1);
    if (n) memcpy(b->p + b->n, s, n);
    b->n += n;
}

/* Matches do not overlap: in "aaa" the text "aa" is found once, at the beginning. An empty `from`
 * would be found without end. */
void tok_buf_replace(tok_buf *b, const char *s, size_t n, tok_str from, tok_str to)
{
    const char *end = s + n, *hit;
    while ((hit = memmem(s, (size_t)(end - s), from.p, from.n))) {
        tok_buf_add(b, s, (size_t)(hit - s));
        tok_buf_add(b, to.p, to.n);
        s = hit + from.n;
    }
    tok_buf_add(b, s, (size_t)(end - s));
}

void tok_buf_free(tok_buf *b)
{
    free(b->p);
    *b = (tok_buf){0};
}
