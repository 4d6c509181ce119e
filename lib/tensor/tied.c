/* tied.c - see tied.h. */
#include "tensor/tied.h"

#include "base/arith.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define COMPARED (1u << 20) /* elements compared at a time */

bool sp_has_both(const sp_src *s)
{
    return sp_src_find(s, SP_EMBED_NAME) >= 0 && sp_src_find(s, SP_HEAD_NAME) >= 0;
}

bool sp_has_head_alone(const sp_src *s)
{
    return sp_src_find(s, SP_EMBED_NAME) < 0 && sp_src_find(s, SP_HEAD_NAME) >= 0;
}

/* Are tensors a and b of s, which have the same dtype and shape, equal? As sp_head_is_copy. */
static int equal_bytes(sp_src *s, size_t a, size_t b, sp_err *e)
{
    uint64_t numel = sp_src_info(s, a)->numel;
    size_t size = sp_dtype_size(sp_src_info(s, a)->dtype), step = SP_MIN(numel, (uint64_t)COMPARED);
    char *x = sp_xmalloc(step * size + 1), *y = sp_xmalloc(step * size + 1);
    int rc = 1;
    for (uint64_t at = 0; rc == 1 && at < numel; at += step) {
        size_t n = SP_MIN(numel - at, (uint64_t)step);
        if (sp_src_read_part(s, a, at, n, x, e) < 0 || sp_src_read_part(s, b, at, n, y, e) < 0)
            rc = -1;
        else rc = !memcmp(x, y, n * size);
    }
    free(x);
    free(y);
    return rc;
}

int sp_head_is_copy(sp_src *s, sp_err *e)
{
    if (!sp_has_both(s) || !sp_src_seekable(s)) return 0;
    size_t a = (size_t)sp_src_find(s, SP_EMBED_NAME), b = (size_t)sp_src_find(s, SP_HEAD_NAME);
    const sp_tinfo *x = sp_src_info(s, a), *y = sp_src_info(s, b);
    return x->dtype == y->dtype && sp_same_shape(x, y) ? equal_bytes(s, a, b, e) : 0;
}

void sp_drop_idle(sp_src *s, bool tied)
{
    bool head = tied && sp_has_both(s); /* alone, it is the embedding */
    for (size_t i = sp_src_count(s); i-- > 0;)
        if (sp_idle_name(sp_src_info(s, i)->name, head)) sp_src_drop(s, i);
}

void sp_drop_head(sp_src *s)
{
    int64_t i = sp_src_find(s, SP_HEAD_NAME);
    if (i >= 0) sp_src_drop(s, (size_t)i);
}
