/* softmax.h - a row of scores: its largest, the terms of its softmax, and their sum. */
#ifndef SP_SOFTMAX_H
#define SP_SOFTMAX_H

#include "tensor/fmath.h"

#include <math.h>
#include <stdint.h>

/* Replace z[i] by exp(z[i] - max), where *max gets the largest of z[0..n), and return
 * their sum S. Then softmax(z)[i] = z[i] / S, and log sum_i exp(z_i) = log S + max. A NaN
 * in z makes S NaN. n >= 1. */
static inline float sp_softmax_terms(float *z, int64_t n, float *max)
{
    float m = -INFINITY, sum = 0;
#pragma omp simd reduction(max : m)
    for (int64_t i = 0; i < n; i++) m = z[i] > m ? z[i] : m;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += z[i] = sp_expf(z[i] - m);
    *max = m;
    return sum;
}

/* log sum_i exp(z_i), nats, in double. The largest z is taken off before exp, which would
 * overflow otherwise, and added back to the logarithm. No number if z holds NaN or
 * +infinity, or nothing above -infinity. n >= 1. */
static inline double sp_log_total(const float *z, int64_t n)
{
    float max = -INFINITY;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) max = z[i] > max ? z[i] : max;
    for (int64_t i = 0; i < n; i++) sum += exp((double)z[i] - (double)max);
    return (double)max + log(sum);
}

/* Index of the largest of z[0..n); the lowest of equals. NaN never wins; 0 where nothing
 * does. */
static inline int32_t sp_argmax(const float *z, int64_t n)
{
    int64_t best = 0;
    float max = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        if (z[i] > max) max = z[i], best = i;
    return (int32_t)best;
}

#endif
