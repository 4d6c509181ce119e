/* heap.c - see heap.h.
 *
 * Every function that may fail first looks whether something failed before, and then does nothing;
 * so callers need not check after each call. Budgets are charged where work is done: jinja_take for
 * memory, jinja_spend for steps, jinja_enter for depth.
 */
#include "text/jinja/heap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)64 << 10)

/* Memory is handed out from the front of a block and never taken back. */
struct jinja_block {
    jinja_block *next;
    size_t used, size;
    _Alignas(16) char bytes[];
};

/* Memory is taken when it is first needed. */
void jinja_heap_open(jinja_heap *h, sp_err *e)
{
    *h = (jinja_heap){.left = JINJA_MAX_BYTES, .steps = JINJA_MAX_STEPS, .e = e};
}

void jinja_heap_close(jinja_heap *h)
{
    for (jinja_block *b = h->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    h->blocks = NULL;
}

/* sp_err_set keeps the first error, so what follows from it is not told. A message longer than the
 * buffer, as one with a long text of the template in it, is cut. */
void jinja_error(jinja_heap *h, const char *fmt, ...)
{
    char text[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sp_err_set(h->e, SP_EINPUT, "line %d: %s", h->line, text);
}

/* What does not fit into the newest block gets a new one, of its own size if it is large; the rest
 * of the old block is lost. */
void *jinja_take(jinja_heap *h, size_t n)
{
    if (jinja_failed(h)) return NULL;
    if (n > h->left) {
        jinja_error(h, "the template needs more than %zu MiB", JINJA_MAX_BYTES >> 20);
        return NULL;
    }
    n = (n + 15) / 16 * 16;
    h->left -= SP_MIN(n, h->left);
    jinja_block *b = h->blocks;
    if (!b || b->size - b->used < n) {
        size_t size = SP_MAX(n, BLOCK_BYTES);
        b = sp_xmalloc(sizeof *b + size);
        *b = (jinja_block){.next = h->blocks, .size = size};
        h->blocks = b;
    }
    void *p = b->bytes + b->used;
    b->used += n;
    return memset(p, 0, n);
}

/* n is bounded first, so that the difference cannot overflow. */
bool jinja_spend(jinja_heap *h, size_t n)
{
    if (jinja_failed(h)) return false;
    h->steps -= (int64_t)SP_MIN(n, (size_t)JINJA_MAX_STEPS);
    if (h->steps >= 0) return true;
    jinja_error(h, "the template takes more than %lld steps", (long long)JINJA_MAX_STEPS);
    return false;
}

/* After an error the depth is not counted: callers leave only what they entered. */
bool jinja_enter(jinja_heap *h)
{
    if (jinja_failed(h)) return false;
    if (++h->depth <= JINJA_MAX_DEPTH) return true;
    h->depth--;
    jinja_error(h, "nested more than %d deep", JINJA_MAX_DEPTH);
    return false;
}

/* n elements of `old` are copied; that it stays behind costs at most as much again. */
void *jinja_grown(jinja_heap *h, const void *old, size_t n, size_t cap, size_t size)
{
    void *p = jinja_take(h, cap * size);
    if (p && n) memcpy(p, old, n * size);
    return p;
}
