/* mask.h - masks as arrays of bytes, 0 = clear, anything else = set: drawn at random,
 * combined, applied to a patch, compared. Made masks hold 0 and 1. All but the last in
 * the calling thread.
 */
#ifndef SP_MASK_H
#define SP_MASK_H

#include "tensor/dtype.h"

#include <stdint.h>

/* The stream of random numbers (philox.h) of a tensor's mask: one for each pair of key
 * and name. */
uint64_t sp_mask_stream(const char *key, const char *name);
/* Draw elements [at, at + n) of the random mask of the tensor `name`: each is set with
 * probability p and a pure function of (seed, key, name, index). Other keys give
 * independent masks (the paper's m). */
void sp_mask_draw(uint8_t *mask, uint64_t seed, const char *key, const char *name,
                  uint64_t at, size_t n, double p);

typedef enum {
    SP_MASK_MINUS, /* set in a and not in b: the paper's difference set D */
    SP_MASK_AND,   /* set in both */
    SP_MASK_OR     /* set in either */
} sp_mask_op;
void sp_mask_combine(uint8_t *out, sp_mask_op op, const uint8_t *a, const uint8_t *b,
                     size_t n);

/* out[i] = patch[i] / rate where the mask is set, else 0, of the floating dtype d. Rate 1
 * keeps every bit. Returns whether all of patch / rate is finite, masked or not. */
bool sp_mask_apply(void *out, const void *patch, sp_dtype d, const uint8_t *mask,
                   double rate, size_t n);

/* What two arrays have in common. Of masks the counts say something, of floating numbers
 * also the inner products. */
typedef struct {
    uint64_t numel;
    uint64_t a, b, both; /* not zero in a, in b, in both */
    double aa, bb, ab;   /* sums of a[i]^2, b[i]^2, a[i] * b[i] */
} sp_overlap;
/* Add n elements; b may be a. In parallel. */
void sp_overlap_add(sp_overlap *o, const float *a, const float *b, size_t n);
/* Add what another one has counted. */
void sp_overlap_merge(sp_overlap *total, const sp_overlap *o);

#endif
