/* examples.c - see examples.h.
 *
 * A list owns the ids and the labels of all its examples. They are two arrays of the same length:
 *
 *     t           0     1     2     3
 *     ids         1    99    42     2
 *     labels   -100  -100    42     2
 *
 * The logits at 1 are scored against 42, and those at 2 against 2.
 */
#include "text/examples.h"

#include "base/memory.h"

#include <stdlib.h>

void sp_examples_add(sp_examples *d, sp_example x) { SP_PUSH(d->ex, d->n, d->cap) = x; }

/* The list is empty afterwards and may be used again. */
void sp_examples_free(sp_examples *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->ex[i].ids);
        free(d->ex[i].labels);
    }
    free(d->ex);
    *d = (sp_examples){0};
}
