/* arith.h - minimum, maximum, and products that may overflow. */
#ifndef SP_ARITH_H
#define SP_ARITH_H

#include <stdbool.h>
#include <stdint.h>

/* Each argument is evaluated up to twice. */
#define SP_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SP_MAX(a, b) ((a) > (b) ? (a) : (b))

/* a * b into *out; false on overflow. */
static inline bool sp_mul(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

#endif
