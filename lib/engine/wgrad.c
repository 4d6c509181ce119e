/* wgrad.c - see wgrad.h.
 *
 * A matrix's gradient is one product, whose sums run over the tokens. A norm weight is short: one
 * thread sums over its tokens, in order. It has cols = 1, but its x is as wide as its dy:
 * (N, rows).
 */
#include "engine/wgrad.h"

#include "engine/gemm.h"

void sp_wgrad_dense(float *dw, float beta, const sp_param *p, const float *dy, const float *x,
                    int64_t t0, int64_t t1)
{
    if (p->cols > 1) {
        sp_gemm_dytx(dw, dy + t0 * p->rows, x + t0 * p->cols, t1 - t0, p->cols, p->rows, beta);
        return;
    }
    /* beta 0 does not read dw, which may be uninitialised */
    for (int64_t i = 0; i < p->rows; i++) dw[i] = beta != 0 ? beta * dw[i] : 0;
    for (int64_t t = t0; t < t1; t++)
        for (int64_t i = 0; i < p->rows; i++) dw[i] += dy[t * p->rows + i] * x[t * p->rows + i];
}
