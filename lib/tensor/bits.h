/* bits.h - floats as bits: F32, and the two halves F16 and BF16, in plain arithmetic that
 * the compiler can make vectors of.
 *
 *     F32   1 sign, 8 exponent (bias 127), 23 mantissa
 *     BF16  1 sign, 8 exponent (bias 127),  7 mantissa: the upper half of an F32
 *     F16   1 sign, 5 exponent (bias 15),  10 mantissa
 */
#ifndef SP_BITS_H
#define SP_BITS_H

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

/* BF16 to F32, exact; and back, to nearest, ties to even. A NaN stays one. */
static inline float sp_bf16_f32(uint16_t h) { return sp_bits_f32((uint32_t)h << 16); }

static inline uint16_t sp_f32_bf16(float x)
{
    uint32_t u = sp_f32_bits(x), rounded = u + 0x7fff + (u >> 16 & 1);
    return (uint16_t)((x != x ? u | 0x400000 : rounded) >> 16); /* a quiet NaN */
}

/* F16 to F32, exact. Without branches: compilers convert _Float16 one by one where the
 * processor has no instruction for it. */
static inline float sp_f16_f32(uint16_t h)
{
    uint32_t u = h & 0x7fffu;
    /* times 2^112: the exponent's bias is 127, not 15; subnormals come out right as well
     */
    float x = sp_bits_f32(u << 13) * 0x1p112f;
    /* infinity and NaN get F32's largest exponent, all get their sign */
    return sp_bits_f32(sp_f32_bits(x) | (-(uint32_t)(u >= 0x7c00u) & 0x7f800000u) |
                       (h & 0x8000u) << 16);
}

/* F32 to F16, to nearest, ties to even; what is too large becomes infinity. */
static inline uint16_t sp_f32_f16(float x)
{
    uint32_t bits = sp_f32_bits(x), u = bits & 0x7fffffffu,
             normal = (u - (112u << 23) + 0xfff + (u >> 13 & 1)) >> 13;
    /* the last bit of 0.5 is worth 2^-24, as that of a subnormal F16: adding rounds there
     */
    uint32_t small = sp_f32_bits(sp_bits_f32(u) + 0.5f) - sp_f32_bits(0.5f);
    uint32_t h = u < 113u << 23 ? small : (normal < 0x7c00u ? normal : 0x7c00u);
    h = u > 0x7f800000u ? 0x7e00u | (u >> 13 & 0x3ffu) : h;
    return (uint16_t)(h | (bits >> 16 & 0x8000u));
}

#endif
