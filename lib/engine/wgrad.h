/* wgrad.h - the gradient of a weight, as its two factors and as a matrix.
 *
 * Backward passes hand a weight's gradient over before it is multiplied out, so that the
 * receiver decides which tokens to sum over:
 *
 *     matrix (rows, cols)    dW = dy^T x,             dy (N, rows), x (N, cols)
 *     norm weight (rows, 1)  dw = sum_t dy_t * x_t,   dy (N, rows), x (N, rows)
 */
#ifndef SP_WGRAD_H
#define SP_WGRAD_H

#include "engine/pack.h"
#include "engine/param.h"

/* Receives the factors of the gradient of p; they are valid during the call alone. */
typedef void sp_wgrad_fn(void *self, sp_param *p, const float *dy, const float *x,
                         const sp_pack *pack);

/* dw (rows, cols) = beta * dw + the gradient of tokens t0 .. t1-1; beta is 0 or 1. */
void sp_wgrad_dense(float *dw, float beta, const sp_param *p, const float *dy,
                    const float *x, int64_t t0, int64_t t1);

#endif
