/* gemm_half.h - products of F32 activations with weights that are stored in 16 bits (BF16
 * or F16), without a widened copy of them.
 *
 * Each call is one tile of a larger product, computed by the calling thread alone; gemm.c
 * cuts a product into tiles and spreads them over threads.
 *
 * The order of summation is fixed. k is cut into chains of 512; the terms of a chain are
 * added one by one, from 0, each by a fused multiply-add; the sums of four chains (2048
 * terms) are added from the left and their sum is added to C:
 *
 *     k        0 ..  511 .. 1023 .. 1535 .. 2047 | 2048 .. 2559 .. 2999
 *     chains      s0      s1      s2      s3     |     s4       s5
 *     C = (beta C +) (((s0 + s1) + s2) + s3), then C = C + (s4 + s5)
 *
 * So an element of C depends on its row and its column alone: the same bits for any m and
 * n, any way to cut the product into tiles, and any vector width of the processor.
 */
#ifndef SP_GEMM_HALF_H
#define SP_GEMM_HALF_H

#include "engine/matrix.h"

/* Forget the part of X that the calling thread keeps packed from one sp_gemm_half_xwt to
 * the next. Every thread calls it before the values at the same address can have changed:
 * at the start of each product. */
void sp_gemm_half_begin(void);

/* C (m, n; rows ldc apart) = beta C + X W^T, with X (m, k; ldx) and W (n, k; ldw).
 * beta 0 overwrites C. */
void sp_gemm_half_xwt(float *c, int64_t ldc, const float *x, int64_t ldx, sp_mat w,
                      int64_t ldw, int64_t m, int64_t n, int64_t k, float beta);

/* C (m, n; rows ldc apart) = beta C + X W, with X (m, k; ldx) and W (k, n; ldw). */
void sp_gemm_half_xw(float *c, int64_t ldc, const float *x, int64_t ldx, sp_mat w,
                     int64_t ldw, int64_t m, int64_t n, int64_t k, float beta);

#endif
