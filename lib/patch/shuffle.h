/* shuffle.h - the numbers of a tensor in a random order: a control for scores. The
 * largest of shuffled scores are as many as before, but lie at random.
 */
#ifndef SP_SHUFFLE_H
#define SP_SHUFFLE_H

#include "tensor/dtype.h"

#include <stdint.h>

/* out = the n entries x of the tensor `name`, those that are not zero in a random order
 * among their places; zeros, -0 included, stay where they are. NaN and Inf are moved as
 * all others are. No bit of an entry changes. d is floating or BOOL; out and x do not
 * overlap.
 *
 * The order is a pure function of (seed, key, name, number of entries that are not zero).
 * It is uniform but for the rounding of 64 random bits: no entry's chance of a place is
 * off by more than n / 2^64 of itself at a draw. It is independent of the masks of
 * sp_mask_draw with the same seed, key and name. In the calling thread. */
void sp_shuffle(void *out, const void *x, sp_dtype d, size_t n, uint64_t seed,
                const char *key, const char *name);

#endif
