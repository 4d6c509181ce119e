/* select.h - the k largest of many numbers. NaN and what is not above zero never enter;
 * ties at the threshold go to the lowest indices, so exactly min(k, #positive) are
 * selected, whatever the threads.
 */
#ifndef SP_SELECT_H
#define SP_SELECT_H

#include "base/base.h"

/* mask[i] = 1 for the k largest of x[0..n), 0 elsewhere. O(n). Returns how many. */
size_t sp_top_k(uint8_t *mask, const float *x, size_t n, size_t k);

/* The same for numbers that are read part by part, most of them once. part() says where
 * [at, at + n), n <= SP_PART, of them lie, `room` (for n) if it puts them there, or NULL;
 * several threads call it at a time. Returns 1; 0 when nothing has been selected, because
 * k could not be bracketed (ties by the million, or the sample was no fair one), is 0, or
 * n is below a million or above 2^32 - 1; -1 when part() failed. *finite, unless it is
 * -1: no NaN or infinity was met. */
#define SP_PART (64u << 10)
typedef const float *sp_part_fn(void *ctx, uint64_t at, size_t n, float *room, sp_err *e);
int sp_top_k_parts(uint8_t *mask, uint64_t n, uint64_t k, sp_part_fn *part, void *ctx,
                   bool *finite, sp_err *e);

/* The same over several arrays, each seen four times, by radix selection on the bit
 * patterns: start; count all arrays, next, until next says false; then mark each array in
 * order. k is shared by all of them. */
typedef struct {
    uint64_t left;   /* entries still wanted among those that share prefix */
    uint32_t prefix; /* leading bits of the threshold found so far */
    int round;
    uint64_t count[2048]; /* by the next digit */
} sp_select;
void sp_select_start(sp_select *s, uint64_t k);
void sp_select_count(sp_select *s, const float *x, size_t n);
bool sp_select_next(sp_select *s); /* another round of counting? */
size_t sp_select_mark(sp_select *s, uint8_t *mask, const float *x, size_t n);

#endif
