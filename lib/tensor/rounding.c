/* rounding.c - see rounding.h. Loops have no branches, so that the compiler makes vectors of
 * them. */
#include "tensor/rounding.h"

#define COUNT_LOST(bits)                                                                  \
    {                                                                                     \
        const bits *b = before, *a = after;                                               \
        for (size_t i = 0; i < n; i++) lost += (change[i] * scale != 0) & (a[i] == b[i]); \
        break;                                                                            \
    }

void sp_rounding_count(sp_rounding *r, const double *change, double scale, const void *before,
                       const void *after, sp_dtype d, size_t n)
{
    uint64_t changed = 0, lost = 0;
    for (size_t i = 0; i < n; i++) changed += change[i] * scale != 0;
    if (!changed) return;
    switch (sp_dtype_size(d)) {
    case 2: COUNT_LOST(uint16_t)
    case 4: COUNT_LOST(uint32_t)
    default: COUNT_LOST(uint64_t)
    }
    r->changed += changed;
    r->lost += lost;
}
