/* weights.c - see weights.h. */
#include "train/weights.h"

#include "engine/residency.h"
#include "tensor/vec.h"

#include <stdlib.h>

#define PART ((size_t)1 << 20) /* numbers worked on at a time */

sp_tinfo sp_param_tensor(const sp_param *p, sp_dtype d)
{
    uint64_t n = sp_numel(p);
    return (sp_tinfo){.name = p->name,
                      .dtype = d,
                      .rank = p->cols == 1 ? 1 : 2,
                      .shape = {p->rows, p->cols},
                      .numel = n,
                      .nbytes = n * sp_dtype_size(d)};
}

/* Numbers first .. first+n-1 of a weight as they go into the stream; n <= PART, scratch (PART). A
 * weight without a stored original (random, or not trained) goes as it is. */
static const float *part_of(const sp_param *p, size_t first, size_t n, float *scratch)
{
    if (!p->own || !p->data) return sp_param_part(p, first, n, scratch);
    sp_to_f32(scratch, (const char *)p->data + first * sp_dtype_size(p->dtype), p->dtype, n);
#pragma omp parallel for simd if (n > 16384)
    for (size_t i = 0; i < n; i++) scratch[i] = sp_reachable(p->own[first + i], scratch[i]);
    return scratch;
}

/* wide, narrow: (PART) scratch */
static int write_one(const sp_param *p, sp_dtype d, float *wide, float *narrow, sp_dst *dst,
                     sp_err *e)
{
    for (size_t at = 0, n; at < sp_numel(p); at += n) {
        n = SP_MIN(sp_numel(p) - at, PART);
        sp_from_f32(narrow, part_of(p, at, n, wide), d, n);
        if (sp_dst_write(dst, narrow, n * sp_dtype_size(d), e) < 0) return -1;
    }
    return 0;
}

int sp_weights_write(const sp_model *m, sp_dtype d, sp_dst *dst, sp_err *e)
{
    float *wide = sp_xfloats(PART), *narrow = sp_xfloats(PART);
    int rc = 0;
    for (size_t i = 0; i < m->n && rc == 0; i++) {
        rc = write_one(&m->params[i], d, wide, narrow, dst, e);
        sp_param_release(m, &m->params[i]);
    }
    free(wide);
    free(narrow);
    return rc;
}
