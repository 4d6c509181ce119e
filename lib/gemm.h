/* gemm.h - the one seam through which every matrix product goes (today OpenBLAS sgemm).
 *
 * Products are split into tiles of the output whose shape does not depend on the number of threads, so results are
 * bit-identical for any -t. Matrices are row-major.
 */
#ifndef SP_GEMM_H
#define SP_GEMM_H

#include "base.h"

/* First call in main of a tool that multiplies: picks the OpenBLAS kernel for processors that the library does not know, and lets idle
 * threads of OpenMP sleep soon, both of which need the environment set before the libraries are loaded: the program re-executes itself once. An OPENBLAS_CORETYPE set by the user stands. */
void sp_gemm_start(char **argv);
const char *sp_gemm_kernel(void); /* name of the kernels in use, for -v */

/* Y (n, out) = X (n, in) W^T, W (out, in); beta = 0 overwrites, 1 adds. */
void sp_gemm_xwt(float *y, const float *x, const float *w, int64_t n, int64_t in, int64_t out, float beta);
/* DX (n, in) = beta * DX + DY (n, out) W (out, in) */
void sp_gemm_dyw(float *dx, const float *dy, const float *w, int64_t n, int64_t in, int64_t out, float beta);
/* DW (out, in) = beta * DW + DY^T X */
void sp_gemm_dytx(float *dw, const float *dy, const float *x, int64_t n, int64_t in, int64_t out, float beta);
/* One single-threaded product with leading dimensions, for use inside parallel loops (attention): C (m,n) = alpha op(A) op(B) + beta C. */
void sp_gemm_small(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                   float beta, float *c, int64_t ldc);

#endif
