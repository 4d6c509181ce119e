/* examples.c - see examples.h. */
#include "text/examples.h"

#include "base/memory.h"

#include <stdlib.h>

void sp_examples_add(sp_examples *d, sp_example x) { SP_PUSH(d->ex, d->n, d->cap) = x; }

void sp_examples_free(sp_examples *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->ex[i].ids);
        free(d->ex[i].labels);
    }
    free(d->ex);
    *d = (sp_examples){0};
}
