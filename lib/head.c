/* head.c - final norm, lm_head and cross-entropy (layer.h). Logits exist only for a block of tokens at a time, and the loss only looks at
 * tokens that have a target. */
#include "layer.h"

#include "fmath.h"
#include "gemm.h"
#include "norm.h"
#include "sample.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_BLOCK 256 /* tokens */

typedef struct {
    const sp_model *m;
    int64_t hidden, vocab;
    float *scratch;      /* widened head, if it needs widening */
    const float *weight; /* (V, H) */
    float *scale;        /* (H) */
    float *x, *h, *dh, *dx, *xhat; /* (HEAD_BLOCK, H): gathered hidden states, normed, and their gradients */
    float *logits;       /* (HEAD_BLOCK, V) */
} head;

static void head_open(head *k, const sp_model *m, int64_t n)
{
    size_t rows = (size_t)SP_MIN(n, HEAD_BLOCK), h = (size_t)m->cfg.hidden, v = (size_t)m->cfg.vocab;
    *k = (head){.m = m, .hidden = m->cfg.hidden, .vocab = m->cfg.vocab};
    if (!m->head->own && m->head->dtype != SP_F32) k->scratch = sp_xfloats(v * h);
    k->weight = sp_weight(m->head, k->scratch);
    k->scale = sp_xfloats(h);
    sp_norm_scale(m, m->norm, k->scale);
    k->x = sp_xfloats(rows * h), k->h = sp_xfloats(rows * h), k->dh = sp_xfloats(rows * h);
    k->dx = sp_xfloats(rows * h), k->xhat = sp_xfloats(rows * h);
    k->logits = sp_xfloats(rows * v);
}

static void head_close(head *k)
{
    float *all[] = {k->scratch, k->scale, k->x, k->h, k->dh, k->dx, k->xhat, k->logits};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

void sp_head_logits(const sp_model *m, const float *x, int64_t n, float *logits)
{
    head k;
    head_open(&k, m, n);
    for (int64_t t = 0; t < n; t += HEAD_BLOCK) {
        int64_t rows = SP_MIN(HEAD_BLOCK, n - t);
        sp_norm_forward(k.h, x + t * k.hidden, k.scale, rows, k.hidden, m->cfg.norm_eps);
        sp_gemm_xwt(logits + t * k.vocab, k.h, k.weight, rows, k.hidden, k.vocab, 0);
    }
    head_close(&k);
}

/* Row of logits to coef * (softmax - onehot); returns -log softmax[target]. */
static double row_loss(float *z, int64_t vocab, int32_t target, float coef, bool gradient)
{
    float max = z[0], sum = 0, at_target = z[target];
#pragma omp simd reduction(max : max)
    for (int64_t i = 0; i < vocab; i++) max = z[i] > max ? z[i] : max;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < vocab; i++) sum += z[i] = sp_expf(z[i] - max);
    if (gradient) {
        float c = coef / sum;
        for (int64_t i = 0; i < vocab; i++) z[i] *= c;
        z[target] -= coef;
    }
    return log((double)sum) + (double)max - (double)at_target;
}

/* Tokens list[0..rows) of the batch: loss into ce, gradients into out. */
static void head_block(head *k, const float *x, const int64_t *list, int64_t rows, const int32_t *target, const float *coef,
                       const sp_head_out *out, double *ce, int32_t *top)
{
    const sp_param *norm = k->m->norm;
    int64_t h = k->hidden;
    bool gradient = out->dx || out->dhead || out->dnorm;
    for (int64_t r = 0; r < rows; r++) memcpy(k->x + r * h, x + list[r] * h, (size_t)h * sizeof *x);
    sp_norm_forward(k->h, k->x, k->scale, rows, h, k->m->cfg.norm_eps);
    sp_gemm_xwt(k->logits, k->h, k->weight, rows, h, k->vocab, 0);
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        if (out->top) top[r] = sp_argmax(k->logits + r * k->vocab, k->vocab);
        ce[r] = row_loss(k->logits + r * k->vocab, k->vocab, target[list[r]], coef ? coef[list[r]] : 1, gradient);
    }
    if (!gradient) return;
    if (out->dhead) sp_gemm_dytx(out->dhead, k->logits, k->h, rows, h, k->vocab, 1);
    if (!out->dx && !out->dnorm) return;
    sp_gemm_dyw(k->dh, k->logits, k->weight, rows, h, k->vocab, 0);
    memset(k->dx, 0, (size_t)(rows * h) * sizeof *k->dx);
    sp_norm_backward(k->dx, k->xhat, k->dh, k->x, k->scale, rows, h, k->m->cfg.norm_eps);
    if (out->dnorm) sp_grad_dense(out->dnorm, 1, norm, k->dh, k->xhat, 0, rows);
    for (int64_t r = 0; out->dx && r < rows; r++) memcpy(out->dx + list[r] * h, k->dx + r * h, (size_t)h * sizeof *x);
}

double sp_head_loss(const sp_model *m, const float *x, int64_t n, const int32_t *target, const float *coef, const sp_head_out *out)
{
    int64_t *list = sp_xarray((size_t)n, sizeof *list), scored = 0;
    int32_t top[HEAD_BLOCK];
    double ce[HEAD_BLOCK], loss = 0;
    for (int64_t t = 0; t < n; t++)
        if (target[t] >= 0) list[scored++] = t;
    if (out->dx) memset(out->dx, 0, (size_t)(n * m->cfg.hidden) * sizeof *out->dx);
    if (out->ce) memset(out->ce, 0, (size_t)n * sizeof *out->ce);
    if (out->top) memset(out->top, 0xff, (size_t)n * sizeof *out->top);
    head k;
    head_open(&k, m, scored);
    for (int64_t t = 0; t < scored; t += HEAD_BLOCK) {
        int64_t rows = SP_MIN(HEAD_BLOCK, scored - t);
        head_block(&k, x, list + t, rows, target, coef, out, ce, top);
        for (int64_t r = 0; r < rows; r++) {
            loss += (coef ? (double)coef[list[t + r]] : 1) * ce[r];
            if (out->ce) out->ce[list[t + r]] = ce[r];
            if (out->top) out->top[list[t + r]] = top[r];
        }
    }
    head_close(&k);
    free(list);
    return loss;
}
