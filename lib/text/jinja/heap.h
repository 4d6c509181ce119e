/* heap.h - memory and budget of one template: parsing one, or rendering it once.
 *
 * All memory comes from one heap of bounded size and is released at once with it. Steps
 * and depth are bounded too, because templates are untrusted.
 *
 * Errors stick: the first one is kept in the heap's sp_err, every later operation then
 * does nothing. The interpreter looks at jinja_failed() where it loops and where it
 * returns.
 */
#ifndef SP_TEXT_JINJA_HEAP_H
#define SP_TEXT_JINJA_HEAP_H

#include "base/base.h"

/* What one rendering may use. */
#define JINJA_MAX_BYTES ((size_t)64 << 20)
#define JINJA_MAX_STEPS ((int64_t)10 * 1000 * 1000)
#define JINJA_MAX_DEPTH 120

typedef struct jinja_block jinja_block;
typedef struct {
    jinja_block *blocks; /* the newest first */
    size_t left;         /* bytes that may still be taken */
    int64_t steps;       /* steps that may still be made; work on n bytes costs n / 64 */
    int depth;           /* of nested evaluation or parsing */
    int line;            /* of the template, for messages */
    sp_err *e;
} jinja_heap;

void jinja_heap_open(jinja_heap *h, sp_err *e);
void jinja_heap_close(jinja_heap *h);
/* n bytes, aligned to 16, zeroed. NULL after an error or when the budget is used up (an
 * error). */
void *jinja_take(jinja_heap *h, size_t n);
/* An array of cap elements of `size` bytes with the first n of `old`, which stays behind.
 * NULL as from jinja_take. */
void *jinja_grown(jinja_heap *h, const void *old, size_t n, size_t cap, size_t size);
/* Count n steps; false, and an error, when none are left. */
bool jinja_spend(jinja_heap *h, size_t n);
/* Count one level of nesting; false, and an error, when it is too deep. Leave with
 * jinja_leave. */
bool jinja_enter(jinja_heap *h);
static inline void jinja_leave(jinja_heap *h) { h->depth--; }
static inline bool jinja_failed(const jinja_heap *h) { return h->e->code != 0; }
/* Keep an error, "line N: message". The first one wins. */
void jinja_error(jinja_heap *h, const char *fmt, ...) SP_PRINTF(2, 3);

#endif
