/* examples.c - see examples.h. */
#include "text/examples.h"

#include "base/arith.h"
#include "base/memory.h"

#include <stdlib.h>

void sp_examples_add(sp_examples *d, sp_example x)
{
    if (d->n == d->cap) {
        d->cap = SP_MAX(16, 2 * d->cap);
        d->ex = sp_xrealloc(d->ex, d->cap * sizeof *d->ex);
    }
    d->ex[d->n++] = x;
}

void sp_examples_free(sp_examples *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->ex[i].ids);
        free(d->ex[i].labels);
    }
    free(d->ex);
    *d = (sp_examples){0};
}
