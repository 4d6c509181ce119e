/* narrow.h - products of F32 activations with weights that are stored in BF16 or F16,
 * without a widened copy of them.
 *
 * Each call is one tile of a larger product, by the calling thread alone (gemm.c cuts and
 * spreads them). An element of C is one chain of fused multiply-adds over k, in blocks of
 * fixed length, whatever else is computed with it: the same bits for any m and n and any
 * vector width.
 */
#ifndef SP_NARROW_H
#define SP_NARROW_H

#include "engine/gemm.h"

/* Threads keep X packed from call to call: this forgets it. To be called by each of them
 * before X has become another. */
void sp_narrow_begin(void);

/* C (m, n; ldc) = beta C + X W^T, X (m, k; ldx), W (n, k; ldw). beta 0 overwrites. */
void sp_narrow_xwt(float *c, int64_t ldc, const float *x, int64_t ldx, sp_mat w,
                   int64_t ldw, int64_t m, int64_t n, int64_t k, float beta);
/* C (m, n; ldc) = beta C + X W, X (m, k; ldx), W (k, n; ldw). */
void sp_narrow_xw(float *c, int64_t ldc, const float *x, int64_t ldx, sp_mat w,
                  int64_t ldw, int64_t m, int64_t n, int64_t k, float beta);

/* Elements i .. i+n-1 of W to F32, or to F32 as they are. */
void sp_widen(float *to, sp_mat w, int64_t i, int64_t n);

#endif
