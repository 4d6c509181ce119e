/* sample.c - see sample.h.
 *
 * Drawing needs the tokens from the likeliest down, but seldom more than a few of the vocabulary. A
 * binary heap of indices yields them one by one, so that nothing is sorted. heap[0] comes first,
 * and heap[i] never comes after its children heap[2i+1] and heap[2i+2]:
 *
 *     x      1 5 3 9          heap   3 1 2 0        9 | 5 3 | 1
 */
#include "eval/sample.h"

#include "engine/softmax.h"

#include <math.h>
#include <stdlib.h>

/* Does index a of x come before index b? Higher logits come first, then lower indices, so that the
 * order is the same on every machine. x holds no NaN at either. */
static bool before(const float *x, int32_t a, int32_t b)
{
    return x[a] > x[b] || (x[a] == x[b] && a < b);
}

/* Let the entry at `at` sink to where no child comes before it. Both of its subtrees are heaps. */
static void sift(sp_ranking *r, int64_t at)
{
    int32_t *heap = r->heap;
    for (int64_t child; (child = 2 * at + 1) < r->n; at = child) {
        if (child + 1 < r->n && before(r->x, heap[child + 1], heap[child])) child++;
        if (!before(r->x, heap[child], heap[at])) return;
        int32_t t = heap[at];
        heap[at] = heap[child];
        heap[child] = t;
    }
}

void sp_ranking_open(sp_ranking *r, const float *x, int64_t n)
{
    *r = (sp_ranking){.x = x, .heap = sp_xarray((size_t)n, sizeof *r->heap)};
    for (int64_t i = 0; i < n; i++)
        if (!isnan(x[i])) r->heap[r->n++] = (int32_t)i;
    /* from the last parent up: leaves are heaps as they are, which makes this linear in n */
    for (int64_t i = r->n / 2; i-- > 0;) sift(r, i);
}

int32_t sp_ranking_next(sp_ranking *r)
{
    if (!r->n) return -1;
    int32_t top = r->heap[0];
    r->heap[0] = r->heap[--r->n];
    sift(r, 0);
    return top;
}

void sp_ranking_close(sp_ranking *r) { free(r->heap); }

/* The likeliest tokens taken so far, best first, and their weights summed up: cum[i] is the sum of
 * e^((logit - max) / T) over ids[0..i]. */
typedef struct {
    int32_t *ids;
    double *cum;
    int64_t n;
} candidates;

/* Smallest k with cum[k-1] >= goal, at most n: how many candidates top-p keeps. cum (n) ascends, n
 * >= 1. */
static int64_t prefix_reaching(const double *cum, int64_t n, double goal)
{
    int64_t k = 1;
    while (k < n && cum[k - 1] < goal) k++;
    return k;
}

/* Take candidates from the ranking until there are `limit`, or their sum reaches `goal`; at least
 * one if limit allows. `max` is the largest logit. c has room for `limit`, and the ranking holds as
 * many. */
static void take(candidates *c, sp_ranking *r, double max, double temperature, int64_t limit,
                 double goal)
{
    double sum = 0;
    while (c->n < limit && (c->n == 0 || sum < goal)) {
        c->ids[c->n] = sp_ranking_next(r);
        sum += exp(((double)r->x[c->ids[c->n]] - max) / temperature);
        c->cum[c->n++] = sum;
    }
}

/* Tokens are taken only as far as the draw needs: with top_k so many, with top_p to the end of the
 * set, else to the token drawn. Example: weights 8 4 2 2, u = 0.6.
 *
 *     no cut      taken 8 4      target 0.6 * 16 = 9.6 lies in the second
 *     top_p 0.5   taken 8        target 0.6 * 8 = 4.8 lies in the first */
int32_t sp_sample(const float *logits, int64_t n, const sp_sampler *s, double u)
{
    if (s->temperature <= 0) return sp_argmax(logits, n);
    sp_ranking r;
    sp_ranking_open(&r, logits, n);
    candidates c = {sp_xarray((size_t)n, sizeof *c.ids), sp_xarray((size_t)n, sizeof *c.cum), 0};
    /* The ranking is whole until take() begins, so its heap lists every candidate. max is taken off
     * the logits, since exp would overflow otherwise. */
    double total = 0, max = r.n ? (double)logits[r.heap[0]] : 0;
    for (int64_t i = 0; i < r.n; i++)
        total += exp(((double)logits[r.heap[i]] - max) / s->temperature);
    bool cut = s->top_k || s->top_p < 1;
    int64_t limit = s->top_k ? SP_MIN(s->top_k, r.n) : r.n;
    double goal = s->top_k ? INFINITY : (cut ? s->top_p : u) * total;
    take(&c, &r, max, s->temperature, limit, goal);
    if (s->top_k && c.n) c.n = prefix_reaching(c.cum, c.n, s->top_p * c.cum[c.n - 1]);
    double target = u * (cut && c.n ? c.cum[c.n - 1] : total);
    int64_t i = 0;
    /* the last candidate takes what rounding leaves */
    while (i + 1 < c.n && c.cum[i] <= target) i++;
    int32_t id = c.n ? c.ids[i] : 0;
    sp_ranking_close(&r);
    free(c.ids);
    free(c.cum);
    return id;
}
