/* norm.h - RMSNorm over rows of width h:
 *
 *     y = x / rms(x) * scale,   rms(x) = sqrt(mean(x^2) + eps)
 *
 * where scale is the weight w, or 1 + w in families that say so. Source: Zhang & Sennrich
 * 2019.
 */
#ifndef SP_NORM_H
#define SP_NORM_H

#include "engine/param.h"

/* Write the multipliers of norm weight p to scale (p->rows): w, or 1 + w if c says so. */
void sp_norm_scale(const sp_config *c, const sp_param *p, float *scale);

/* y = norm(x), both (n, h); scale (h), or NULL for all 1. They must not overlap. */
void sp_norm_forward(float *y, const float *x, const float *scale, int64_t n, int64_t h,
                     double eps);

/* d += dL/dx, given x and g = dL/dy; all (n, h). xhat (n, h), if not NULL, gets x /
 * rms(x): the gradient of the weight is the sum over rows of g * xhat. With xhat_i = x_i
 * / rms:
 *
 *     dL/dx_i = (g_i scale_i - xhat_i mean_j(g_j scale_j xhat_j)) / rms
 */
void sp_norm_backward(float *d, float *xhat, const float *g, const float *x,
                      const float *scale, int64_t n, int64_t h, double eps);

#endif
