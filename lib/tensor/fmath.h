/* fmath.h - exp, halves and friends in plain arithmetic, so that the compiler can
 * vectorise loops over them without -ffast-math. */
#ifndef SP_FMATH_H
#define SP_FMATH_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A float and its bits. */
static inline uint32_t sp_f32_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float sp_bits_f32(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

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

static inline float sp_bf16_f32(uint16_t h) { return sp_bits_f32((uint32_t)h << 16); }

/* F16 to F32 and back (nearest, ties to even) by shifting the bits: those of _Float16 are
 * made one by one. The first has no branches, for the vectors of 16 in gemm.c. */
static inline float sp_f16_f32(uint16_t h)
{
    uint32_t u = h & 0x7fffu;
    /* the exponent's bias is 127, not 15; brings subnormals into place as well */
    float x = sp_bits_f32(u << 13) * 0x1p112f;
    /* infinity and NaN; sign */
    return sp_bits_f32(sp_f32_bits(x) | (-(uint32_t)(u >= 0x7c00u) & 0x7f800000u) |
                       (h & 0x8000u) << 16);
}

static inline uint16_t sp_f32_f16(float x)
{
    uint32_t bits = sp_f32_bits(x), u = bits & 0x7fffffffu,
             normal = (u - (112u << 23) + 0xfff + (u >> 13 & 1)) >> 13;
    /* the last bit of 0.5 is worth 2^-24, as that of a subnormal F16 */
    uint32_t small = sp_f32_bits(sp_bits_f32(u) + 0.5f) - sp_f32_bits(0.5f);
    uint32_t h = u < 113u << 23 ? small : (normal < 0x7c00u ? normal : 0x7c00u);
    h = u > 0x7f800000u ? 0x7e00u | (u >> 13 & 0x3ffu) : h;
    return (uint16_t)(h | (bits >> 16 & 0x8000u));
}

/* Ask for what lies at p to be brought near: what the processor foresees by itself ends
 * at a page. */
static inline void sp_bring(const void *p, int64_t bytes)
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
