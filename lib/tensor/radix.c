/* radix.c - see radix.h.
 *
 * Positive floats are ordered as their bit patterns are. Three rounds find the pattern of the k-th
 * largest, from the front: the 31 bits below the sign make digits of 11, 11 and 9 bits. With digits
 * of one decimal place, k = 3:
 *
 *     numbers     71 75 32 78 70
 *     round 1     count by first digit: 3: 1, 7: 4. From the top, four begin with 7: >= 3, so the
 *                 threshold is 7x
 *     round 2     of those, by second digit: 0: 1, 1: 1, 5: 1, 8: 1. From the top 8, 5, 1 make
 *                 three: the threshold is 71
 *
 * What is above the threshold is selected; at the threshold, as many as are left to make k.
 */
#include "tensor/radix.h"

#include "base/arith.h"
#include "tensor/bits.h"

#include <string.h>

#define PARALLEL_FROM 32768 /* numbers below which threads cost more than they bring */
#define MARK_BLOCK    4096  /* numbers marked by one thread at a time */

/* Digit number `round` of a pattern u is u >> digit_shift[round] & (2^digit_bits[round] - 1). A
 * digit of 11 bits makes 2048 counters, 16 KiB, which each thread has in its nearest cache. */
static const int digit_bits[3] = {11, 11, 9}, digit_shift[3] = {20, 9, 0};

void sp_radix_start(sp_radix *r, uint64_t k) { *r = (sp_radix){.left = k}; }

void sp_radix_count(sp_radix *r, const float *x, size_t n)
{
    int shift = digit_shift[r->round], above = shift + digit_bits[r->round];
    uint32_t low = (1u << digit_bits[r->round]) - 1;
#pragma omp parallel if (n >= PARALLEL_FROM)
    {
        /* counters of its own for each thread: shared ones would pass between the processors'
         * caches */
        uint64_t count[2048] = {0};
#pragma omp for schedule(static) nowait
        /* no branches: the signs and digits of scores cannot be predicted */
        for (size_t i = 0; i < n; i++) {
            uint32_t u = sp_f32_bits(x[i]);
            count[u >> shift & low] += sp_radix_selectable(u) & ((u >> above) == r->prefix);
        }
#pragma omp critical(sp_radix)
        for (uint32_t d = 0; d <= low; d++) r->count[d] += count[d];
    }
}

/* Go from the largest digit down until the numbers passed make k. r->left becomes how many are
 * wanted among those with the digit found. Where there are too few, the search stops at digit 0 in
 * every round: the threshold becomes 0, and all positive numbers are above it. With k = 0 the
 * digits become the largest ones, and no number that can be selected reaches the threshold. */
bool sp_radix_next(sp_radix *r)
{
    int digit = (1 << digit_bits[r->round]) - 1;
    while (digit > 0 && r->count[digit] < r->left) r->left -= r->count[digit--];
    r->prefix = r->prefix << digit_bits[r->round] | (uint32_t)digit;
    memset(r->count, 0, sizeof r->count);
    return ++r->round < 3;
}

/* How many numbers of a block are above the threshold, and at it. */
typedef struct {
    uint32_t above, at;
} tally;

/* mask[i] = 1 for the numbers of x[0..n) above the threshold, else 0. Returns how many are above it
 * and at it. */
static tally mark_above(const sp_radix *r, uint8_t *mask, const float *x, size_t n)
{
    uint32_t t = r->prefix, above = 0, at = 0;
#pragma omp simd reduction(+ : above, at)
    for (size_t i = 0; i < n; i++) {
        uint32_t u = sp_f32_bits(x[i]);
        mask[i] = (u > t) & sp_radix_selectable(u);
        above += mask[i];
        at += u == t;
    }
    return (tally){above, at};
}

/* Set mask[i] for numbers at the threshold, in their order, until none is wanted. Counts r->left
 * down. Returns how many were set. */
static size_t mark_ties(sp_radix *r, uint8_t *mask, const float *x, size_t n)
{
    uint64_t before = r->left;
    for (size_t i = 0; r->left && i < n; i++)
        if (sp_f32_bits(x[i]) == r->prefix) {
            mask[i] = 1;
            r->left--;
        }
    return (size_t)(before - r->left);
}

/* 256 blocks at a time: in parallel what is above the threshold, then, in order, the ties of the
 * few blocks that have any. */
size_t sp_radix_mark(sp_radix *r, uint8_t *mask, const float *x, size_t n)
{
    size_t set = 0;
    for (size_t at = 0; at < n; at += (size_t)MARK_BLOCK * 256) {
        tally t[256];
        size_t here = SP_MIN(n - at, (size_t)MARK_BLOCK * 256),
               blocks = (here + MARK_BLOCK - 1) / MARK_BLOCK;
#pragma omp parallel for schedule(static) if (here >= PARALLEL_FROM)
        for (size_t i = 0; i < blocks; i++) {
            size_t from = at + i * MARK_BLOCK;
            t[i] = mark_above(r, mask + from, x + from, SP_MIN(n - from, (size_t)MARK_BLOCK));
        }
        for (size_t i = 0; i < blocks; i++) {
            size_t from = at + i * MARK_BLOCK;
            set += t[i].above;
            /* with prefix 0, all positive numbers are marked: those "at" it are zeros */
            if (t[i].at && r->left && r->prefix)
                set += mark_ties(r, mask + from, x + from, SP_MIN(n - from, (size_t)MARK_BLOCK));
        }
    }
    return set;
}

void sp_radix_find(sp_radix *r, const float *x, size_t n, uint64_t k)
{
    sp_radix_start(r, k);
    do sp_radix_count(r, x, n);
    while (sp_radix_next(r));
}
