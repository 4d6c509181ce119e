/* gemm.c - see gemm.h.
 *
 * OpenMP spreads tiles of fixed shape; OpenBLAS (its OpenMP build) runs single-threaded inside a parallel region, which is why even a
 * single tile opens one; up to 64^3 multiply-adds it does so anywhere, and waking the team would cost more. A few rows of X (answers
 * generated one by one) are bound by the bytes of W: they go through plain dot products that read W once.
 */
#include "gemm.h"

#include "fmath.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#define FEW 8       /* rows of X that count as few; then W is taken in */
#define GROUP 16    /* rows at a time, and of each */
#define DEEP 16384  /* rows of W, or tokens, that a sum goes over at a time */
#define STRETCH 512 /* elements, so that the stretch of X stays in the nearest cache */

void sp_gemm_start(char **argv)
{
    const char *core = openblas_get_corename();
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    bool known = strstr(core, "SkylakeX") || strstr(core, "Cooperlake") || strstr(core, "Sapphire");
    if (wide && !known) sp_restart_with(argv, "OPENBLAS_CORETYPE", "SKYLAKEX");
}

const char *sp_gemm_kernel(void) { return openblas_get_corename(); }

/* ---- widening ----------------------------------------------------------------------------------------------------- */

/* Elements i .. i+n-1 of a BF16 or F16 matrix to F32, by the calling thread alone. */
static void widen(float *restrict to, sp_mat w, int64_t i, int64_t n)
{
    const uint16_t *bf16 = (const uint16_t *)w.data + i;
    const _Float16 *f16 = (const _Float16 *)w.data + i;
    if (w.dtype == SP_F16)
        for (int64_t j = 0; j < n; j++) to[j] = (float)f16[j];
    else
        for (int64_t j = 0; j < n; j++) {
            uint32_t bits = (uint32_t)bf16[j] << 16;
            memcpy(to + j, &bits, sizeof bits);
        }
}

/* A buffer of the calling thread, at least n floats, kept for the next call. */
static float *thread_buffer(size_t n)
{
    static _Thread_local float *buffer;
    static _Thread_local size_t size;
    if (n > size) {
        free(buffer);
        buffer = sp_xfloats(size = n);
    }
    return buffer;
}

/* Columns j .. j+cols-1 of rows i .. i+rows-1 of W (ld wide) as F32: in place where it is F32, else in the thread's buffer. *ldb gets
 * the distance of the rows. */
static const float *widened(sp_mat w, int64_t i, int64_t rows, int64_t j, int64_t cols, int64_t ld, int64_t *ldb)
{
    *ldb = ld;
    if (w.dtype == SP_F32) return (const float *)w.data + i * ld + j;
    float *b = thread_buffer((size_t)(rows * cols));
    *ldb = cols;
    for (int64_t r = 0; r < rows; r++) widen(b + r * cols, w, (i + r) * ld + j, cols);
    return b;
}

/* ---- tiles -------------------------------------------------------------------------------------------------------- */

typedef enum { XWT, DYW, DYTX } product;

/* C (m, n) = beta * C + A B with the sum over k; the tile's shape depends on the product alone. */
static void tiled(product kind, int64_t m, int64_t n, int64_t k, const float *a, sp_mat b, float beta, float *c)
{
    const double small = 64 * 64 * 64; /* up to this many multiply-adds a second thread costs more than it gains */
    int64_t tm = m, tn = n;
    while ((double)tm * (double)tn * (double)k > small && (tm > 256 || tn > 512 || (m / tm) * (n / tn) < 8) && SP_MAX(tm, tn) > 64)
        if (tm >= tn) tm = (tm / 2 + 15) / 16 * 16;
        else tn = (tn / 2 + 15) / 16 * 16;
    int64_t nm = (m + tm - 1) / tm, nn = (n + tn - 1) / tn;
#pragma omp parallel for schedule(dynamic) if ((double)m * (double)n * (double)k > small)
    for (int64_t t = 0; t < nm * nn; t++) {
        int64_t i = t / nn * tm, j = t % nn * tn, rows = SP_MIN(tm, m - i), cols = SP_MIN(tn, n - j), ldb;
        const float *at_b = kind == XWT ? widened(b, j, cols, 0, k, k, &ldb) : NULL;
        if (kind == XWT) sp_gemm_small(false, true, rows, cols, k, 1, a + i * k, k, at_b, ldb, beta, c + i * n + j, n);
        for (int64_t s = 0; kind != XWT && s < k; s += DEEP) { /* the rows of a head are too many to be widened at once */
            int64_t here = SP_MIN(DEEP, k - s);
            at_b = widened(b, s, here, j, cols, n, &ldb);
            sp_gemm_small(kind == DYTX, false, rows, cols, here, 1, kind == DYTX ? a + s * m + i : a + i * k + s, kind == DYTX ? m : k, at_b, ldb,
                          s ? 1 : beta, c + i * n + j, n);
        }
    }
}

/* sum[j][r] += rows j0 + j of W times rows r of X, over elements i .. i+len-1 */
static void few_stretch(float sum[GROUP][FEW], const float *x, sp_mat w, int64_t n, int64_t in, int64_t j0, int64_t rows, int64_t i, int64_t len)
{
    float wide[STRETCH];
    for (int64_t j = 0; j < rows; j++) {
        const float *row = w.dtype == SP_F32 ? (const float *)w.data + (j0 + j) * in + i : wide;
        if (row == wide) widen(wide, w, (j0 + j) * in + i, len);
        for (int64_t r = 0; r < n; r++) sum[j][r] += sp_dotf(row, x + r * in + i, len);
    }
}

/* Y (n <= FEW, out) */
static void few_rows(float *y, const float *x, sp_mat w, int64_t n, int64_t in, int64_t out, float beta)
{
#pragma omp parallel for schedule(static) if (in * out > 65536)
    for (int64_t j0 = 0; j0 < out; j0 += GROUP) {
        float sum[GROUP][FEW] = {0};
        int64_t rows = SP_MIN(GROUP, out - j0);
        for (int64_t i = 0; i < in; i += STRETCH) few_stretch(sum, x, w, n, in, j0, rows, i, SP_MIN(STRETCH, in - i));
        for (int64_t j = 0; j < rows; j++)
            for (int64_t r = 0; r < n; r++) {
                float *at = y + r * out + j0 + j;
                *at = sum[j][r] + (beta != 0 ? beta * *at : 0);
            }
    }
}

void sp_gemm_xwt(float *y, const float *x, sp_mat w, int64_t n, int64_t in, int64_t out, float beta)
{
    if (n <= FEW) few_rows(y, x, w, n, in, out, beta);
    else tiled(XWT, n, out, in, x, w, beta, y);
}

void sp_gemm_dyw(float *dx, const float *dy, sp_mat w, int64_t n, int64_t in, int64_t out, float beta)
{
    tiled(DYW, n, in, out, dy, w, beta, dx);
}

void sp_gemm_dytx(float *dw, const float *dy, const float *x, int64_t n, int64_t in, int64_t out, float beta)
{
    tiled(DYTX, out, in, n, dy, (sp_mat){x, SP_F32}, beta, dw);
}

void sp_gemm_small(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                   float beta, float *c, int64_t ldc)
{
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, alpha, a, (int)lda, b,
                (int)ldb, beta, c, (int)ldc);
}
