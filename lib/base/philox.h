/* philox.h - counter-based random numbers: each is a pure function of (seed, stream,
 * index), so that they can be drawn in any order, by any thread, and again.
 *
 * `stream` tells apart sequences that share a seed, e.g. by the hash of a tensor's name;
 * `index` is the place in the sequence. Two neighbouring indices, streams or seeds give
 * independent numbers. The generator is Philox 2x64-10 (Salmon et al., "Parallel random
 * numbers: as easy as 1, 2, 3", 2011).
 */
#ifndef SP_PHILOX_H
#define SP_PHILOX_H

#include <stdint.h>

/* 64 random bits. */
uint64_t sp_rand_u64(uint64_t seed, uint64_t stream, uint64_t index);
/* Uniform in [0, 1): a multiple of 2^-53. */
double sp_rand_unit(uint64_t seed, uint64_t stream, uint64_t index);
/* Normal with mean 0 and variance 1 (Box and Muller, 1958), from both words of the draw.
 */
double sp_rand_normal(uint64_t seed, uint64_t stream, uint64_t index);

#endif
