/* rounding.c - see rounding.h. Loops have no branches, so that the compiler makes vectors of
 * them. */
#include "tensor/rounding.h"

#include "base/arith.h"

/* Count in elements of type `bits` how many of n change, and how many of those stay the same. */
#define COUNT(bits)                                                 \
    for (size_t i = 0; i < n; i++) {                                \
        unsigned moves = change[i] * scale != 0;                    \
        unsigned stays = ((bits *)before)[i] == ((bits *)after)[i]; \
        changed += moves, lost += moves & stays;                    \
    }

/* Add the counts of n < 2^32 elements: sums of 32 bits make vectors twice as long. */
static void count(sp_rounding *r, const double *change, double scale, const void *before,
                  const void *after, size_t size, size_t n)
{
    unsigned changed = 0, lost = 0;
    if (size == 2) COUNT(const uint16_t)
    else if (size == 4) COUNT(const uint32_t)
    else COUNT(const uint64_t)
    r->changed += changed;
    r->lost += lost;
}

void sp_rounding_count(sp_rounding *r, const double *change, double scale, const void *before,
                       const void *after, sp_dtype d, size_t n)
{
    enum { BLOCK = 1 << 20 };
    size_t size = sp_dtype_size(d);
    for (size_t at = 0; at < n; at += BLOCK)
        count(r, change + at, scale, (const char *)before + at * size,
              (const char *)after + at * size, size, SP_MIN(n - at, (size_t)BLOCK));
}
