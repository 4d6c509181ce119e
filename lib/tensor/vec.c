/* vec.c - see vec.h.
 *
 * Conversions are written once, as macros over the C types of the dtypes; arithmetic in one pass is
 * written once, as functions that are inlined with a constant dtype. Either way the compiler sees
 * one plain loop for each dtype and makes vectors of it.
 *
 * F16 and BF16 are converted by the arithmetic of bits.h. NaN and infinity are found by their
 * exponent, whose bits are all 1: the largest exponent of an array tells whether it has any,
 * without a branch.
 */
#include "tensor/vec.h"

#include "base/arith.h"
#include "tensor/bits.h"

#include <math.h>
#include <string.h>

#define PARALLEL_FROM 32768 /* elements below which threads cost more than they bring */

/* ---- dtypes --------------------------------------------------------------------------- */

/* BODY for i in [0, N), in parallel where that is worth it. A short loop opens no parallel region
 * at all: even one of one thread would cost as much as the work, and callers with threads of their
 * own pass short blocks. */
#define LOOP(N, BODY)                                                                       \
    if ((N) < PARALLEL_FROM) _Pragma("omp simd") for (size_t i = 0; i < (N); i++)           \
        {                                                                                   \
            BODY;                                                                           \
        }                                                                                   \
    else _Pragma("omp parallel for simd schedule(static)") for (size_t i = 0; i < (N); i++) \
        {                                                                                   \
            BODY;                                                                           \
        }

/* dst[] of C type D from src[] of C type T, through CONV, which may be empty. Ends with `return`: a
 * case needs no break. */
#define WIDEN(D, T, CONV)               \
    {                                   \
        const T *s = src;               \
        LOOP(n, dst[i] = (D)CONV(s[i])) \
    }                                   \
    return
/* The body of a function (dst, src, d, n): WIDEN for whichever dtype d is. */
#define WIDEN_ALL(D)                               \
    switch (d) {                                   \
    case SP_BOOL: WIDEN(D, uint8_t, !!);           \
    case SP_U8: WIDEN(D, uint8_t, );               \
    case SP_I8: WIDEN(D, int8_t, );                \
    case SP_U16: WIDEN(D, uint16_t, );             \
    case SP_I16: WIDEN(D, int16_t, );              \
    case SP_U32: WIDEN(D, uint32_t, );             \
    case SP_I32: WIDEN(D, int32_t, );              \
    case SP_U64: WIDEN(D, uint64_t, );             \
    case SP_I64: WIDEN(D, int64_t, );              \
    case SP_F16: WIDEN(D, uint16_t, sp_f16_f32);   \
    case SP_BF16: WIDEN(D, uint16_t, sp_bf16_f32); \
    case SP_F32: WIDEN(D, float, );                \
    case SP_F64: WIDEN(D, double, );               \
    case SP_NDTYPES: return;                       \
    }

void sp_to_f32(float *dst, const void *src, sp_dtype d, size_t n) { WIDEN_ALL(float) }
void sp_to_f64(double *dst, const void *src, sp_dtype d, size_t n) { WIDEN_ALL(double) }

/* Nearest whole number inside [lo, hi]; NaN becomes 0. hi is the largest float that fits. */
static inline float clamp(float x, float lo, float hi)
{
    return x != x ? 0 : x < lo ? lo : x > hi ? hi : rintf(x);
}

/* Round FROM (float or double) to F32, x, and store EXPR of it as T. FROM is an expression in i. */
#define NARROW(FROM, T, EXPR)                              \
    {                                                      \
        T *o = dst;                                        \
        LOOP(n, float x = (float)(FROM); o[i] = (T)(EXPR)) \
    }                                                      \
    return
/* The body of a function (dst, src, d, n): NARROW for whichever dtype d is. F64 takes FROM itself:
 * x has been rounded. */
#define NARROW_ALL(FROM)                                                    \
    switch (d) {                                                            \
    case SP_BOOL: NARROW(FROM, uint8_t, x != 0);                            \
    case SP_U8: NARROW(FROM, uint8_t, clamp(x, 0, UINT8_MAX));              \
    case SP_I8: NARROW(FROM, int8_t, clamp(x, INT8_MIN, INT8_MAX));         \
    case SP_U16: NARROW(FROM, uint16_t, clamp(x, 0, UINT16_MAX));           \
    case SP_I16: NARROW(FROM, int16_t, clamp(x, INT16_MIN, INT16_MAX));     \
    case SP_U32: NARROW(FROM, uint32_t, clamp(x, 0, 0x1.fffffep31f));       \
    case SP_I32: NARROW(FROM, int32_t, clamp(x, -0x1p31f, 0x1.fffffep30f)); \
    case SP_U64: NARROW(FROM, uint64_t, clamp(x, 0, 0x1.fffffep63f));       \
    case SP_I64: NARROW(FROM, int64_t, clamp(x, -0x1p63f, 0x1.fffffep62f)); \
    case SP_F16: NARROW(FROM, uint16_t, sp_f32_f16(x));                     \
    case SP_BF16: NARROW(FROM, uint16_t, sp_f32_bf16(x));                   \
    case SP_F32: NARROW(FROM, float, x);                                    \
    case SP_F64: NARROW(FROM, double, ((void)x, FROM));                     \
    case SP_NDTYPES: return;                                                \
    }

void sp_from_f32(void *dst, const float *src, sp_dtype d, size_t n) { NARROW_ALL(src[i]) }
void sp_from_f64(void *dst, const double *src, sp_dtype d, size_t n){NARROW_ALL(src[i])}

int64_t sp_first_nonfinite(const float *x, size_t n)
{
    uint32_t top = 0; /* the largest exponent */
#pragma omp parallel for simd schedule(static) reduction(max : top) if (n >= PARALLEL_FROM)
    for (size_t i = 0; i < n; i++) top = SP_MAX(top, sp_f32_bits(x[i]) & 0x7f800000);
    /* search only where there is one: a loop that stops early cannot become vectors */
    for (size_t i = 0; top == 0x7f800000 && i < n; i++)
        if (!isfinite(x[i])) return (int64_t)i;
    return -1;
}

/* Return whether x[0..n) is finite: is the largest EXPONENT of the elements, seen as bits in T,
 * below that of NaN and infinity? */
#define FINITE(T, EXPONENT)                                                           \
    {                                                                                 \
        const T *bits = x;                                                            \
        T top = 0;                                                                    \
        _Pragma("omp simd reduction(max : top)") for (size_t i = 0; i < n; i++) top = \
            SP_MAX(top, (T)(bits[i] & EXPONENT));                                     \
        return top != EXPONENT;                                                       \
    }

bool sp_all_finite(const void *x, sp_dtype d, size_t n)
{
    switch (d) {
    case SP_F16: FINITE(uint16_t, 0x7c00)
    case SP_BF16: FINITE(uint16_t, 0x7f80)
    case SP_F32: FINITE(uint32_t, 0x7f800000)
    case SP_F64: FINITE(uint64_t, 0x7ff0000000000000)
    default: return true;
    }
}

/* ---- conversion, arithmetic and check in one pass ------------------------------------- */

/* Inlined for each dtype, so that the switches are gone before the loops become vectors. */
#define PER_DTYPE static inline __attribute__((always_inline))

/* Element i of x, of a floating dtype d, as double: exact. */
PER_DTYPE double get(const void *x, sp_dtype d, size_t i)
{
    switch (d) {
    case SP_F16: return sp_f16_f32(((const uint16_t *)x)[i]);
    case SP_BF16: return sp_bf16_f32(((const uint16_t *)x)[i]);
    case SP_F32: return ((const float *)x)[i];
    default: return ((const double *)x)[i];
    }
}

/* Round x to the floating dtype d and store it as element i. The halves are rounded to F32 first,
 * as by sp_from_f64. */
PER_DTYPE void put(void *to, sp_dtype d, size_t i, double x)
{
    switch (d) {
    case SP_F16: ((uint16_t *)to)[i] = sp_f32_f16((float)x); break;
    case SP_BF16: ((uint16_t *)to)[i] = sp_f32_bf16((float)x); break;
    case SP_F32: ((float *)to)[i] = (float)x; break;
    default: ((double *)to)[i] = x;
    }
}

/* 1 if element i of x is NaN or infinity, else 0. A comparison with infinity is false for NaN as
 * well. */
PER_DTYPE uint32_t nonfinite(const void *x, sp_dtype d, size_t i)
{
    switch (d) {
    case SP_F16: return (((const uint16_t *)x)[i] & 0x7c00) == 0x7c00;
    case SP_BF16: return (((const uint16_t *)x)[i] & 0x7f80) == 0x7f80;
    case SP_F32: return !(fabsf(((const float *)x)[i]) < INFINITY);
    default: return !(fabs(((const double *)x)[i]) < INFINITY);
    }
}

/* sp_to_f64_masked and sp_add_f64 for a constant dtype. A flag gathers what is not finite: a branch
 * would keep the loop from becoming vectors. */
PER_DTYPE bool to_masked(double *dst, const void *src, sp_dtype d, const uint8_t *keep,
                         double scale, size_t n)
{
    uint32_t bad = 0;
#pragma omp simd reduction(| : bad)
    for (size_t i = 0; i < n; i++) {
        dst[i] = keep[i] ? scale * get(src, d, i) : 0;
        bad |= nonfinite(src, d, i);
    }
    return !bad;
}

PER_DTYPE bool add(void *dst, sp_dtype d, const void *base, sp_dtype bd, const double *change,
                   double scale, size_t n)
{
    uint32_t bad = 0;
#pragma omp simd reduction(| : bad)
    for (size_t i = 0; i < n; i++) {
        double x = get(base, bd, i), by = scale * change[i];
        put(dst, d, i, by == 0 ? x : x + by);
        bad |= nonfinite(dst, d, i);
    }
    return !bad;
}

bool sp_to_f64_masked(double *dst, const void *src, sp_dtype d, const uint8_t *keep, double scale,
                      size_t n)
{
    switch (d) {
    case SP_F16: return to_masked(dst, src, SP_F16, keep, scale, n);
    case SP_BF16: return to_masked(dst, src, SP_BF16, keep, scale, n);
    case SP_F32: return to_masked(dst, src, SP_F32, keep, scale, n);
    default: return to_masked(dst, src, SP_F64, keep, scale, n);
    }
}

bool sp_add_f64(void *dst, sp_dtype d, const void *base, sp_dtype bd, const double *change,
                double scale, size_t n)
{
    switch (d) {
    case SP_F16:
        return bd == d ? add(dst, SP_F16, base, SP_F16, change, scale, n)
                       : add(dst, SP_F16, base, SP_F64, change, scale, n);
    case SP_BF16:
        return bd == d ? add(dst, SP_BF16, base, SP_BF16, change, scale, n)
                       : add(dst, SP_BF16, base, SP_F64, change, scale, n);
    case SP_F32:
        return bd == d ? add(dst, SP_F32, base, SP_F32, change, scale, n)
                       : add(dst, SP_F32, base, SP_F64, change, scale, n);
    default: return add(dst, SP_F64, base, SP_F64, change, scale, n);
    }
}

/* ---- sums ----------------------------------------------------------------------------- */

/* Elements of a partial sum: fixed, so that results do not depend on the number of threads. */
#define SUM_BLOCK 4096

/* The sum of a[i] * b[i] for n <= SUM_BLOCK elements, in double. */
static double dot_block(const float *a, const float *b, size_t n)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t i = 0; i < n; i++) s += (double)a[i] * b[i];
    return s;
}

double sp_dot(const float *a, const float *b, size_t n)
{
    double total = 0;
    /* 256 partial sums at a time fit on the stack */
    for (size_t at = 0; at < n; at += (size_t)SUM_BLOCK * 256) {
        double part[256] = {0};
        size_t here = SP_MIN(n - at, (size_t)SUM_BLOCK * 256),
               blocks = (here + SUM_BLOCK - 1) / SUM_BLOCK;
#pragma omp parallel for schedule(static) if (here >= PARALLEL_FROM)
        for (size_t i = 0; i < blocks; i++)
            part[i] = dot_block(a + at + i * SUM_BLOCK, b + at + i * SUM_BLOCK,
                                SP_MIN(here - i * SUM_BLOCK, (size_t)SUM_BLOCK));
        for (size_t i = 0; i < blocks; i++) total += part[i];
    }
    return total;
}
