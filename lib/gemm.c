/* gemm.c - see gemm.h. OpenMP spreads tiles of fixed shape; OpenBLAS (its OpenMP build) runs single-threaded inside a parallel region, which is
 * why even a single tile opens one; up to 64^3 multiply-adds it does so anywhere, and waking the team would cost more. */
#include "gemm.h"

#include <cblas.h>
#include <string.h>

void sp_gemm_start(char **argv)
{
    const char *core = openblas_get_corename();
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    bool known = strstr(core, "SkylakeX") || strstr(core, "Cooperlake") || strstr(core, "Sapphire");
    if (wide && !known) sp_restart_with(argv, "OPENBLAS_CORETYPE", "SKYLAKEX");
}

const char *sp_gemm_kernel(void) { return openblas_get_corename(); }

/* One product, split over the output. The tile shape depends on the product alone. */
static void tiled(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                  int64_t ldb, float beta, float *c, int64_t ldc)
{
    const double small = 64 * 64 * 64; /* up to this many multiply-adds a second thread costs more than it gains */
    int64_t tm = m, tn = n;
    while ((double)tm * (double)tn * (double)k > small && (tm > 256 || tn > 512 || (m / tm) * (n / tn) < 8) && SP_MAX(tm, tn) > 64)
        if (tm >= tn) tm = (tm / 2 + 15) / 16 * 16;
        else tn = (tn / 2 + 15) / 16 * 16;
    int64_t nm = (m + tm - 1) / tm, nn = (n + tn - 1) / tn;
#pragma omp parallel for schedule(dynamic) if ((double)m * (double)n * (double)k > small)
    for (int64_t t = 0; t < nm * nn; t++) {
        int64_t i = t / nn * tm, j = t % nn * tn;
        const float *at = ta == CblasTrans ? a + i : a + i * lda;
        const float *bt = tb == CblasTrans ? b + j * ldb : b + j;
        cblas_sgemm(CblasRowMajor, ta, tb, (int)SP_MIN(tm, m - i), (int)SP_MIN(tn, n - j), (int)k, 1, at, (int)lda, bt, (int)ldb, beta,
                    c + i * ldc + j, (int)ldc);
    }
}

void sp_gemm_xwt(float *y, const float *x, const float *w, int64_t n, int64_t in, int64_t out, float beta)
{
    tiled(CblasNoTrans, CblasTrans, n, out, in, x, in, w, in, beta, y, out);
}

void sp_gemm_dyw(float *dx, const float *dy, const float *w, int64_t n, int64_t in, int64_t out, float beta)
{
    tiled(CblasNoTrans, CblasNoTrans, n, in, out, dy, out, w, in, beta, dx, in);
}

void sp_gemm_dytx(float *dw, const float *dy, const float *x, int64_t n, int64_t in, int64_t out, float beta)
{
    tiled(CblasTrans, CblasNoTrans, out, in, n, dy, out, x, in, beta, dw, in);
}

void sp_gemm_small(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                   float beta, float *c, int64_t ldc)
{
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, alpha, a, (int)lda, b,
                (int)ldb, beta, c, (int)ldc);
}
