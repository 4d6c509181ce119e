/* optim.c - see optim.h. */
#include "optim.h"

#include <math.h>

static void adamw(const sp_optim *o, float *w, const float *g, float *m, float *v, size_t n, double lr, int64_t t, float keep)
{
    float b1 = (float)o->beta1, c1 = (float)(1 - o->beta1), b2 = (float)o->beta2, c2 = (float)(1 - o->beta2), eps = (float)o->eps;
    float rate = (float)(lr / (1 - pow(o->beta1, (double)t))), root = (float)(1 / sqrt(1 - pow(o->beta2, (double)t)));
#pragma omp parallel for simd if (n > 16384)
    for (size_t i = 0; i < n; i++) {
        float gi = g[i];
        m[i] = b1 * m[i] + c1 * gi;
        v[i] = b2 * v[i] + c2 * gi * gi;
        w[i] = w[i] * keep - rate * m[i] / (sqrtf(v[i]) * root + eps);
    }
}

void sp_optim_step(const sp_optim *o, float *w, const float *g, float *m, float *v, size_t n, double lr, int64_t t, bool decay)
{
    float keep = decay ? (float)(1 - lr * o->weight_decay) : 1, rate = (float)lr;
    if (o->kind == SP_ADAMW) {
        adamw(o, w, g, m, v, n, lr, t, keep);
        return;
    }
#pragma omp parallel for simd if (n > 16384)
    for (size_t i = 0; i < n; i++) w[i] = w[i] * keep - rate * g[i];
}

double sp_schedule_at(sp_schedule kind, int64_t s, int64_t warmup, int64_t total)
{
    if (s < warmup) return (double)s / (double)warmup;
    double done = (double)(s - warmup) / (double)SP_MAX(total - warmup, 1);
    if (kind == SP_LINEAR) return SP_MAX(1 - done, 0.0);
    if (kind == SP_COSINE) return 0.5 * (1 + cos(M_PI * SP_MIN(done, 1.0)));
    return 1;
}
