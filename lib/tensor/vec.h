/* vec.h - plain arrays: dtype conversion, arithmetic, sums.
 * Loops run in parallel over outputs; nothing here depends on the number of threads.
 */
#ifndef SP_VEC_H
#define SP_VEC_H

#include "tensor/dtype.h"

#include <stdint.h>

/* n elements of src (dtype d) to F32, and back (round to nearest even; BOOL: non-zero =
 * 1). Source and target must not overlap. */
void sp_to_f32(float *dst, const void *src, sp_dtype d, size_t n);
void sp_from_f32(void *dst, const float *src, sp_dtype d, size_t n);
void sp_to_f64(double *dst, const void *src, sp_dtype d, size_t n);
/* through F32, unless d is F64 */
void sp_from_f64(void *dst, const double *src, sp_dtype d, size_t n);
/* dst[i] = keep[i] ? scale * src[i] : 0 of a floating dtype, widened first. Is src
 * finite, kept or not? */
bool sp_to_f64_masked(double *dst, const void *src, sp_dtype d, const uint8_t *keep,
                      double scale, size_t n);
/* dst[i] = base[i] + scale * change[i], rounded as by sp_from_f64; base[i] itself, be it
 * -0, where scale * change[i] is zero. d is floating, bd the same or F64. Is all of dst
 * finite? */
bool sp_add_f64(void *dst, sp_dtype d, const void *base, sp_dtype bd,
                const double *change, double scale, size_t n);
/* The number nearest to `tuned` that base + an F32 difference reaches, in F32 arithmetic:
 * weights snapped so survive the way through a patch. */
static inline float sp_reachable(float tuned, float base)
{
    return base + (tuned - base);
}

/* floor(rate * n), at most n; a product that misses a whole number by rounding alone
 * (0.29 * 100) counts as that number. */
uint64_t sp_fraction(double rate, uint64_t n);

/* Sum of a[i] * b[i], in double, in blocks of fixed size. */
double sp_dot(const float *a, const float *b, size_t n);

/* First non-finite entry or -1. */
int64_t sp_first_nonfinite(const float *x, size_t n);
/* Is none of n elements of dtype d NaN or Inf? In the calling thread. */
bool sp_all_finite(const void *x, sp_dtype d, size_t n);

#endif
