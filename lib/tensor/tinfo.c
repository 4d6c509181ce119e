/* tinfo.c - see tinfo.h.
 *
 * Sizes come from files, so that every product is checked for overflow as it is made. A shape in
 * which a zero follows dimensions that overflow by themselves is refused too.
 */
#include "tensor/tinfo.h"

#include "base/arith.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sp_tinfo_size(sp_tinfo *t)
{
    t->numel = 1;
    for (int i = 0; i < t->rank; i++)
        if (t->shape[i] < 0 || !sp_mul(t->numel, (uint64_t)t->shape[i], &t->numel)) return false;
    return sp_mul(t->numel, sp_dtype_size(t->dtype), &t->nbytes);
}

void sp_shape_str(const sp_tinfo *t, char *buf, size_t n)
{
    size_t at = 0;
    snprintf(buf, n, "scalar");
    /* snprintf returns what it would have written: at >= n means that the text was cut */
    for (int i = 0; i < t->rank && at < n; i++)
        at += (size_t)snprintf(buf + at, n - at, "%s%lld", i ? "x" : "", (long long)t->shape[i]);
}

bool sp_same_shape(const sp_tinfo *a, const sp_tinfo *b)
{
    return a->rank == b->rank && !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape);
}

void sp_tinfos_free(sp_tinfo *t, size_t n)
{
    for (size_t i = 0; i < n; i++) free(t[i].name);
    free(t);
}
