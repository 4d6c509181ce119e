/* gemm.h - the one seam through which every matrix product goes: OpenBLAS's sgemm for
 * F32, kernels of our own for weights in 16 bits (gemm_half.h) and for few rows
 * (gemm_rows.h) or, in builds with DNNL=1, BF16 through oneDNN (gemm_dnnl.h).
 *
 * Weights come in their stored dtype; nothing keeps a widened copy of a whole matrix.
 * Products are cut into tiles of the output whose shape does not depend on the number of
 * threads, so results are bit-identical for any -t. Matrices are row-major.
 */
#ifndef SP_GEMM_H
#define SP_GEMM_H

#include "engine/matrix.h"

#include <stdbool.h>

/* ---- about the library ------------------------------------------------------ */

/* What OPENBLAS_CORETYPE should say when OpenBLAS is loaded, on a processor with AVX-512
 * that the library does not know and takes for a slower one; NULL where its own choice is
 * right. A tool that multiplies passes it to sp_restart_want (cli/restart.h). */
const char *sp_gemm_core_type(void);

/* Name of the kernels in use, for -v. Not for use by two threads at once. */
const char *sp_gemm_kernel(void);

/* Does every product round its weights anew (DNNL=1)? Then a few products of many rows
 * are cheaper than many of few. */
bool sp_gemm_rounds(void);

/* Bytes of memory that products of (n, in) and (n, out) take beside their operands. */
uint64_t sp_gemm_bytes(int64_t n, int64_t in, int64_t out);

/* ---- products --------------------------------------------------------------- */

/* Y (n, out) = X (n, in) W^T + beta Y, with W (out, in); beta is 0 (overwrites) or 1. */
void sp_gemm_xwt(float *y, const float *x, sp_mat w, int64_t n, int64_t in, int64_t out,
                 float beta);

/* y_i (n, out_i) = X (n, in) W_i^T, for `count` <= SP_LINEARS layers. */
void sp_gemm_xwts(const float *x, int64_t n, int64_t in, const sp_linear *l, int count);

/* DX (n, in) = y_0 W_0 + y_1 W_1 + ..., with y_i (n, out_i), W_i (out_i, in), for `count`
 * <= SP_LINEARS layers: the gradient of X, where y_i holds the gradient of layer i's
 * output. */
void sp_gemm_dyws(float *dx, int64_t n, int64_t in, const sp_linear *l, int count);

/* DW (out, in) = DY^T X + beta DW, with DY (n, out), X (n, in): the gradient of W. beta
 * is 0 or 1. */
void sp_gemm_dytx(float *dw, const float *dy, const float *x, int64_t n, int64_t in,
                  int64_t out, float beta);

/* C (m, n; rows ldc apart) = alpha op(A) op(B) + beta C, all F32, with op(A) (m, k) and
 * op(B) (k, n); op transposes what is stored as A (k, m) if ta, as B (n, k) if tb. By one
 * thread where it is called inside a parallel region, as attention does. */
void sp_gemm_small(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha,
                   const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
                   float *c, int64_t ldc);

#endif
