/* rounding.h - what is left of a change after rounding: small changes of weights in BF16
 * round to the weights that were there.
 *
 * Example, BF16: 1.0 has the neighbours 0.99609375 and 1.0078125. 1.0 + 0.003 is nearest
 * to 1.0 and so is lost; 1.0 + 0.006 becomes 1.0078125.
 */
#ifndef SP_ROUNDING_H
#define SP_ROUNDING_H

#include "tensor/dtype.h"

#include <stddef.h>
#include <stdint.h>

/* Elements with a change other than zero, and those of them whose bits are what they
 * were.
 */
typedef struct {
    uint64_t changed, lost;
} sp_rounding;

/* Add n elements to the counts: element i was to change by change[i] * scale, and did so
 * from before[i] to after[i], of floating dtype d. In the calling thread. */
void sp_rounding_count(sp_rounding *r, const double *change, double scale,
                       const void *before, const void *after, sp_dtype d, size_t n);

#endif
