/* weights.c - see weights.h.
 *
 * A parameter passes through in parts of PART numbers, so that memory does not grow with its size:
 *
 *     own, data  ->  wide (F32)  ->  narrow (dtype of the stream)  ->  dst
 *
 * A trained weight is moved to the nearest number that its original plus an F32 difference can
 * reach (sp_reachable in vec.h). It is done here, because the trained and the stored values are
 * both at hand.
 */
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

/* Return numbers first .. first+n-1 of a weight in F32 as they go into the stream. n is at most
 * PART, and scratch has room for PART floats. The result is borrowed from scratch or from p. A
 * weight without a stored original (random) or without a trained value goes as it is. */
static const float *part_of(const sp_param *p, size_t first, size_t n, float *scratch)
{
    if (!p->own || !p->data) return sp_param_part(p, first, n, scratch);
    sp_to_f32(scratch, (const char *)p->data + first * sp_dtype_size(p->dtype), p->dtype, n);
#pragma omp parallel for simd if (n > 16384)
    for (size_t i = 0; i < n; i++) scratch[i] = sp_reachable(p->own[first + i], scratch[i]);
    return scratch;
}

/* Count what rounding has made of numbers first .. first+n-1, which are `narrow` in dtype d. */
static void count_rounding(const sp_param *p, size_t first, size_t n, const void *narrow,
                           sp_dtype d, sp_rounding *r)
{
    enum { BLOCK = 1024 };
    float was[BLOCK];
    double change[BLOCK], before[BLOCK]; /* `before` in dtype d, which is no wider */
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t take = SP_MIN(n - at, (size_t)BLOCK), i0 = first + at;
        sp_to_f32(was, (const char *)p->data + i0 * sp_dtype_size(p->dtype), p->dtype, take);
        for (size_t i = 0; i < take; i++) change[i] = (double)p->own[i0 + i] - was[i];
        sp_from_f32(before, was, d, take);
        sp_rounding_count(r, change, 1, before, (const char *)narrow + at * sp_dtype_size(d), d,
                          take);
    }
}

/* Write all of p to dst in dtype d. wide and narrow (PART) are scratch; narrow has room for any
 * dtype that is no wider than F32. Adds to *r what rounding has made of a trained p. 0 or -1. */
static int write_one(const sp_param *p, sp_dtype d, float *wide, float *narrow, sp_dst *dst,
                     sp_rounding *r, sp_err *e)
{
    bool trained = p->own && p->data;
    for (size_t at = 0, n; at < sp_numel(p); at += n) {
        n = SP_MIN(sp_numel(p) - at, PART);
        sp_from_f32(narrow, part_of(p, at, n, wide), d, n);
        if (trained) count_rounding(p, at, n, narrow, d, r);
        if (sp_dst_write(dst, narrow, n * sp_dtype_size(d), e) < 0) return -1;
    }
    return 0;
}

int sp_weights_write(const sp_model *m, sp_dtype d, sp_dst *dst, sp_rounding *rounding, sp_err *e)
{
    float *wide = sp_xfloats(PART), *narrow = sp_xfloats(PART);
    int rc = 0;
    for (size_t i = 0; i < m->n && rc == 0; i++) {
        rc = write_one(&m->params[i], d, wide, narrow, dst, rounding, e);
        sp_param_release(m, &m->params[i]);
    }
    free(wide);
    free(narrow);
    return rc;
}
