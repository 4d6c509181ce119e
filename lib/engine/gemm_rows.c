/* gemm_rows.c - see gemm_rows.h.
 *
 * An element of Y is the dot product of a row of X and a row of W. Threads share the rows of W. A
 * row is read in steps of 32 elements, each widened to F32 in two vectors of 16 and multiplied with
 * the same 32 elements of each row of X: two partial sums of 16 lanes a row of X, which are added
 * up at the end. Up to 15 elements that are left over follow one by one. One step of a row of W
 * with row r of X:
 *
 *     elements    i .. i+15              i+16 .. i+31
 *     row of W    w0                     w1                      widened once for all rows of X
 *     row of X    x0                     x1
 *                 s[r][0] += w0 * x0     s[r][1] += w1 * x1      lane by lane
 *
 * The number of rows of X and the dtype of W are constants wherever dots_of is compiled in, so the
 * sums have registers and no loop asks for the dtype. Each row of X has sums of its own, hence the
 * same bits whatever other rows are computed beside it.
 */
#include "engine/gemm_rows.h"

/* Bytes of W that are prefetched ahead of their use. Reading one row after another is as fast as
 * memory allows; four rows side by side were slower. */
#define AHEAD      4096
/* Multiply-adds below which a second thread costs more than it gains. */
#define ONE_THREAD 65536

#define INLINE static inline __attribute__((always_inline))

/* *to = elements i .. i+15 of W as F32. (Vectors wider than the processor's registers go through
 * pointers: as arguments or results they would have no fixed place.) */
INLINE void load16(sp_f32x16 *to, const void *w, sp_dtype dtype, int64_t i)
{
    typedef uint16_t u16x16 __attribute__((vector_size(32), aligned(2), may_alias));
    typedef uint32_t u32x16 __attribute__((vector_size(64)));
    const uint16_t *half = (const uint16_t *)w + i;
    if (dtype == SP_F32) *to = *(const sp_f32x16 *)((const float *)w + i);
    else if (dtype == SP_F16) {
        float x[16];
        for (int j = 0; j < 16; j++) x[j] = sp_f16_f32(half[j]);
        *to = *(const sp_f32x16 *)x;
    } else *to = (sp_f32x16)(__builtin_convertvector(*(const u16x16 *)half, u32x16) << 16);
}

/* Return the sum of 16 lanes: the upper half is added to the lower one, 8 and then 4 lanes wide; of
 * the last four, q, the sum is (q0 + q2) + (q1 + q3). */
INLINE float sum16(const sp_f32x16 *v)
{
    typedef float f32x8 __attribute__((vector_size(32)));
    typedef float f32x4 __attribute__((vector_size(16)));
    f32x8 half[2];
    f32x4 quarter[2];
    memcpy(half, v, sizeof half);
    half[0] += half[1];
    memcpy(quarter, half, sizeof quarter);
    quarter[0] += quarter[1];
    return (quarter[0][0] + quarter[0][2]) + (quarter[0][1] + quarter[0][3]);
}

/* sum[r] = elements at .. at+n-1 of W times the first n of row r of X (rows, ldx); n is a multiple
 * of 16. */
INLINE void dots_of(float *sum, const float *x, int64_t ldx, int64_t rows, const void *w,
                    sp_dtype dtype, int64_t at, int64_t n)
{
    sp_f32x16 s[SP_GEMM_ROWS][2] = {0};
    int64_t i = 0, size = dtype == SP_F32 ? 4 : 2;
    for (; i + 32 <= n; i += 32) {
        sp_f32x16 w0, w1;
        sp_prefetch((const char *)w + (at + i) * size + AHEAD, 32 * size);
        load16(&w0, w, dtype, at + i);
        load16(&w1, w, dtype, at + i + 16);
        for (int64_t r = 0; r < rows; r++) {
            s[r][0] += w0 * *(const sp_f32x16 *)(x + r * ldx + i);
            s[r][1] += w1 * *(const sp_f32x16 *)(x + r * ldx + i + 16);
        }
    }
    if (i < n) {
        sp_f32x16 w0;
        load16(&w0, w, dtype, at + i);
        for (int64_t r = 0; r < rows; r++) s[r][0] += w0 * *(const sp_f32x16 *)(x + r * ldx + i);
    }
    for (int64_t r = 0; r < rows; r++) {
        sp_f32x16 both = s[r][0] + s[r][1];
        sum[r] = sum16(&both);
    }
}

/* sum[r] = the n elements of W from `at` on times row r of X (rows, n), for any n. */
INLINE void dots(float *sum, const float *x, int64_t rows, sp_mat w, int64_t at, int64_t n)
{
    /* elements that go in vectors; each call below is compiled for its own dtype */
    int64_t even = n / 16 * 16;
    if (w.dtype == SP_F32) dots_of(sum, x, n, rows, w.data, SP_F32, at, even);
    else if (w.dtype == SP_F16) dots_of(sum, x, n, rows, w.data, SP_F16, at, even);
    else dots_of(sum, x, n, rows, w.data, SP_BF16, at, even);
    for (int64_t r = 0; even < n && r < rows; r++) {
        float rest = 0, v;
        for (int64_t i = even; i < n; i++) {
            sp_mat_widen(&v, w, at + i, 1);
            /* The compiler may not gather these multiply-adds into vectors: it would take them
             * apart again, multiplication and addition rounded each for itself. */
            __asm__("" : "+m"(rest));
            rest += v * x[r * n + i];
        }
        sum[r] += rest;
    }
}

/* Compute column j of Y (n, out): the dot products of row j of W with all n rows of X (n, in). beta
 * 0 does not read Y, which may be uninitialised. */
static void column(const sp_linear *l, int64_t j, const float *x, int64_t n, int64_t in, float beta)
{
    float sum[SP_GEMM_ROWS];
    _Static_assert(SP_GEMM_ROWS == 8, "a case for each number of rows");
    switch (n) { /* each is compiled by itself: the sums stay in registers */
    case 1: dots(sum, x, 1, l->w, j * in, in); break;
    case 2: dots(sum, x, 2, l->w, j * in, in); break;
    case 3: dots(sum, x, 3, l->w, j * in, in); break;
    case 4: dots(sum, x, 4, l->w, j * in, in); break;
    case 5: dots(sum, x, 5, l->w, j * in, in); break;
    case 6: dots(sum, x, 6, l->w, j * in, in); break;
    case 7: dots(sum, x, 7, l->w, j * in, in); break;
    case 8: dots(sum, x, 8, l->w, j * in, in); break;
    }
    for (int64_t r = 0; r < n; r++) {
        float *y = &l->y[r * l->out + j];
        *y = sum[r] + (beta != 0 ? beta * *y : 0);
    }
}

void sp_gemm_rows_xwt(const float *x, int64_t n, int64_t in, const sp_linear *l, int count,
                      float beta)
{
    /* The columns of all layers are numbered one layer after another and shared evenly: the layers
     * may differ much in size (queries and grouped keys), and one parallel loop serves them all. */
    int64_t columns = 0;
    for (int i = 0; i < count; i++) columns += l[i].out;
#pragma omp parallel for schedule(static) if (columns * in > ONE_THREAD)
    for (int64_t j = 0; j < columns; j++) {
        const sp_linear *of = l;
        int64_t at = j;
        for (; at >= of->out; of++) at -= of->out;
        column(of, at, x, n, in, beta);
    }
}
