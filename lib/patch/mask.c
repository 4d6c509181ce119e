/* mask.c - see mask.h.
 *
 * A random mask needs no state: the number of each element comes from a generator that is a
 * function of (seed, stream, index), where the stream is a hash of key and name. Any part of a mask
 * can thus be drawn by itself, in any order, and is the same as in one piece.
 *
 * Numbers are divided by the rate in double, a block at a time, and rounded back to their dtype.
 * Overlaps are whole numbers, which any order adds up alike, and inner products, which sp_dot adds
 * up in blocks of fixed size.
 */
#include "patch/mask.h"

#include "base/arith.h"
#include "base/hash.h"
#include "base/philox.h"
#include "tensor/vec.h"

#include <string.h>

#define WIDE_BLOCK 1024 /* elements that are widened at a time */

uint64_t sp_mask_stream(const char *key, const char *name)
{
    /* the key with its NUL: "a" for tensor "bc" is another stream than "ab" for "c" */
    return sp_hash(sp_hash(SP_HASH0, key, strlen(key) + 1), name, strlen(name));
}

void sp_mask_draw(uint8_t *mask, uint64_t seed, const char *key, const char *name, uint64_t at,
                  size_t n, double p)
{
    uint64_t stream = sp_mask_stream(key, name);
    for (size_t i = 0; i < n; i++) mask[i] = sp_rand_unit(seed, stream, at + i) < p;
}

/* Every operation is an AND in which inputs or result are negated: 1 = yes. One loop without
 * branches does them all. */
static const struct {
    uint8_t a, b, result;
} negated[] = {
    [SP_MASK_MINUS] = {0, 1, 0},
    [SP_MASK_AND] = {0, 0, 0},
    [SP_MASK_OR] = {1, 1, 1},
};

void sp_mask_combine(uint8_t *out, sp_mask_op op, const uint8_t *a, const uint8_t *b, size_t n)
{
    uint8_t not_a = negated[op].a, not_b = negated[op].b, not_it = negated[op].result;
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((((a[i] != 0) ^ not_a) & ((b[i] != 0) ^ not_b)) ^ not_it);
}

/* sp_mask_apply for n <= WIDE_BLOCK elements. The patch is checked as well as the quotients: NaN
 * and Inf count where the mask is clear, too. */
static bool apply_block(char *out, const char *patch, sp_dtype d, const uint8_t *mask, double rate,
                        size_t n)
{
    double y[WIDE_BLOCK];
    size_t size = sp_dtype_size(d);
    bool finite = sp_all_finite(patch, d, n);
    /* rate 1 is this copy alone: a way through double could change the bits of a NaN */
    memcpy(out, patch, n * size);
    if (rate != 1) {
        sp_to_f64(y, patch, d, n);
        for (size_t i = 0; i < n; i++) y[i] /= rate;
        sp_from_f64(out, y, d, n);
        finite = sp_all_finite(out, d, n) && finite;
    }
    for (size_t i = 0; i < n; i++)
        if (!mask[i]) memset(out + i * size, 0, size);
    return finite;
}

bool sp_mask_apply(void *out, const void *patch, sp_dtype d, const uint8_t *mask, double rate,
                   size_t n)
{
    size_t size = sp_dtype_size(d);
    bool finite = true;
    for (size_t at = 0; at < n; at += WIDE_BLOCK)
        finite &= apply_block((char *)out + at * size, (const char *)patch + at * size, d,
                              mask + at, rate, SP_MIN(n - at, (size_t)WIDE_BLOCK));
    return finite;
}

void sp_overlap_add(sp_overlap *o, const float *x, const float *y, size_t n)
{
    uint64_t a = 0, b = 0, both = 0;
#pragma omp parallel for simd schedule(static) reduction(+ : a, b, both)
    for (size_t i = 0; i < n; i++) {
        a += x[i] != 0;
        b += y[i] != 0;
        both += x[i] != 0 && y[i] != 0;
    }
    o->numel += n;
    o->a += a;
    o->b += b;
    o->both += both;
    o->aa += sp_dot(x, x, n);
    o->bb += sp_dot(y, y, n);
    o->ab += sp_dot(x, y, n);
}

void sp_overlap_merge(sp_overlap *total, const sp_overlap *o)
{
    total->numel += o->numel;
    total->a += o->a;
    total->b += o->b;
    total->both += o->both;
    total->aa += o->aa;
    total->bb += o->bb;
    total->ab += o->ab;
}
