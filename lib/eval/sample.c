/* sample.c - see sample.h. A heap yields the tokens from the likeliest down; few are needed, so
 * nothing is sorted. */
#include "eval/sample.h"

#include "engine/softmax.h"

#include <math.h>
#include <stdlib.h>

/* Order of candidates: higher logit first, then lower index. */
static bool before(const float *x, int32_t a, int32_t b)
{
    return x[a] > x[b] || (x[a] == x[b] && a < b);
}

static void sift(sp_ranking *r, int64_t at)
{
    int32_t *heap = r->heap;
    for (int64_t child; (child = 2 * at + 1) < r->n; at = child) {
        if (child + 1 < r->n && before(r->x, heap[child + 1], heap[child])) child++;
        if (!before(r->x, heap[child], heap[at])) return;
        int32_t t = heap[at];
        heap[at] = heap[child], heap[child] = t;
    }
}

void sp_ranking_open(sp_ranking *r, const float *x, int64_t n)
{
    *r = (sp_ranking){.x = x, .heap = sp_xarray((size_t)n, sizeof *r->heap)};
    for (int64_t i = 0; i < n; i++)
        if (!isnan(x[i])) r->heap[r->n++] = (int32_t)i;
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

/* Smallest k with cum[k-1] >= goal, at most n. */
static int64_t prefix_reaching(const double *cum, int64_t n, double goal)
{
    int64_t k = 1;
    while (k < n && cum[k - 1] < goal) k++;
    return k;
}

/* Tokens are popped only as far as the draw needs: to the end of the set when its mass is asked
 * for, else to the token drawn. */
int32_t sp_sample(const float *logits, int64_t n, const sp_sampler *s, double u)
{
    if (s->temperature <= 0) return sp_argmax(logits, n);
    sp_ranking r;
    int64_t k = 0;
    sp_ranking_open(&r, logits, n);
    int32_t *order = sp_xarray((size_t)n, sizeof *order);
    double *cum = sp_xarray((size_t)n, sizeof *cum), total = 0, sum = 0,
           max = r.n ? (double)logits[r.heap[0]] : 0;
    for (int64_t i = 0; i < r.n; i++)
        total += exp(((double)logits[r.heap[i]] - max) / s->temperature);
    bool cut = s->top_k || s->top_p < 1;
    int64_t limit = s->top_k ? SP_MIN(s->top_k, r.n) : r.n;
    double goal = s->top_k ? INFINITY : (cut ? s->top_p : u) * total;
    while (k < limit && (k == 0 || sum < goal)) {
        order[k] = sp_ranking_next(&r);
        sum += exp(((double)logits[order[k]] - max) / s->temperature);
        cum[k++] = sum;
    }
    if (s->top_k && k) k = prefix_reaching(cum, k, s->top_p * sum);
    double target = u * (cut && k ? cum[k - 1] : total);
    int64_t i = 0;
    while (i + 1 < k && cum[i] <= target) i++;
    int32_t id = k ? order[i] : 0;
    sp_ranking_close(&r);
    free(order), free(cum);
    return id;
}
