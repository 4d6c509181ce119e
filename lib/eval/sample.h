/* sample.h - the next token out of a row of logits. */
#ifndef SP_SAMPLE_H
#define SP_SAMPLE_H

#include "base/base.h"

typedef struct {
    double temperature; /* 0 = greedy */
    double
        top_p; /* smallest set of likeliest tokens that holds this probability; 1 = all */
    int64_t top_k; /* at most so many tokens; 0 = all */
} sp_sampler;

/* Indices of x[0..n) from the largest down, the lower of equals first, NaN left out. Only
 * as much is sorted as is asked for: opening takes time n, each index log n. */
typedef struct {
    const float *x; /* borrowed */
    int32_t *heap;  /* [n] heap[0] is next */
    int64_t n;      /* left */
} sp_ranking;
void sp_ranking_open(sp_ranking *r, const float *x, int64_t n);
int32_t sp_ranking_next(sp_ranking *r); /* -1 at the end */
void sp_ranking_close(sp_ranking *r);

/* Draw with u in [0, 1): softmax(logits / temperature), cut to top_k, then to top_p,
 * renormalised. Candidates are taken from the likeliest down, so small changes of the
 * logits seldom change the choice. */
int32_t sp_sample(const float *logits, int64_t n, const sp_sampler *s, double u);

#endif
