/* select.c - see select.h.
 *
 * Large arrays are passed once: a sample brackets the threshold, what lies above the bracket is marked, what lies inside it (a few in a
 * thousand) is collected, and the exact threshold found among that by radix selection. The sample, a sixteenth at most, is treated the same way with
 * a sample of its own. Small arrays, and those whose bracket misses, go through radix selection as a whole.
 */
#include "select.h"

#include <math.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PARALLEL_FROM 32768  /* elements below which threads cost more than they bring */
#define BLOCK 4096           /* elements marked at a time */
#define BRACKET_FROM 1000000 /* elements below which three passes more are cheap */
#define STRETCHES 256        /* of the sample, evenly spread */
#define STRETCH 1024         /* their length, less where they would be more than a sixteenth */
#define FIRST 16             /* what the sample's own sample has of each */
#define INF_BITS 0x7f800000u
#define SIGN_BIT 0x80000000u

static inline uint32_t f32_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* ---- radix selection ---------------------------------------------------------------------------------------------- */

/* Positive floats order like their bit patterns, so three rounds of counting digits (11, 11, 9 bits below the sign) find the pattern
 * of the k-th largest. */
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
        for (size_t i = 0; i < n; i++) { /* no branches: the signs and digits of scores cannot be predicted */
            uint32_t u = f32_bits(x[i]);
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
        uint32_t u = f32_bits(x[i]);
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
        if (f32_bits(x[i]) == s->prefix) {
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
            if (t[i].ties && s->left && s->prefix) set += mark_ties(s, mask + from, x + from, SP_MIN(n - from, (size_t)BLOCK));
        }
    }
    return set;
}

/* Selection of k among x[0..n) up to its marks: s->prefix is the bit pattern of the k-th largest, 0 where fewer are above zero. */
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

/* ---- one pass with a bracket -------------------------------------------------------------------------------------- */

enum { ABOVE = 1, INSIDE = 2 }; /* in the mask, while it is being made */

typedef struct {
    uint32_t lo, hi;          /* the bracket, both ends inside: bit patterns of positive numbers */
    float *value;             /* what lies inside, and its index, in no order */
    uint64_t *index;
    uint64_t cap;
    atomic_ullong inside, above;
    atomic_bool nonfinite;    /* NaN or infinity was seen */
    sp_err error;
} bracket;

/* Mark n <= BLOCK elements; set counts those above the bracket, ties those inside. */
static tally mark_bracket(bracket *b, uint8_t *mask, const float *x, size_t n)
{
    uint32_t lo = b->lo, to_hi = b->hi - lo, to_inf = INF_BITS - lo, sum = 0, inside = 0, most = 0;
#pragma omp simd reduction(+ : sum, inside) reduction(max : most)
    for (size_t i = 0; i < n; i++) {
        uint32_t u = f32_bits(x[i]), up = u - lo; /* below lo, negative, NaN: beyond infinity */
        uint32_t in = up <= to_hi, mark = (up <= to_inf) + in, size = u & ~SIGN_BIT;
        mask[i] = (uint8_t)mark;
        sum += mark;
        inside += in;
        most = SP_MAX(most, size);
    }
    if (most >= INF_BITS) b->nonfinite = true;
    return (tally){sum - INSIDE * inside, inside};
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

/* Collect those of n elements that are marked INSIDE; index is that of the first. What has no room only counts. */
static void collect(bracket *b, const uint8_t *mask, const float *x, size_t n, uint64_t index, uint64_t inside)
{
    uint64_t to = atomic_fetch_add(&b->inside, inside), *at = b->index + to;
    float *value = b->value + to;
    size_t i = 0;
    if (to + inside > b->cap) return;
    for (; i + 64 <= n; i += 64)
        for (size_t j = any_inside(mask + i) ? i : i + 64; j < i + 64; j += 8) /* most have none */
            for (uint64_t marks = eight_marks(mask + j); marks; marks &= marks - 1) {
                size_t one = j + (size_t)__builtin_ctzll(marks) / 8;
                *value++ = x[one];
                *at++ = index + one;
            }
    for (; i < n; i++)
        if (mask[i] == INSIDE) *value++ = x[i], *at++ = index + i;
}

static void mark_part(bracket *b, uint8_t *mask, const float *x, size_t n, uint64_t index)
{
    uint64_t above = 0, inside = 0;
    for (size_t at = 0; at < n; at += BLOCK) {
        tally t = mark_bracket(b, mask + at, x + at, SP_MIN(n - at, (size_t)BLOCK));
        above += t.set;
        inside += t.ties;
    }
    b->above += above;
    if (inside) collect(b, mask, x, n, index, inside);
}

static int mark_parts(bracket *b, uint8_t *mask, uint64_t n, sp_part_fn *part, void *ctx)
{
#pragma omp parallel for schedule(dynamic, 1)
    for (uint64_t at = 0; at < n; at += SP_PART) {
        const float *x = NULL;
        sp_err own = {0};
        size_t here = SP_MIN(n - at, (uint64_t)SP_PART);
        if (part(ctx, at, here, omp_get_thread_num(), &x, &own) == 0) mark_part(b, mask + at, x, here, at);
        else
#pragma omp critical(sp_mark_parts)
            sp_err_set(&b->error, own.code, "%s", own.msg);
    }
    return b->error.code ? -1 : 0;
}

/* ---- where the bracket lies --------------------------------------------------------------------------------------- */

static int in_memory(void *ctx, uint64_t at, size_t n, int thread, const float **x, sp_err *e)
{
    (void)n, (void)thread, (void)e;
    *x = (const float *)ctx + at;
    return 0;
}

/* (STRETCHES, len) of the n numbers. */
static int read_sample(float *sample, size_t len, uint64_t n, sp_part_fn *part, void *ctx, sp_err *e)
{
#pragma omp parallel for schedule(static)
    for (size_t j = 0; j < STRETCHES; j++) {
        const float *x = NULL;
        sp_err own = {0};
        if (part(ctx, (n - len) / (STRETCHES - 1) * j, len, omp_get_thread_num(), &x, &own) == 0) memcpy(sample + j * len, x, len * sizeof *x);
        else
#pragma omp critical(sp_sample)
            sp_err_set(e, own.code, "%s", own.msg);
    }
    return e->code ? -1 : 0;
}

/* How far the number of elements above `threshold` in samples like this one strays, in elements: neighbours resemble each other, so what counts is
 * how much the stretches differ. */
static double deviation(const float *sample, size_t len, uint32_t threshold)
{
    double sum = 0, squares = 0; /* of whole numbers: exact in any order */
#pragma omp parallel for schedule(static) reduction(+ : sum, squares) if (STRETCHES * len >= PARALLEL_FROM)
    for (size_t j = 0; j < STRETCHES; j++) {
        uint32_t above = 0;
        for (size_t i = 0; i < len; i++) {
            uint32_t u = f32_bits(sample[j * len + i]);
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
    find_threshold(&s, b->value, b->inside, (uint64_t)k);
    return s.prefix;
}

/* Narrow the bracket to where a sample says that the largest `share` of all begin, four standard deviations to both sides. */
static void narrow(bracket *b, uint8_t *mask, float *sample, size_t len, double share)
{
    double n = STRETCHES * (double)len, rank = share * n;
    b->above = b->inside = 0;
    mark_parts(b, mask, STRETCHES * len, in_memory, sample);
    double slack = 8 + 4 * SP_MAX(sqrt(rank * (1 - share)), deviation(sample, len, ranked(b, rank)));
    uint32_t lo = ranked(b, rank + slack), hi = ranked(b, rank - slack);
    b->lo = lo;
    b->hi = hi;
}

/* The mask is room to work in. */
static int guess(bracket *b, uint8_t *mask, uint64_t n, uint64_t k, sp_part_fn *part, void *ctx)
{
    size_t len = SP_MIN(n / 16 / STRETCHES, (uint64_t)STRETCH);
    float *sample = sp_xfloats(STRETCHES * (len + FIRST)), *first = sample + STRETCHES * len;
    double share = (double)SP_MIN(k, n) / (double)n;
    int rc = read_sample(sample, len, n, part, ctx, &b->error);
    for (size_t j = 0; rc == 0 && j < STRETCHES; j++) memcpy(first + j * FIRST, sample + j * len, FIRST * sizeof *first);
    if (rc == 0) narrow(b, mask, first, FIRST, share), narrow(b, mask, sample, len, share);
    free(sample);
    return rc;
}

/* ---- one pass ----------------------------------------------------------------------------------------------------- */

static int by_index(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The `left` largest of what lies inside the bracket; the indices of ties are sorted, to take the lowest. */
static void settle(bracket *b, uint8_t *mask, uint64_t left)
{
    sp_select s;
    size_t inside = b->inside, ties = 0;
    find_threshold(&s, b->value, inside, left);
#pragma omp parallel for schedule(static) if (inside >= PARALLEL_FROM)
    for (size_t i = 0; i < inside; i++) mask[b->index[i]] = f32_bits(b->value[i]) > s.prefix;
    for (size_t i = 0; i < inside; i++)
        if (f32_bits(b->value[i]) == s.prefix) b->index[ties++] = b->index[i];
    qsort(b->index, ties, sizeof *b->index, by_index);
    for (size_t i = 0; i < SP_MIN(ties, s.left); i++) mask[b->index[i]] = ABOVE;
}

/* Does the bracket hold the threshold, and had what lies in it room? Where it reaches down to zero there may be fewer than k. */
static bool hit(const bracket *b, uint64_t k)
{
    return b->inside <= b->cap && b->above <= k && (b->above + b->inside >= k || b->lo == 1);
}

int sp_top_k_parts(uint8_t *mask, uint64_t n, uint64_t k, sp_part_fn *part, void *ctx, bool *finite, sp_err *e)
{
    bracket b = {.lo = 1, .hi = INF_BITS, .cap = n / 8};
    *finite = true;
    if (n < BRACKET_FROM || k == 0) return 0;
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
    return sp_top_k_parts(mask, n, k, in_memory, (void *)x, &finite, &e) == 1 ? count_set(mask, n) : radix_top_k(mask, x, n, k);
}
