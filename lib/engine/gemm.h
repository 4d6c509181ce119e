/* gemm.h - the one seam through which every matrix product goes: OpenBLAS sgemm or, in
 * builds with DNNL=1, BF16 through oneDNN.
 *
 * Weights come in their stored dtype and are widened tile by tile on the way in. Products
 * are split into tiles of the output whose shape does not depend on the number of
 * threads, so results are bit-identical for any -t. Matrices are row-major.
 */
#ifndef SP_GEMM_H
#define SP_GEMM_H

#include "base/base.h"
#include "tensor/dtype.h"

/* What OPENBLAS_CORETYPE should say when OpenBLAS is loaded, on a processor with AVX-512
 * that the library does not know and takes for a slower one; NULL where its own choice is
 * right. A tool that multiplies passes it to sp_restart_want (cli/restart.h). */
const char *sp_gemm_core_type(void);
const char *sp_gemm_kernel(void); /* name of the kernels in use, for -v */
/* do products round F32 weights, each time? Then a few large ones are cheaper than many
 * small ones */
bool sp_gemm_rounds(void);
/* memory that products of (n, in) and (n, out) take beside their operands */
uint64_t sp_gemm_bytes(int64_t n, int64_t in, int64_t out);

/* A weight matrix (out, in) as stored: F32, BF16 or F16. */
typedef struct {
    const void *data;
    sp_dtype dtype;
} sp_mat;

/* Y (n, out) = X (n, in) W^T; beta = 0 overwrites, 1 adds. */
void sp_gemm_xwt(float *y, const float *x, sp_mat w, int64_t n, int64_t in, int64_t out,
                 float beta);
/* Several matrices and one X, or one DX: y is what comes out of each, or the gradient
 * that goes back through it. */
typedef struct {
    float *y; /* (n, out) */
    sp_mat w; /* (out, in) */
    int64_t out;
} sp_linear;
#define SP_LINEARS 3 /* at most so many */
/* y_i = X W_i^T for each of them. */
void sp_gemm_xwts(const float *x, int64_t n, int64_t in, const sp_linear *l, int count);
/* DX (n, in) = y_0 W_0 + y_1 W_1 ... */
void sp_gemm_dyws(float *dx, int64_t n, int64_t in, const sp_linear *l, int count);
/* DW (out, in) = beta * DW + DY^T X */
void sp_gemm_dytx(float *dw, const float *dy, const float *x, int64_t n, int64_t in,
                  int64_t out, float beta);
/* One single-threaded product with leading dimensions, for use inside parallel loops
 * (attention): C (m,n) = alpha op(A) op(B) + beta C. */
void sp_gemm_small(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha,
                   const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
                   float *c, int64_t ldc);

#endif
