/* sample.c - see sample.h. A heap yields the tokens from the likeliest down; few are needed, so nothing is sorted. */
#include "sample.h"

#include <math.h>
#include <stdlib.h>

int32_t sp_argmax(const float *logits, int64_t n)
{
    int64_t best = 0;
    float max = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        if (logits[i] > max) max = logits[i], best = i;
    return (int32_t)best;
}

/* Order of candidates: higher logit first, then lower index. */
static bool before(const float *x, int32_t a, int32_t b) { return x[a] > x[b] || (x[a] == x[b] && a < b); }

static void sift(int32_t *heap, int64_t n, int64_t at, const float *x)
{
    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(x, heap[child + 1], heap[child])) child++;
        if (!before(x, heap[child], heap[at])) return;
        int32_t t = heap[at];
        heap[at] = heap[child], heap[child] = t;
    }
}

static int32_t pop(int32_t *heap, int64_t *n, const float *x)
{
    int32_t top = heap[0];
    heap[0] = heap[--*n];
    sift(heap, *n, 0, x);
    return top;
}

static int32_t *make_heap(const float *x, int64_t n, int64_t *count)
{
    int32_t *heap = sp_xarray((size_t)n, sizeof *heap);
    *count = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(x[i])) heap[(*count)++] = (int32_t)i;
    for (int64_t i = *count / 2; i-- > 0;) sift(heap, *count, i, x);
    return heap;
}

/* Smallest k with cum[k-1] >= goal, at most n. */
static int64_t prefix_reaching(const double *cum, int64_t n, double goal)
{
    int64_t k = 1;
    while (k < n && cum[k - 1] < goal) k++;
    return k;
}

/* Tokens are popped only as far as the draw needs: to the end of the set when its mass is asked for, else to the token
 * drawn. */
int32_t sp_sample(const float *logits, int64_t n, const sp_sampler *s, double u)
{
    if (s->temperature <= 0) return sp_argmax(logits, n);
    int64_t left, k = 0;
    int32_t *heap = make_heap(logits, n, &left), *order = sp_xarray((size_t)n, sizeof *order);
    double *cum = sp_xarray((size_t)n, sizeof *cum), total = 0, sum = 0, max = left ? (double)logits[heap[0]] : 0;
    for (int64_t i = 0; i < left; i++) total += exp(((double)logits[heap[i]] - max) / s->temperature);
    bool cut = s->top_k || s->top_p < 1;
    int64_t limit = s->top_k ? SP_MIN(s->top_k, left) : left;
    double goal = s->top_k ? INFINITY : (cut ? s->top_p : u) * total;
    while (k < limit && (k == 0 || sum < goal)) {
        order[k] = pop(heap, &left, logits);
        sum += exp(((double)logits[order[k]] - max) / s->temperature);
        cum[k++] = sum;
    }
    if (s->top_k && k) k = prefix_reaching(cum, k, s->top_p * sum);
    double target = u * (cut && k ? cum[k - 1] : total);
    int64_t i = 0;
    while (i + 1 < k && cum[i] <= target) i++;
    int32_t id = k ? order[i] : 0;
    free(heap), free(order), free(cum);
    return id;
}
