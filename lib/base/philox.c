/* philox.c - see philox.h.
 *
 * A draw starts with the two words (index, stream) and mixes them ten times with the key, which
 * starts as the seed and moves by the golden ratio each round. A round multiplies the first word by
 * a constant to 128 bits: the low half becomes the second word, the high half, xor-ed with the key
 * and the old second word, becomes the first. Nothing is kept between draws.
 */
#include "base/philox.h"

#include <math.h>

typedef struct {
    uint64_t a, b;
} pair;

static inline pair philox(uint64_t key, uint64_t stream, uint64_t index)
{
    pair c = {index, stream};
    for (int round = 0; round < 10; round++) {
        unsigned __int128 p = (unsigned __int128)c.a * 0xd2b74407b1ce6e93ull;
        c = (pair){(uint64_t)(p >> 64) ^ key ^ c.b, (uint64_t)p};
        key += 0x9e3779b97f4a7c15ull;
    }
    return c;
}

/* The upper 53 bits, all that a double holds, as a fraction of 1. */
static inline double unit(uint64_t u) { return (double)(u >> 11) * 0x1p-53; }

uint64_t sp_rand_u64(uint64_t seed, uint64_t stream, uint64_t index)
{
    return philox(seed, stream, index).a;
}

double sp_rand_unit(uint64_t seed, uint64_t stream, uint64_t index)
{
    return unit(philox(seed, stream, index).a);
}

double sp_rand_normal(uint64_t seed, uint64_t stream, uint64_t index)
{
    pair u = philox(seed, stream, index);
    /* 1 - unit() is in (0, 1]: its logarithm is finite */
    return sqrt(-2 * log(1 - unit(u.a))) * cos(6.283185307179586476925 * unit(u.b));
}
