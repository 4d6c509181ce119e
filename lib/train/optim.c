/* optim.c - see optim.h.
 *
 * Weights are updated in blocks of BLOCK, which threads share. A weight's update reads nothing but
 * its own gradient and moments, so the result does not depend on the number of threads. BF16
 * moments are widened into arrays on the stack for a block and rounded back after it.
 */
#include "train/optim.h"

#include "base/philox.h"
#include "tensor/fmath.h"
#include "tensor/vec.h"

#include <math.h>

#define BLOCK 2048 /* weights a task works on; moments of a block fit in the nearest cache */

/* A step's numbers, rounded to F32 once. b1 and b2 are the decay rates of the moments, c1 = 1 - b1,
 * c2 = 1 - b2. rate = lr / (1 - b1^t) and root = 1 / sqrt(1 - b2^t) correct the bias of the
 * moments. keep = 1 - lr * weight_decay, or 1 without decay, is what the decay leaves of a
 * weight. */
typedef struct {
    float b1, c1, b2, c2, eps, rate, root, keep;
} coefs;

/* Update n weights w and their moments m and v, all F32, from gradient g. */
static void adamw(const coefs *k, float *w, const float *g, float *m, float *v, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        m[i] = k->b1 * m[i] + k->c1 * g[i];
        v[i] = k->b2 * v[i] + k->c2 * g[i] * g[i];
        w[i] = w[i] * k->keep - k->rate * m[i] / (sqrtf(v[i]) * k->root + k->eps);
    }
}

/* Round x (n) to BF16, up or down with a probability that makes the mean of the result x. Sixteen
 * random bits are added below the 16 bits that stay, and the carry decides. Four draws come out of
 * one random number. `at` is the index of x[0] in the whole array and a multiple of 4 (as BLOCK
 * is), so that a number's bits depend on its index alone. */
static void round_randomly(uint16_t *to, const float *x, size_t at, size_t n, uint64_t key,
                           uint64_t stream)
{
    for (size_t i = 0; i < n; i += 4) {
        uint64_t r = sp_rand_u64(key, stream, at + i);
        for (size_t j = i; j < SP_MIN(i + 4, n); j++, r >>= 16)
            to[j] = (uint16_t)((sp_f32_bits(x[j]) + (uint32_t)(r & 0xffff)) >> 16);
    }
}

/* Do adamw for n <= BLOCK weights whose moments are BF16 and begin at index `at` of mo's arrays.
 * The two moments round with streams of their own, 2t and 2t + 1, which no other step shares. */
static void adamw_narrow(const coefs *k, float *w, const float *g, const sp_moments *mo, size_t at,
                         size_t n, int64_t t)
{
    float m[BLOCK], v[BLOCK];
    uint16_t *to_m = (uint16_t *)mo->m + at, *to_v = (uint16_t *)mo->v + at;
    sp_to_f32(m, to_m, SP_BF16, n);
    sp_to_f32(v, to_v, SP_BF16, n);
    adamw(k, w, g, m, v, n);
    round_randomly(to_m, m, at, n, mo->key, 2 * (uint64_t)t);
    round_randomly(to_v, v, at, n, mo->key, 2 * (uint64_t)t + 1);
}

/* Update n weights w by plain gradient descent; `keep` as in coefs. */
static void sgd(float *w, const float *g, size_t n, float keep, float rate)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) w[i] = w[i] * keep - rate * g[i];
}

void sp_optim_step(const sp_optim *o, float *w, const float *g, const sp_moments *mo, size_t n,
                   double lr, int64_t t, bool decay)
{
    coefs k = {(float)o->beta1,
               (float)(1 - o->beta1),
               (float)o->beta2,
               (float)(1 - o->beta2),
               (float)o->eps,
               (float)(lr / (1 - pow(o->beta1, (double)t))),
               (float)(1 / sqrt(1 - pow(o->beta2, (double)t))),
               decay ? (float)(1 - lr * o->weight_decay) : 1};
#pragma omp parallel for schedule(static) if (n > 16384)
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t here = SP_MIN(BLOCK, n - at);
        if (o->kind == SP_SGD) sgd(w + at, g + at, here, k.keep, (float)lr);
        else if (mo->dtype == SP_F32)
            adamw(&k, w + at, g + at, (float *)mo->m + at, (float *)mo->v + at, here);
        else adamw_narrow(&k, w + at, g + at, mo, at, here, t);
    }
}

double sp_schedule_at(sp_schedule kind, int64_t s, int64_t warmup, int64_t total)
{
    if (s < warmup) return (double)s / (double)warmup;
    /* a run that is nothing but warm-up must not divide by 0 */
    double done = (double)(s - warmup) / (double)SP_MAX(total - warmup, 1);
    if (kind == SP_LINEAR) return SP_MAX(1 - done, 0.0);
    if (kind == SP_COSINE) return 0.5 * (1 + cos(M_PI * SP_MIN(done, 1.0)));
    return 1;
}
