/* gemm_rows.h - X W^T for a few rows of X: answers that are generated one by one.
 *
 * Such a product is bound by the bytes of W, which are read once, as they are stored, and
 * multiplied with every row of X on the way. Sums are F32.
 */
#ifndef SP_GEMM_ROWS_H
#define SP_GEMM_ROWS_H

#include "engine/matrix.h"

#define SP_GEMM_ROWS 8 /* rows of X that count as few */

/* y_i (n, out_i) = X (n, in) W_i^T + beta * y_i, for `count` layers and n <= SP_GEMM_ROWS
 * rows. The bits of a row depend on in alone, not on n or the number of threads. */
void sp_gemm_rows_xwt(const float *x, int64_t n, int64_t in, const sp_linear *l,
                      int count, float beta);

#endif
