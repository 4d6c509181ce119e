/* topk.c - see topk.h.
 *
 * A large array is passed once, with a bracket around the threshold, which a sample gives. k = 3 of
 * these twelve, where the sample says that the third largest lies in [5, 7]:
 *
 *     x       2  9  5  1  6  0  3  7  6  4  1  2
 *     marks   .  A  I  .  I  .  .  I  I  .  .  .      A: above the bracket, selected at once
 *                                                     I: inside, collected with its index
 *
 * One is above. So of the four inside, 5 6 7 6, the two largest are wanted: 7 and the first 6.
 * Radix selection (radix.h) finds that out; the mask gets 1 for A and for those, 0 elsewhere. The
 * bracket holds the threshold because 1 <= 3 <= 1 + 4. A bracket [2, 4] would have missed it: five
 * numbers are above, more than three.
 *
 * Of a real array, a few numbers in a thousand lie inside. The sample, a sixteenth of the array at
 * most, is 256 stretches spread evenly; its own bracket comes from the first 16 numbers of each
 * stretch, in the same way. Small arrays, and those whose bracket misses, go through radix
 * selection as a whole.
 */
#include "tensor/topk.h"

#include "base/arith.h"
#include "base/memory.h"
#include "tensor/bits.h"
#include "tensor/radix.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PARALLEL_FROM 32768   /* numbers below which threads cost more than they bring */
#define MARK_BLOCK    4096    /* numbers marked at a time */
#define BRACKET_FROM  1000000 /* numbers below which three passes more are cheap */
#define STRETCHES     256     /* of the sample, evenly spread */
#define STRETCH       1024    /* their length, less where they would be more than a sixteenth */
#define FIRST         16      /* what the sample's own sample has of each */
#define STEPS         8192    /* of a bracket, to count by */
#define INF_BITS      0x7f800000u
#define SIGN_BIT      0x80000000u

/* ---- the bracket ---------------------------------------------------------------------- */

enum { ABOVE = 1, INSIDE = 2 }; /* in the mask, while it is being made; 0 = below */

typedef struct {
    uint32_t lo, hi; /* both ends are inside: bit patterns of positive numbers */
    float *value;    /* (cap) what lies inside, in no order, */
    uint32_t *index; /* (cap) and where */
    uint64_t cap;
    atomic_ullong inside, above; /* how many there are; inside may exceed cap */
    atomic_bool nonfinite;       /* a NaN or infinity was seen */
    sp_err error;
} bracket;

/* Mark n <= MARK_BLOCK numbers. Returns the sum of the marks. */
static uint32_t mark_block(bracket *b, uint8_t *mask, const float *x, size_t n)
{
    uint32_t lo = b->lo, to_hi = b->hi - lo, to_inf = INF_BITS - lo, sum = 0, most = 0;
#pragma omp simd reduction(+ : sum) reduction(max : most)
    for (size_t i = 0; i < n; i++) {
        /* what is below lo wraps around and, like negatives and NaN, comes out beyond infinity */
        uint32_t u = sp_f32_bits(x[i]), up = u - lo;
        uint32_t mark = (up <= to_inf) + (up <= to_hi), size = u & ~SIGN_BIT;
        mask[i] = (uint8_t)mark;
        sum += mark;
        most = SP_MAX(most, size);
    }
    if (most >= INF_BITS) b->nonfinite = true;
    return sum;
}

/* Eight marks, of which only the INSIDE bits are left. */
static inline uint64_t eight_marks(const uint8_t *mask)
{
    uint64_t eight;
    /* memcpy: the address of a mask need not be one of a uint64_t */
    memcpy(&eight, mask, sizeof eight);
    return eight & 0x0101010101010101 * INSIDE;
}

/* Is one of 64 marks INSIDE? */
static inline bool any_inside(const uint8_t *mask)
{
    uint64_t any = 0;
    for (int i = 0; i < 64; i += 8) any |= eight_marks(mask + i);
    return any;
}

/* Which of 64 marks are INSIDE, the first in the lowest bit. The multiplication gathers one bit of
 * each of eight bytes in the topmost byte. */
static inline uint64_t which_inside(const uint8_t *mask)
{
    uint64_t which = 0;
    for (int i = 0; i < 64; i += 8)
        which |= (eight_marks(mask + i) / INSIDE * 0x0102040810204080 >> 56) << i;
    return which;
}

/* What one thread has found inside the bracket and not yet put with what the others have:
 * value[0..n) and index[0..n). There is space for two blocks, so that a block fits whenever at most
 * one block's worth is waiting. */
typedef struct {
    float value[2 * MARK_BLOCK];
    uint32_t index[2 * MARK_BLOCK];
    size_t n;
} finds;

/* Put the finds with the others', and empty f. Adding to b->inside reserves a stretch of the
 * arrays, so that threads copy without a lock. Those beyond the capacity are only counted: the
 * bracket has missed then. */
static void hand_over(bracket *b, finds *f)
{
    uint64_t to = atomic_fetch_add(&b->inside, f->n);
    if (to + f->n <= b->cap) {
        memcpy(b->value + to, f->value, f->n * sizeof *f->value);
        memcpy(b->index + to, f->index, f->n * sizeof *f->index);
    }
    f->n = 0;
}

/* Collect those of n <= MARK_BLOCK numbers that are marked INSIDE; `index` is that of the first.
 * Returns how many. */
static size_t collect(finds *f, const uint8_t *mask, const float *x, size_t n, uint64_t index)
{
    size_t i = 0, before = f->n;
    for (; i + 64 <= n; i += 64)
        if (any_inside(mask + i)) /* most have none */
            for (uint64_t which = which_inside(mask + i); which; which &= which - 1) {
                size_t one = i + (size_t)__builtin_ctzll(which);
                f->value[f->n] = x[one];
                f->index[f->n++] = (uint32_t)(index + one);
            }
    for (; i < n; i++)
        if (mask[i] == INSIDE) f->value[f->n] = x[i], f->index[f->n++] = (uint32_t)(index + i);
    return f->n - before;
}

/* Mark n <= SP_TOPK_PART numbers and collect what is inside; `index` is that of the first. A mark
 * is 1 for ABOVE and 2 for INSIDE: the sum of the marks less twice the number inside is how many
 * are above. */
static void mark_part(bracket *b, uint8_t *mask, const float *x, size_t n, uint64_t index)
{
    uint64_t above = 0;
    finds f;
    f.n = 0;
    for (size_t at = 0; at < n; at += MARK_BLOCK) {
        size_t here = SP_MIN(n - at, (size_t)MARK_BLOCK);
        uint32_t sum = mark_block(b, mask + at, x + at, here);
        if (f.n > MARK_BLOCK) hand_over(b, &f); /* a block more might not have space */
        above += sum - INSIDE * collect(&f, mask + at, x + at, here, index + at);
    }
    hand_over(b, &f);
    b->above += above;
}

/* Read and mark n numbers, in parallel. 0, or -1 with the error in b. */
static int mark_all(bracket *b, uint8_t *mask, uint64_t n, sp_topk_read *read, void *ctx)
{
#pragma omp parallel if (n > SP_TOPK_PART)
    {
        /* kept by each thread: pages mapped anew for each tensor would cost a tenth of the time */
        static _Thread_local float *space;
        if (!space) space = sp_xfloats(SP_TOPK_PART);
#pragma omp for schedule(dynamic, 1)
        for (uint64_t at = 0; at < n; at += SP_TOPK_PART) {
            sp_err own = {0};
            size_t here = SP_MIN(n - at, (uint64_t)SP_TOPK_PART);
            const float *x = read(ctx, at, here, space, &own);
            if (x) mark_part(b, mask + at, x, here, at);
            else
#pragma omp critical(sp_mark_all)
                sp_err_set(&b->error, own.code, "%s", own.msg);
        }
    }
    return b->error.code ? -1 : 0;
}

/* ---- the k-th largest inside ---------------------------------------------------------- */

/* Find the k-th largest inside the bracket: r->prefix becomes its bit pattern (0 if there are
 * fewer), r->left how many of those equal to it are among the k. The bracket is cut into equal
 * steps, and the numbers counted by step; then radix selection has to do with one step only. */
static void find_inside(sp_radix *r, const bracket *b, uint64_t k)
{
    uint32_t count[STEPS] = {0}, step = STEPS - 1, n = 0;
    uint64_t inside = b->inside;
    int shift = 0;
    while ((b->hi - b->lo) >> shift >= STEPS) shift++;
    for (uint64_t i = 0; i < inside; i++) count[(sp_f32_bits(b->value[i]) - b->lo) >> shift]++;
    while (step > 0 && count[step] < k) k -= count[step--];
    float *value = sp_xarray(count[step], sizeof *value);
    for (uint64_t i = 0; i < inside; i++)
        if ((sp_f32_bits(b->value[i]) - b->lo) >> shift == step) value[n++] = b->value[i];
    sp_radix_find(r, value, n, k);
    free(value);
}

/* ---- where the bracket lies ----------------------------------------------------------- */

/* An sp_topk_read: ctx is an array in memory. */
static const float *in_memory(void *ctx, uint64_t at, size_t n, float *space, sp_err *e)
{
    (void)n, (void)space, (void)e;
    return (const float *)ctx + at;
}

/* Read the sample (STRETCHES, len) of n numbers: the first stretch begins with them, the last ends
 * with them. */
static int read_sample(float *sample, size_t len, uint64_t n, sp_topk_read *read, void *ctx,
                       sp_err *e)
{
#pragma omp parallel for schedule(static)
    for (size_t j = 0; j < STRETCHES; j++) {
        sp_err own = {0};
        float *to = sample + j * len;
        const float *x = read(ctx, (n - len) / (STRETCHES - 1) * j, len, to, &own);
        if (x && x != to) memcpy(to, x, len * sizeof *x);
        if (!x)
#pragma omp critical(sp_sample)
            sp_err_set(e, own.code, "%s", own.msg);
    }
    return e->code ? -1 : 0;
}

/* The standard deviation of how many numbers above `threshold` a sample like this one (STRETCHES,
 * len) has. Neighbours resemble each other, so that what counts is how much the stretches differ:
 * sqrt(sum over stretches of (above - mean)^2). */
static double deviation(const float *sample, size_t len, uint32_t threshold)
{
    double sum = 0, squares = 0; /* of whole numbers: exact in any order */
#pragma omp parallel for schedule(static) reduction(+ : sum, squares) \
    if (STRETCHES * len >= PARALLEL_FROM)
    for (size_t j = 0; j < STRETCHES; j++) {
        uint32_t above = 0;
        for (size_t i = 0; i < len; i++) {
            uint32_t u = sp_f32_bits(sample[j * len + i]);
            above += (u > threshold) & sp_radix_selectable(u);
        }
        sum += above;
        squares += (double)above * above;
    }
    return sqrt(SP_MAX(squares - sum * sum / STRETCHES, 0));
}

/* The bit pattern of the rank-th largest of what was marked. A rank above or below the bracket
 * gives its end. */
static uint32_t ranked(const bracket *b, double rank)
{
    sp_radix r;
    double k = rank - (double)b->above;
    if (k < 1) return b->hi;
    if (k > (double)b->inside) return b->lo;
    find_inside(&r, b, (uint64_t)k);
    return r.prefix;
}

/* Narrow the bracket to where a sample (STRETCHES, len) says that the largest `share` of all begin,
 * three and a half standard deviations to both sides. One bracket in two thousand misses where the
 * numbers do not depend on their place, one in fifty where a few stretches hold a third of the
 * largest. */
static void narrow(bracket *b, uint8_t *mask, float *sample, size_t len, double share)
{
    double n = STRETCHES * (double)len, rank = share * n;
    b->above = b->inside = 0;
    mark_all(b, mask, STRETCHES * len, in_memory, sample);
    double alike = sqrt(rank * (1 - share)), strays = deviation(sample, len, ranked(b, rank)),
           slack = 8 + 3.5 * SP_MAX(alike, strays);
    uint32_t lo = ranked(b, rank + slack), hi = ranked(b, rank - slack);
    b->lo = lo;
    b->hi = hi;
}

/* Put the bracket where the threshold of the k largest of n numbers should be. 0 or -1. The mask,
 * which is not yet needed, lends its memory: the first half is for marks, the second for the
 * sample. */
static int guess(bracket *b, uint8_t *mask, uint64_t n, uint64_t k, sp_topk_read *read, void *ctx)
{
    size_t len = SP_MIN(n / 16 / STRETCHES, (uint64_t)STRETCH);
    float *sample = (float *)(((uintptr_t)mask + n / 2 + 63) / 64 * 64),
          *first = sample + STRETCHES * len;
    double share = (double)SP_MIN(k, n) / (double)n;
    int rc = read_sample(sample, len, n, read, ctx, &b->error);
    for (size_t j = 0; rc == 0 && j < STRETCHES; j++)
        memcpy(first + j * FIRST, sample + j * len, FIRST * sizeof *first);
    /* the first call makes the bracket for the second: then little of the sample lies inside */
    if (rc == 0) narrow(b, mask, first, FIRST, share), narrow(b, mask, sample, len, share);
    return rc;
}

/* ---- the selection -------------------------------------------------------------------- */

/* Compare two uint32_t for qsort. */
static int by_index(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Finish the mask: select the `left` largest of what lies inside, and clear the marks of the
 * others. What is above the bracket has its 1 already. Indices of ties are sorted, to take the
 * lowest: threads have collected them in no order. */
static void settle(bracket *b, uint8_t *mask, uint64_t left)
{
    sp_radix r;
    size_t inside = b->inside, ties = 0;
    find_inside(&r, b, left);
#pragma omp parallel for schedule(static) if (inside >= PARALLEL_FROM)
    for (size_t i = 0; i < inside; i++) mask[b->index[i]] = sp_f32_bits(b->value[i]) > r.prefix;
    for (size_t i = 0; i < inside; i++)
        if (sp_f32_bits(b->value[i]) == r.prefix) b->index[ties++] = b->index[i];
    qsort(b->index, ties, sizeof *b->index, by_index);
    for (size_t i = 0; i < SP_MIN(ties, r.left); i++) mask[b->index[i]] = ABOVE;
}

/* Does the bracket hold the threshold, and had the arrays space for what lies in it? A bracket that
 * reaches down to zero has all positive numbers, which may be fewer than k. */
static bool holds_threshold(const bracket *b, uint64_t k)
{
    return b->inside <= b->cap && b->above <= k && (b->above + b->inside >= k || b->lo == 1);
}

sp_topk_result sp_topk_parts(uint8_t *mask, uint64_t n, uint64_t k, sp_topk_read *read, void *ctx,
                             bool *finite, sp_err *e)
{
    bracket b = {.lo = 1, .hi = INF_BITS, .cap = n / 8};
    *finite = true;
    if (n < BRACKET_FROM || n > UINT32_MAX || k == 0) return SP_TOPK_MISSED;
    b.value = sp_xarray(b.cap, sizeof *b.value);
    b.index = sp_xarray(b.cap, sizeof *b.index);
    int rc = guess(&b, mask, n, k, read, ctx);
    b.above = b.inside = 0;
    if (rc == 0) rc = mark_all(&b, mask, n, read, ctx);
    bool selected = rc == 0 && holds_threshold(&b, k);
    if (selected) settle(&b, mask, k - b.above);
    free(b.value);
    free(b.index);
    *finite = !b.nonfinite;
    if (rc < 0) sp_err_set(e, b.error.code, "%s", b.error.msg);
    return rc < 0 ? SP_TOPK_FAILED : selected ? SP_TOPK_SELECTED : SP_TOPK_MISSED;
}

/* How many of n bytes, each 0 or 1, are 1. */
static size_t count_set(const uint8_t *mask, size_t n)
{
    size_t set = 0;
    for (size_t i = 0; i < n; i++) set += mask[i];
    return set;
}

size_t sp_topk(uint8_t *mask, const float *x, size_t n, size_t k)
{
    sp_err e = {0};
    sp_radix r;
    bool finite;
    if (sp_topk_parts(mask, n, k, in_memory, (void *)x, &finite, &e) == SP_TOPK_SELECTED)
        return count_set(mask, n);
    sp_radix_find(&r, x, n, k);
    return sp_radix_mark(&r, mask, x, n);
}

uint64_t sp_fraction(double rate, uint64_t n)
{
    double k = rate * (double)n;
    return SP_MIN(n, (uint64_t)floor(k + 1e-9 + 1e-14 * k));
}
