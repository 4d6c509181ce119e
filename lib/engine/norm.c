/* norm.c - see norm.h.
 *
 * Threads share the rows. A row's sum is made by one thread, in F32 and in vectors, whose partial
 * sums are added in a fixed order; the root is taken in double.
 *
 * The backward pass keeps nothing from the forward pass: it computes r = 1 / rms(x) again, which
 * costs one more sum over the row. In terms of x, the formula of norm.h becomes
 *
 *     dL/dx_i = r (g_i scale_i - c x_i),   c = r^2 mean_j(g_j scale_j x_j)
 */
#include "engine/norm.h"

#include <math.h>

/* Elements up to which a second thread costs more than it gains. */
#define ONE_THREAD 16384

void sp_norm_scale(const sp_config *c, const sp_param *p, float *scale)
{
    const float *w = sp_param_values(p, scale);
    float plus = c->norm_plus_one ? 1 : 0;
    for (int64_t i = 0; i < p->rows; i++) scale[i] = w[i] + plus;
}

/* Return 1 / rms(x) of a row x (h). eps keeps it finite for a row of zeros. */
static float inverse_rms(const float *x, int64_t h, double eps)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < h; i++) sum += x[i] * x[i];
    return (float)(1 / sqrt((double)sum / (double)h + eps));
}

void sp_norm_forward(float *y, const float *x, const float *scale, int64_t n, int64_t h, double eps)
{
#pragma omp parallel for if (n * h > ONE_THREAD)
    for (int64_t t = 0; t < n; t++) {
        const float *xt = x + t * h;
        float *yt = y + t * h, r = inverse_rms(xt, h, eps);
        for (int64_t i = 0; i < h; i++) yt[i] = xt[i] * r * (scale ? scale[i] : 1.0f);
    }
}

void sp_norm_backward(float *d, float *xhat, const float *g, const float *x, const float *scale,
                      int64_t n, int64_t h, double eps)
{
#pragma omp parallel for if (n * h > ONE_THREAD)
    for (int64_t t = 0; t < n; t++) {
        const float *xt = x + t * h, *gt = g + t * h;
        float *dt = d + t * h, r = inverse_rms(xt, h, eps), dot = 0;
#pragma omp simd reduction(+ : dot)
        for (int64_t i = 0; i < h; i++) dot += gt[i] * scale[i] * xt[i];
        float c = dot * r * r / (float)h; /* mean(g * scale * xhat) / rms */
        for (int64_t i = 0; i < h; i++) dt[i] += r * (gt[i] * scale[i] - c * xt[i]);
        for (int64_t i = 0; xhat && i < h; i++) xhat[t * h + i] = xt[i] * r;
    }
}
