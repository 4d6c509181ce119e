/* vec.h - plain arrays: conversion between dtypes, alone and together with the arithmetic
 * of patches; checks for NaN and Inf; sums.
 *
 * Results do not depend on the number of threads: loops that run in parallel split their
 * outputs, sums have blocks of fixed size. Source and target of a conversion must not
 * overlap.
 */
#ifndef SP_VEC_H
#define SP_VEC_H

#include "tensor/dtype.h"

#include <stdint.h>

/* ---- conversion, in parallel where n is large ---- */
/* n elements of dtype d to F32 or F64. A BOOL becomes 0 or 1; what F32 cannot hold is
 * rounded to nearest even. */
void sp_to_f32(float *dst, const void *src, sp_dtype d, size_t n);
void sp_to_f64(double *dst, const void *src, sp_dtype d, size_t n);
/* And back, to nearest even. To BOOL: 1 where not zero. To integers: clamped to their
 * range, NaN becomes 0. F64 is rounded to F32 first, except on its way to F64. */
void sp_from_f32(void *dst, const float *src, sp_dtype d, size_t n);
void sp_from_f64(void *dst, const double *src, sp_dtype d, size_t n);

/* ---- conversion and arithmetic in one pass, in the calling thread ---- */
/* dst[i] = keep[i] ? scale * src[i] : 0, src of a floating dtype d, widened first.
 * Returns whether all of src is finite, kept or not. */
bool sp_to_f64_masked(double *dst, const void *src, sp_dtype d, const uint8_t *keep,
                      double scale, size_t n);
/* dst[i] = base[i] + scale * change[i], rounded to dtype d as by sp_from_f64; base[i]
 * itself, be it -0, where scale * change[i] is zero. d is floating, bd is d or F64.
 * Returns whether all of dst is finite. */
bool sp_add_f64(void *dst, sp_dtype d, const void *base, sp_dtype bd,
                const double *change, double scale, size_t n);

/* The number nearest to `tuned` that base + an F32 difference reaches, in F32 arithmetic.
 * Weights snapped so survive the way through a patch to the bit. */
static inline float sp_reachable(float tuned, float base)
{
    return base + (tuned - base);
}

/* ---- checks and sums ---- */
/* Index of the first NaN or Inf, or -1. In parallel where n is large. */
int64_t sp_first_nonfinite(const float *x, size_t n);
/* Is none of n elements of dtype d NaN or Inf? In the calling thread. */
bool sp_all_finite(const void *x, sp_dtype d, size_t n);
/* Sum of a[i] * b[i], in double. In parallel where n is large. */
double sp_dot(const float *a, const float *b, size_t n);

#endif
