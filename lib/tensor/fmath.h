/* fmath.h - exp and what is made of it, in plain arithmetic, so that the compiler can
 * make vectors of loops over them without -ffast-math; the dot product of F32;
 * prefetching.
 */
#ifndef SP_FMATH_H
#define SP_FMATH_H

#include "tensor/bits.h"

#include <stdint.h>

/* e^x for x in [-87, 88] (clamped), relative error below 2e-7: 2^k * polynomial on
 * [-ln2/2, ln2/2]. */
static inline float sp_expf(float x)
{
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float t = x * 1.44269504f + magic, k = t - magic;
    float r = (x - k * 0.693359375f) + k * 2.12194440e-4f; /* ln 2 in two parts */
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    /* the low bits of t hold k, also as an exponent; a NaN comes through in p */
    uint32_t bits = (sp_f32_bits(t) - 0x4b400000u + 127u) << 23;
    return p * sp_bits_f32(bits);
}

static inline float sp_sigmoidf(float x) { return 1.0f / (1.0f + sp_expf(-x)); }
static inline float sp_tanhf(float x) { return 1.0f - 2.0f / (sp_expf(2.0f * x) + 1.0f); }

/* act(g) and its derivative. */
static inline float sp_silu(float g) { return g * sp_sigmoidf(g); }
static inline float sp_silu_grad(float g)
{
    float s = sp_sigmoidf(g);
    return s * (1.0f + g * (1.0f - s));
}

#define SP_GELU_C 0.7978845608028654f /* sqrt(2 / pi) */
static inline float sp_gelu_tanh(float g)
{
    return 0.5f * g * (1.0f + sp_tanhf(SP_GELU_C * (g + 0.044715f * g * g * g)));
}
static inline float sp_gelu_tanh_grad(float g)
{
    float t = sp_tanhf(SP_GELU_C * (g + 0.044715f * g * g * g));
    return 0.5f * (1.0f + t) +
           0.5f * g * (1.0f - t * t) * SP_GELU_C * (1.0f + 3.0f * 0.044715f * g * g);
}

/* Ask the processor to fetch `bytes` bytes at p into its cache. What it foresees by
 * itself ends at the end of a page. */
static inline void sp_prefetch(const void *p, int64_t bytes)
{
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)p + i);
}

/* Sum of a[i] * b[i] in four interleaved partial sums of 16, a fixed order for a given n.
 */
typedef float sp_f32x16 __attribute__((vector_size(64), aligned(4), may_alias));
static inline float sp_dotf(const float *a, const float *b, int64_t n)
{
    sp_f32x16 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    int64_t i = 0;
    for (; i + 64 <= n; i += 64) {
        const sp_f32x16 *x = (const sp_f32x16 *)(a + i), *y = (const sp_f32x16 *)(b + i);
        s0 += x[0] * y[0], s1 += x[1] * y[1], s2 += x[2] * y[2], s3 += x[3] * y[3];
    }
    for (; i + 16 <= n; i += 16)
        s0 += *(const sp_f32x16 *)(a + i) * *(const sp_f32x16 *)(b + i);
    s0 = (s0 + s1) + (s2 + s3);
    float sum = 0;
    for (int j = 0; j < 16; j++) sum += s0[j];
    for (; i < n; i++) sum += a[i] * b[i];
    return sum;
}

#endif
