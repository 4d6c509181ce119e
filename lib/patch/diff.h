/* diff.h - the difference of two arrays of weights, which may have different dtypes: the
 * patch that leads from BASE to TUNED.
 */
#ifndef SP_DIFF_H
#define SP_DIFF_H

#include "tensor/dtype.h"

#include <stdint.h>

/* Elements as stored, of a floating dtype; borrowed. */
typedef struct {
    const void *x;
    sp_dtype dtype;
} sp_array;

/* What is wrong with a difference: bits. */
enum {
    SP_DIFF_BAD_TUNED = 1, /* holds NaN or Inf */
    SP_DIFF_BAD_BASE = 2,  /* so does the base */
    SP_DIFF_OVERFLOW = 4   /* so does the difference */
};

/* out[i] = tuned[i] - base[i], n elements, rounded to dtype od. In F32 arithmetic unless
 * one of the three is F64. Adds to *missed for how many elements base + out, rounded to
 * the dtype of tuned as sp-merge rounds, is not tuned to the bit. Returns SP_DIFF_* bits,
 * 0 = fine. In parallel where n is large. */
int sp_diff(void *out, sp_dtype od, sp_array tuned, sp_array base, size_t n,
            uint64_t *missed);

#endif
