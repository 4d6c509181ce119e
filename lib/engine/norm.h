/* norm.h - RMSNorm: y = x / sqrt(mean(x^2) + eps) * w  (Gemma: * (1 + w)). Rows are
 * tokens, width h. */
#ifndef SP_NORM_H
#define SP_NORM_H

#include "engine/model.h"

/* Norm weights as multipliers: w, or 1 + w; scratch holds h floats. */
void sp_norm_scale(const sp_model *m, const sp_param *p, float *scale);
/* y = norm(x); with scale NULL only x / rms. y must not overlap x. */
void sp_norm_forward(float *y, const float *x, const float *scale, int64_t n, int64_t h,
                     double eps);
/* d += dL/dx given g = dL/dy; xhat (n, h), if not NULL, gets x / rms (the second factor
 * of the weight's gradient). */
void sp_norm_backward(float *d, float *xhat, const float *g, const float *x,
                      const float *scale, int64_t n, int64_t h, double eps);

#endif
