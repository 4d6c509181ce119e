/* topk.h - the k largest of many numbers, as a mask, in one pass over most arrays.
 *
 * Only numbers above zero are selected: NaN, zeros and negatives never are. Of equal
 * numbers at the threshold those with the lowest indices are, so that exactly min(k,
 * positive numbers) are selected, whatever the threads.
 */
#ifndef SP_TOPK_H
#define SP_TOPK_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* mask[i] = 1 for the k largest of x[0..n), 0 elsewhere. Returns how many. */
size_t sp_topk(uint8_t *mask, const float *x, size_t n, size_t k);

/* Numbers that are read part by part: give elements [at, at + n), n <= SP_TOPK_PART. The
 * function returns where they lie, in `space` (which has space for n) or elsewhere; NULL
 * with *e filled on failure. Several threads call it at a time. */
#define SP_TOPK_PART (64u << 10)
typedef const float *sp_topk_read(void *ctx, uint64_t at, size_t n, float *space,
                                  sp_err *e);

typedef enum {
    SP_TOPK_SELECTED, /* the mask is made */
    /* The mask is not made, its content undefined: n is below a million or above 2^32 -
     * 1, k is 0, or no bracket around the threshold was found (ties by the million, or a
     * sample that was not typical). The caller selects in another way (radix.h). */
    SP_TOPK_MISSED,
    SP_TOPK_FAILED /* read() failed; its error is in *e */
} sp_topk_result;

/* As sp_topk for n numbers that `read` gives, most of them once. *finite, unless it
 * failed: all numbers read are finite. */
SP_MUST_CHECK sp_topk_result sp_topk_parts(uint8_t *mask, uint64_t n, uint64_t k,
                                           sp_topk_read *read, void *ctx, bool *finite,
                                           sp_err *e);

/* floor(rate * n), at most n: the k of a rate. A product that misses a whole number only
 * by rounding (0.29 * 100 = 28.999999999999996) counts as that number. */
uint64_t sp_fraction(double rate, uint64_t n);

#endif
