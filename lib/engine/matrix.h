/* matrix.h - a weight matrix as a product takes it: its values as they are stored, and
 * what comes out of it.
 *
 * All matrices are row-major. A weight W of a linear layer has the shape (out, in): the
 * layer computes y = W x for each token, Y (N, out) = X (N, in) W^T for N of them.
 */
#ifndef SP_MATRIX_H
#define SP_MATRIX_H

#include "tensor/dtype.h"
#include "tensor/fmath.h"

#include <stdint.h>
#include <string.h>

/* The stored values: borrowed. */
typedef struct {
    const void *data;
    sp_dtype dtype; /* F32, BF16 or F16 */
} sp_mat;

/* One of several linear layers that share an X, or a gradient of X. */
typedef struct {
    float *y;    /* (N, out): what comes out, or the gradient that goes back through it */
    sp_mat w;    /* (out, in) */
    int64_t out; /* rows of w */
} sp_linear;
#define SP_LINEARS 3 /* at most so many at a time: queries, keys, values */

/* W from its element i on. */
static inline sp_mat sp_mat_from(sp_mat w, int64_t i)
{
    const char *bytes = w.data;
    return (sp_mat){bytes + (size_t)i * sp_dtype_size(w.dtype), w.dtype};
}

/* Write elements i .. i+n-1 of W to `to` as F32. Every BF16 and F16 value is an F32
 * value, so nothing is rounded. */
static inline void sp_mat_widen(float *restrict to, sp_mat w, int64_t i, int64_t n)
{
    const uint16_t *half = (const uint16_t *)w.data + i;
    if (w.dtype == SP_F32) memcpy(to, (const float *)w.data + i, (size_t)n * sizeof *to);
    else if (w.dtype == SP_F16)
        for (int64_t j = 0; j < n; j++) to[j] = sp_f16_f32(half[j]);
    else
        for (int64_t j = 0; j < n; j++) to[j] = sp_bf16_f32(half[j]);
}

#endif
