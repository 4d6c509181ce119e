/* shuffle.c - see shuffle.h.
 *
 * The shuffle of Fisher and Yates, forwards: each new entry joins the end of a deck and changes
 * places with a random one of the deck, itself included. (Knuth, The Art of Computer Programming 2,
 * 3.4.2, algorithm P goes backwards.) The deck is the front of the output, and no other memory is
 * needed: the places are filled from the back, each with the last entry of the deck, which lies
 * there or further in front.
 *
 *     x      5 0 7 0 9
 *     deck   9 5 7 . .     after all entries that are not zero
 *     out    9 0 5 0 7     from the back: 7 to the last place, 0, 5, ...
 */
#include "patch/shuffle.h"

#include "base/hash.h"
#include "base/philox.h"
#include "patch/mask.h"

#include <string.h>

/* Inlined for each size, so that copies are single instructions. */
#define BY_SIZE static inline __attribute__((always_inline))

/* Entry i of x, of `size` bytes, as bits; and back. */
BY_SIZE uint64_t get(const char *x, size_t size, size_t i)
{
    uint64_t u = 0;
    memcpy(&u, x + i * size, size);
    return u;
}

BY_SIZE void put(char *x, size_t size, size_t i, uint64_t u) { memcpy(x + i * size, &u, size); }

/* A number below n, made of 64 random bits u: the upper half of u * n. Each number comes from
 * floor(2^64 / n) values of u or from one more, so that chances differ by less than n / 2^64. */
static inline size_t below(uint64_t u, size_t n)
{
    return (size_t)((unsigned __int128)u * n >> 64);
}

/* sp_shuffle for entries of `size` bytes. An entry is zero where none of the bits of `value` is
 * set, which are all but a sign. */
BY_SIZE void shuffle(char *out, const char *x, size_t size, uint64_t value, size_t n, uint64_t seed,
                     uint64_t stream)
{
    size_t dealt = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t u = get(x, size, i);
        if (!(u & value)) continue;
        size_t j = below(sp_rand_u64(seed, stream, dealt), dealt + 1);
        put(out, size, dealt, u); /* j may be its own place */
        put(out, size, dealt++, get(out, size, j));
        put(out, size, j, u);
    }
    for (size_t i = n; i-- > 0;) {
        uint64_t u = get(x, size, i);
        put(out, size, i, u & value ? get(out, size, --dealt) : u);
    }
}

void sp_shuffle(void *out, const void *x, sp_dtype d, size_t n, uint64_t seed, const char *key,
                const char *name)
{
    /* a stream of its own: a mask's bits would tell where entries go */
    uint64_t stream = sp_hash(sp_mask_stream(key, name), "\0shuffle", 8);
    switch (sp_dtype_size(d)) {
    case 1: shuffle(out, x, 1, 0xff, n, seed, stream); break;
    case 2: shuffle(out, x, 2, 0x7fff, n, seed, stream); break;
    case 4: shuffle(out, x, 4, 0x7fffffff, n, seed, stream); break;
    default: shuffle(out, x, 8, 0x7fffffffffffffff, n, seed, stream);
    }
}
