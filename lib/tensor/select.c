/* select.c - see select.h.
 *
 * Large arrays are passed once: a sample brackets the threshold, what lies above the bracket is
 * marked, what lies inside it (a few in a thousand) is collected and counted by small steps, and
 * the exact threshold found in one step by radix selection. The sample, a sixteenth at most, is
 * treated the same way with a sample of its own. Small arrays, and those whose bracket misses, go
 * through radix selection as a whole.
 */
#include "tensor/select.h"

#include "tensor/fmath.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PARALLEL_FROM 32768   /* elements below which threads cost more than they bring */
#define BLOCK         4096    /* elements marked at a time */
#define BRACKET_FROM  1000000 /* elements below which three passes more are cheap */
#define STRETCHES     256     /* of the sample, evenly spread */
#define STRETCH       1024    /* their length, less where they would be more than a sixteenth */
#define FIRST         16      /* what the sample's own sample has of each */
#define STEPS         8192    /* of a bracket */
#define INF_BITS      0x7f800000u
#define SIGN_BIT      0x80000000u

/* ---- radix selection ------------------------------------------------------------------ */

/* Positive floats order like their bit patterns, so three rounds of counting digits (11, 11, 9 bits
 * below the sign) find the pattern of the k-th largest. */
static const int digit_bits[3] = {11, 11, 9}, digit_shift[3] = {20, 9, 0};

void sp_select_start(sp_select *s, uint64_t k) { *s = (sp_select){.left = k}; }

/* Positive, infinity included, NaN not. */
static inline bool selectable(uint32_t bits) { return bits - 1 < INF_BITS; }

void sp_select_count(sp_select *s, const float *x, size_t n)
{
    int shift = digit_shift[s->round], above = shift + digit_bits[s->round];
    uint32_t low = (1u << digit_bits[s->round]) - 1;
#pragma omp parallel if (n >= PARALLEL_FROM)
    {
        uint64_t count[2048] = {0};
#pragma omp for schedule(static) nowait
        /* no branches: the signs and digits of scores cannot be predicted */
        for (size_t i = 0; i < n; i++) {
            uint32_t u = sp_f32_bits(x[i]);
            count[u >> shift & low] += selectable(u) & ((u >> above) == s->prefix);
        }
#pragma omp critical(sp_select)
        for (uint32_t d = 0; d <= low; d++) s->count[d] += count[d];
    }
}

bool sp_select_next(sp_select *s)
{
    int digit = (1 << digit_bits[s->round]) - 1;
    while (digit > 0 && s->count[digit] < s->left) s->left -= s->count[digit--];
    s->prefix = s->prefix << digit_bits[s->round] | (uint32_t)digit;
    memset(s->count, 0, sizeof s->count);
    return ++s->round < 3;
}

/* What a block holds of entries above the threshold, and at it. */
typedef struct {
    uint32_t set, ties;
} tally;

static tally mark_above(const sp_select *s, uint8_t *mask, const float *x, size_t n)
{
    uint32_t t = s->prefix, set = 0, ties = 0;
#pragma omp simd reduction(+ : set, ties)
    for (size_t i = 0; i < n; i++) {
        uint32_t u = sp_f32_bits(x[i]);
        mask[i] = (u > t) & selectable(u);
        set += mask[i];
        ties += u == t;
    }
    return (tally){set, ties};
}

/* Entries at the threshold are taken in their order, until none is wanted. */
static size_t mark_ties(sp_select *s, uint8_t *mask, const float *x, size_t n)
{
    uint64_t before = s->left;
    for (size_t i = 0; s->left && i < n; i++)
        if (sp_f32_bits(x[i]) == s->prefix) {
            mask[i] = 1;
            s->left--;
        }
    return (size_t)(before - s->left);
}

size_t sp_select_mark(sp_select *s, uint8_t *mask, const float *x, size_t n)
{
    size_t set = 0;
    for (size_t at = 0; at < n; at += (size_t)BLOCK * 256) {
        tally t[256];
        size_t here = SP_MIN(n - at, (size_t)BLOCK * 256), blocks = (here + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static) if (here >= PARALLEL_FROM)
        for (size_t i = 0; i < blocks; i++) {
            size_t from = at + i * BLOCK;
            t[i] = mark_above(s, mask + from, x + from, SP_MIN(n - from, (size_t)BLOCK));
        }
        for (size_t i = 0; i < blocks; i++) {
            size_t from = at + i * BLOCK;
            set += t[i].set;
            if (t[i].ties && s->left && s->prefix)
                set += mark_ties(s, mask + from, x + from, SP_MIN(n - from, (size_t)BLOCK));
        }
    }
    return set;
}

/* Selection of k among x[0..n) up to its marks: s->prefix is the bit pattern of the k-th largest, 0
 * where fewer are above zero. */
static void find_threshold(sp_select *s, const float *x, size_t n, uint64_t k)
{
    sp_select_start(s, k);
    do sp_select_count(s, x, n);
    while (sp_select_next(s));
}

static size_t radix_top_k(uint8_t *mask, const float *x, size_t n, size_t k)
{
    sp_select s;
    find_threshold(&s, x, n, k);
    return sp_select_mark(&s, mask, x, n);
}

/* ---- one pass with a bracket ---------------------------------------------------------- */

enum { ABOVE = 1, INSIDE = 2 }; /* in the mask, while it is being made */

typedef struct {
    uint32_t lo, hi; /* the bracket, both ends inside: bit patterns of positive numbers */
    float *value;    /* what lies inside, and its index, in no order */
    uint32_t *index;
    uint64_t cap;
    atomic_ullong inside, above;
    atomic_bool nonfinite; /* NaN or infinity was seen */
    sp_err error;
} bracket;

/* Mark n <= BLOCK elements; the sum of the marks. */
static uint32_t mark_bracket(bracket *b, uint8_t *mask, const float *x, size_t n)
{
    uint32_t lo = b->lo, to_hi = b->hi - lo, to_inf = INF_BITS - lo, sum = 0, most = 0;
#pragma omp simd reduction(+ : sum) reduction(max : most)
    for (size_t i = 0; i < n; i++) {
        uint32_t u = sp_f32_bits(x[i]), up = u - lo; /* below lo, negative, NaN: beyond infinity */
        uint32_t mark = (up <= to_inf) + (up <= to_hi), size = u & ~SIGN_BIT;
        mask[i] = (uint8_t)mark;
        sum += mark;
        most = SP_MAX(most, size);
    }
    if (most >= INF_BITS) b->nonfinite = true;
    return sum;
}

static inline uint64_t eight_marks(const uint8_t *mask)
{
    uint64_t eight;
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

/* Which of 64 marks are INSIDE, the first in the lowest bit: a product brings the bits of eight
 * bytes together in the topmost. */
static inline uint64_t which_inside(const uint8_t *mask)
{
    uint64_t which = 0;
    for (int i = 0; i < 64; i += 8)
        which |= (eight_marks(mask + i) / INSIDE * 0x0102040810204080 >> 56) << i;
    return which;
}

/* What has been found inside in a part, before it is put with what others have; handed over when it
 * exceeds a block, and at the end. */
typedef struct {
    float value[2 * BLOCK];
    uint32_t index[2 * BLOCK];
    size_t n;
} finds;

/* What has no room only counts. */
static void hand_over(bracket *b, finds *f)
{
    uint64_t to = atomic_fetch_add(&b->inside, f->n);
    if (to + f->n <= b->cap) {
        memcpy(b->value + to, f->value, f->n * sizeof *f->value);
        memcpy(b->index + to, f->index, f->n * sizeof *f->index);
    }
    f->n = 0;
}

/* Collect those of n <= BLOCK elements that are marked INSIDE; index is that of the first. Returns
 * how many. */
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

static void mark_part(bracket *b, uint8_t *mask, const float *x, size_t n, uint64_t index)
{
    uint64_t above = 0;
    finds f;
    f.n = 0;
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t here = SP_MIN(n - at, (size_t)BLOCK);
        uint32_t sum = mark_bracket(b, mask + at, x + at, here);
        if (f.n > BLOCK) hand_over(b, &f);
        above += sum - INSIDE * collect(&f, mask + at, x + at, here, index + at);
    }
    hand_over(b, &f);
    b->above += above;
}

static int mark_parts(bracket *b, uint8_t *mask, uint64_t n, sp_part_fn *part, void *ctx)
{
#pragma omp parallel if (n > SP_PART)
    {
        /* kept: pages mapped anew for each tensor would cost a tenth of the time */
        static _Thread_local float *room;
        if (!room) room = sp_xfloats(SP_PART);
#pragma omp for schedule(dynamic, 1)
        for (uint64_t at = 0; at < n; at += SP_PART) {
            sp_err own = {0};
            size_t here = SP_MIN(n - at, (uint64_t)SP_PART);
            const float *x = part(ctx, at, here, room, &own);
            if (x) mark_part(b, mask + at, x, here, at);
            else
#pragma omp critical(sp_mark_parts)
                sp_err_set(&b->error, own.code, "%s", own.msg);
        }
    }
    return b->error.code ? -1 : 0;
}

/* ---- the k-th largest inside ---------------------------------------------------------- */

/* s->prefix becomes the bit pattern of the k-th largest inside, 0 if there are fewer; s->left, how
 * many of those equal to it are among the k. Counted by equal steps of the bracket: radix selection
 * has to do with those of one step only. */
static void find_inside(sp_select *s, const bracket *b, uint64_t k)
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
    find_threshold(s, value, n, k);
    free(value);
}

/* ---- where the bracket lies ----------------------------------------------------------- */

static const float *in_memory(void *ctx, uint64_t at, size_t n, float *room, sp_err *e)
{
    (void)n, (void)room, (void)e;
    return (const float *)ctx + at;
}

/* (STRETCHES, len) of the n numbers. */
static int read_sample(float *sample, size_t len, uint64_t n, sp_part_fn *part, void *ctx,
                       sp_err *e)
{
#pragma omp parallel for schedule(static)
    for (size_t j = 0; j < STRETCHES; j++) {
        sp_err own = {0};
        float *to = sample + j * len;
        const float *x = part(ctx, (n - len) / (STRETCHES - 1) * j, len, to, &own);
        if (x && x != to) memcpy(to, x, len * sizeof *x);
        if (!x)
#pragma omp critical(sp_sample)
            sp_err_set(e, own.code, "%s", own.msg);
    }
    return e->code ? -1 : 0;
}

/* How far the number of elements above `threshold` in samples like this one strays, in elements:
 * neighbours resemble each other, so what counts is how much the stretches differ. */
static double deviation(const float *sample, size_t len, uint32_t threshold)
{
    double sum = 0, squares = 0; /* of whole numbers: exact in any order */
#pragma omp parallel for schedule(static) reduction(+ : sum, squares) if (STRETCHES * len >= PARALLEL_FROM)
    for (size_t j = 0; j < STRETCHES; j++) {
        uint32_t above = 0;
        for (size_t i = 0; i < len; i++) {
            uint32_t u = sp_f32_bits(sample[j * len + i]);
            above += (u > threshold) & selectable(u);
        }
        sum += above;
        squares += (double)above * above;
    }
    return sqrt(SP_MAX(squares - sum * sum / STRETCHES, 0));
}

/* The rank-th largest of what was marked; the ends of the bracket stand for what lies outside. */
static uint32_t ranked(const bracket *b, double rank)
{
    sp_select s;
    double k = rank - (double)b->above;
    if (k < 1) return b->hi;
    if (k > (double)b->inside) return b->lo;
    find_inside(&s, b, (uint64_t)k);
    return s.prefix;
}

/* Narrow the bracket to where a sample says that the largest `share` of all begin, three and a half
 * standard deviations to both sides: one bracket in two thousand misses where the numbers do not
 * depend on their place, one in fifty where a few stretches hold a third of the largest. */
static void narrow(bracket *b, uint8_t *mask, float *sample, size_t len, double share)
{
    double n = STRETCHES * (double)len, rank = share * n;
    b->above = b->inside = 0;
    mark_parts(b, mask, STRETCHES * len, in_memory, sample);
    double alike = sqrt(rank * (1 - share)), strays = deviation(sample, len, ranked(b, rank)),
           slack = 8 + 3.5 * SP_MAX(alike, strays);
    uint32_t lo = ranked(b, rank + slack), hi = ranked(b, rank - slack);
    b->lo = lo;
    b->hi = hi;
}

/* The mask is room to work in: its first half for marks, the second for the sample. */
static int guess(bracket *b, uint8_t *mask, uint64_t n, uint64_t k, sp_part_fn *part, void *ctx)
{
    size_t len = SP_MIN(n / 16 / STRETCHES, (uint64_t)STRETCH);
    float *sample = (float *)(((uintptr_t)mask + n / 2 + 63) / 64 * 64),
          *first = sample + STRETCHES * len;
    double share = (double)SP_MIN(k, n) / (double)n;
    int rc = read_sample(sample, len, n, part, ctx, &b->error);
    for (size_t j = 0; rc == 0 && j < STRETCHES; j++)
        memcpy(first + j * FIRST, sample + j * len, FIRST * sizeof *first);
    if (rc == 0) narrow(b, mask, first, FIRST, share), narrow(b, mask, sample, len, share);
    return rc;
}

/* ---- one pass ------------------------------------------------------------------------- */

static int by_index(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The `left` largest of what lies inside the bracket; the indices of ties are sorted, to take the
 * lowest. */
static void settle(bracket *b, uint8_t *mask, uint64_t left)
{
    sp_select s;
    size_t inside = b->inside, ties = 0;
    find_inside(&s, b, left);
#pragma omp parallel for schedule(static) if (inside >= PARALLEL_FROM)
    for (size_t i = 0; i < inside; i++) mask[b->index[i]] = sp_f32_bits(b->value[i]) > s.prefix;
    for (size_t i = 0; i < inside; i++)
        if (sp_f32_bits(b->value[i]) == s.prefix) b->index[ties++] = b->index[i];
    qsort(b->index, ties, sizeof *b->index, by_index);
    for (size_t i = 0; i < SP_MIN(ties, s.left); i++) mask[b->index[i]] = ABOVE;
}

/* Does the bracket hold the threshold, and had what lies in it room? Where it reaches down to zero
 * there may be fewer than k. */
static bool hit(const bracket *b, uint64_t k)
{
    return b->inside <= b->cap && b->above <= k && (b->above + b->inside >= k || b->lo == 1);
}

int sp_top_k_parts(uint8_t *mask, uint64_t n, uint64_t k, sp_part_fn *part, void *ctx, bool *finite,
                   sp_err *e)
{
    bracket b = {.lo = 1, .hi = INF_BITS, .cap = n / 8};
    *finite = true;
    if (n < BRACKET_FROM || n > UINT32_MAX || k == 0) return 0;
    b.value = sp_xarray(b.cap, sizeof *b.value);
    b.index = sp_xarray(b.cap, sizeof *b.index);
    int rc = guess(&b, mask, n, k, part, ctx);
    b.above = b.inside = 0;
    if (rc == 0) rc = mark_parts(&b, mask, n, part, ctx);
    bool ok = rc == 0 && hit(&b, k);
    if (ok) settle(&b, mask, k - b.above);
    free(b.value);
    free(b.index);
    *finite = !b.nonfinite;
    return rc < 0 ? sp_fail(e, b.error.code, "%s", b.error.msg) : ok;
}

static size_t count_set(const uint8_t *mask, size_t n)
{
    size_t set = 0;
    for (size_t i = 0; i < n; i++) set += mask[i];
    return set;
}

size_t sp_top_k(uint8_t *mask, const float *x, size_t n, size_t k)
{
    sp_err e = {0};
    bool finite;
    return sp_top_k_parts(mask, n, k, in_memory, (void *)x, &finite, &e) == 1
               ? count_set(mask, n)
               : radix_top_k(mask, x, n, k);
}
