/* gemm_dnnl.h - matrix products in BF16 through oneDNN, for builds with DNNL=1; gemm.c
 * alone calls it.
 *
 * Both operands are rounded to BF16 (nearest, ties to even; weights stored in BF16 are
 * taken as they are), sums and results are F32. The tiles depend on the product alone and
 * each is one thread's, so results are bit-identical for any -t.
 */
#ifndef SP_GEMM_DNNL_H
#define SP_GEMM_DNNL_H

#include "engine/matrix.h"

#include <stdbool.h>

#ifdef SP_DNNL

/* Does this processor multiply BF16? Otherwise oneDNN would be slower than F32 is. */
bool sp_dnnl_works(void);

/* n numbers in BF16, in a buffer of the calling thread: valid until its next call. */
const uint16_t *sp_dnnl_round(const float *x, int64_t n);

/* C (m, n) = op(A) op(B) + beta C with beta 0 or 1. A is (m, k), with ta (k, m); B is (k,
 * n), with tb (n, k): weights, or with ta activations. */
void sp_dnnl_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const uint16_t *a,
                     sp_mat b, float beta, float *c);

#else

static inline bool sp_dnnl_works(void) { return false; }

#endif
#endif
