/* radix.h - the k largest of several arrays together, exactly, without sorting: radix
 * selection on the bit patterns of floats.
 *
 * Only numbers above zero are selected: NaN, zeros and negatives never are. Of equal
 * numbers at the threshold the first ones are, so that exactly min(k, positive numbers)
 * are selected, whatever the threads.
 *
 *     sp_radix r;
 *     sp_radix_start(&r, k);
 *     do
 *         for each array: sp_radix_count(&r, x, n);
 *     while (sp_radix_next(&r));
 *     for each array: sp_radix_mark(&r, mask, x, n);
 *
 * Each array is seen four times, three times to count and once to mark.
 */
#ifndef SP_RADIX_H
#define SP_RADIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t left;        /* numbers still wanted among those that begin with prefix */
    uint32_t prefix;      /* leading bits of the threshold; at the end all of them, or 0
                             where fewer than k numbers are positive */
    int round;            /* digits known, 0..3 */
    uint64_t count[2048]; /* of numbers that begin with prefix, by their next digit */
} sp_radix;

void sp_radix_start(sp_radix *r, uint64_t k);
/* Count the n numbers x. */
void sp_radix_count(sp_radix *r, const float *x, size_t n);
/* After all have been counted: is another round of counting needed? */
bool sp_radix_next(sp_radix *r);
/* mask[i] = 1 for the selected ones of x[0..n), else 0. Returns how many. The arrays must
 * come in the order in which ties are to be taken. */
size_t sp_radix_mark(sp_radix *r, uint8_t *mask, const float *x, size_t n);
/* Start, count and next for one array: what is left is to mark. */
void sp_radix_find(sp_radix *r, const float *x, size_t n, uint64_t k);

/* Can the number with these bits be selected? So it is for positive ones, infinity
 * included. */
static inline bool sp_radix_selectable(uint32_t bits) { return bits - 1 < 0x7f800000u; }

#endif
