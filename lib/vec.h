/* vec.h - plain arrays: dtype conversion, random bits, selection of the largest.
 * Loops run in parallel over outputs; nothing here depends on the number of threads.
 */
#ifndef SP_VEC_H
#define SP_VEC_H

#include "st.h"

/* n elements of src (dtype d) to F32, and back (round to nearest even; BOOL: non-zero = 1). Source and target must not overlap. */
void sp_to_f32(float *dst, const void *src, sp_dtype d, size_t n);
void sp_from_f32(void *dst, const float *src, sp_dtype d, size_t n);
void sp_to_f64(double *dst, const void *src, sp_dtype d, size_t n);
void sp_from_f64(void *dst, const double *src, sp_dtype d, size_t n); /* through F32, unless d is F64 */
/* The number nearest to `tuned` that base + an F32 difference reaches, in F32 arithmetic: weights snapped so survive the way through a patch. */
static inline float sp_reachable(float tuned, float base) { return base + (tuned - base); }

/* Counter-based random numbers (Philox 2x64-10 or alike): a pure function of (seed, stream, index). */
uint64_t sp_rand_u64(uint64_t seed, uint64_t stream, uint64_t index);
double sp_rand_unit(uint64_t seed, uint64_t stream, uint64_t index);   /* [0, 1) */
double sp_rand_normal(uint64_t seed, uint64_t stream, uint64_t index); /* mean 0, variance 1 (Box-Muller) */

/* floor(rate * n), at most n; a product that misses a whole number by rounding alone (0.29 * 100) counts as that number. */
uint64_t sp_fraction(double rate, uint64_t n);

/* mask[i] = 1 for the k largest of x[0..n), 0 elsewhere. Entries <= 0 or NaN never enter; ties at the threshold go to the lowest
 * indices, so exactly min(k, #positive) are set. Radix selection on the bit patterns, O(n). Returns how many. */
size_t sp_top_k(uint8_t *mask, const float *x, size_t n, size_t k);

/* The same over several arrays, each seen four times: start; count all arrays, next, until next says false; then mark each array in
 * order. k is shared by all of them. */
typedef struct {
    uint64_t left;        /* entries still wanted among those that share prefix */
    uint32_t prefix;      /* leading bits of the threshold found so far */
    int round;
    uint64_t count[2048]; /* by the next digit */
} sp_select;
void sp_select_start(sp_select *s, uint64_t k);
void sp_select_count(sp_select *s, const float *x, size_t n);
bool sp_select_next(sp_select *s); /* another round of counting? */
size_t sp_select_mark(sp_select *s, uint8_t *mask, const float *x, size_t n);

/* Sum of a[i] * b[i], in double, in blocks of fixed size. */
double sp_dot(const float *a, const float *b, size_t n);

/* First non-finite entry or -1. */
int64_t sp_first_nonfinite(const float *x, size_t n);
/* Is none of n elements of dtype d NaN or Inf? In the calling thread. */
bool sp_all_finite(const void *x, sp_dtype d, size_t n);

#endif
