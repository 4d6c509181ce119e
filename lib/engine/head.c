/* head.c - final norm, lm_head and cross-entropy (layer.h). Logits exist only for a block of tokens
 * at a time, and the loss only looks at tokens that have a target. */
#include "engine/layer.h"

#include "engine/gemm.h"
#include "engine/norm.h"
#include "eval/sample.h"
#include "tensor/fmath.h"

#include <stdlib.h>
#include <string.h>

/* Tokens at a time: 256; where that saves rounding the weights, up to four times as many, as far as
 * 128 MiB of logits go. */
#define HEAD_BLOCK 1024

static int64_t block_of(int64_t vocab)
{
    int64_t few = HEAD_BLOCK / 4, many = sp_gemm_rounds() ? (32 << 20) / vocab : few;
    return SP_MIN(SP_MAX(few, many), HEAD_BLOCK);
}

typedef struct {
    const sp_model *m;
    int64_t hidden, vocab, block;
    sp_mat weight; /* (V, H) */
    float *scale;  /* (H) */
    /* (block, H): gathered hidden states, normed, and their gradients */
    float *x, *h, *dh, *dx, *xhat;
    float *logits; /* (block, V) */
} head;

/* For up to n tokens and the vocabulary from `first` on. */
static void head_open_part(head *k, const sp_model *m, int64_t n, int64_t first, int64_t vocab)
{
    int64_t block = block_of(vocab);
    size_t rows = (size_t)SP_MIN(n, block), h = (size_t)m->cfg.hidden, v = (size_t)vocab;
    *k = (head){.m = m, .hidden = m->cfg.hidden, .vocab = vocab, .block = block};
    k->weight = sp_matrix(m->head);
    k->weight.data =
        (const char *)k->weight.data + (size_t)first * h * sp_dtype_size(k->weight.dtype);
    k->scale = sp_xfloats(h);
    sp_norm_scale(m, m->norm, k->scale);
    k->x = sp_xfloats(rows * h), k->h = sp_xfloats(rows * h), k->dh = sp_xfloats(rows * h);
    k->dx = sp_xfloats(rows * h), k->xhat = sp_xfloats(rows * h);
    k->logits = sp_xfloats(rows * v);
}

uint64_t sp_head_bytes(const sp_model *m, int64_t n)
{
    int64_t h = m->cfg.hidden, v = m->cfg.vocab, rows = SP_MIN(n, block_of(v));
    return sizeof(float) * (uint64_t)(rows * (5 * h + v)) + sp_gemm_bytes(rows, h, v);
}

static void head_open(head *k, const sp_model *m, int64_t n)
{
    head_open_part(k, m, n, 0, m->cfg.vocab);
}

static void head_close(head *k)
{
    float *all[] = {k->scale, k->x, k->h, k->dh, k->dx, k->xhat, k->logits};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

void sp_head_logits(const sp_model *m, const float *x, int64_t n, float *logits)
{
    head k;
    head_open(&k, m, n);
    for (int64_t t = 0; t < n; t += k.block) {
        int64_t rows = SP_MIN(k.block, n - t);
        sp_norm_forward(k.h, x + t * k.hidden, k.scale, rows, k.hidden, m->cfg.norm_eps);
        sp_gemm_xwt(logits + t * k.vocab, k.h, k.weight, rows, k.hidden, k.vocab, 0);
    }
    head_close(&k);
}

/* Logits to unnormalised probabilities in place; returns their log normaliser, *sum the divisor. */
static double exponentiate(float *z, int64_t vocab, float *sum)
{
    float max = z[0], s = 0;
#pragma omp simd reduction(max : max)
    for (int64_t i = 0; i < vocab; i++) max = z[i] > max ? z[i] : max;
#pragma omp simd reduction(+ : s)
    for (int64_t i = 0; i < vocab; i++) s += z[i] = sp_expf(z[i] - max);
    *sum = s;
    return log((double)s) + (double)max;
}

/* Row of logits to coef * (softmax - onehot); returns -log softmax[target]. */
static double hard_loss(float *z, int64_t vocab, int32_t target, float coef, double *log_sum)
{
    float at_target = z[target], sum;
    *log_sum = exponentiate(z, vocab, &sum);
    float c = coef / sum;
    for (int64_t i = 0; i < vocab; i++) z[i] *= c;
    z[target] -= coef;
    return *log_sum - (double)at_target;
}

/* Row of logits to coef * (softmax - softmax(ref)); returns -sum softmax(ref) * log softmax. ref
 * becomes unnormalised probabilities. */
static double soft_loss(float *z, float *ref, int64_t vocab, float coef, double *log_sum)
{
    float ref_sum, sum;
    double dot = 0;
    exponentiate(ref, vocab, &ref_sum);
    for (int64_t i = 0; i < vocab; i++) dot += (double)ref[i] * (double)z[i];
    *log_sum = exponentiate(z, vocab, &sum);
    for (int64_t i = 0; i < vocab; i++) z[i] = coef * (z[i] / sum - ref[i] / ref_sum);
    return *log_sum - dot / (double)ref_sum;
}

/* Logits of tokens list[0..rows), of the vocabulary that k->weight has. */
static void block_logits(head *k, const float *x, const int64_t *list, int64_t rows)
{
    int64_t h = k->hidden;
    for (int64_t r = 0; r < rows; r++) memcpy(k->x + r * h, x + list[r] * h, (size_t)h * sizeof *x);
    sp_norm_forward(k->h, k->x, k->scale, rows, h, k->m->cfg.norm_eps);
    sp_gemm_xwt(k->logits, k->h, k->weight, rows, h, k->vocab, 0);
}

/* What flows back from the gradient of the logits, which stands in k->logits. */
static void block_backward(head *k, const int64_t *list, int64_t rows, const sp_head_io *io)
{
    int64_t h = k->hidden;
    if (io->dhead) sp_gemm_dytx(io->dhead, k->logits, k->h, rows, h, k->vocab, 1);
    if (!io->dx && !io->dnorm) return;
    sp_gemm_dyws(k->dh, rows, h, &(sp_linear){k->logits, k->weight, k->vocab}, 1);
    memset(k->dx, 0, (size_t)(rows * h) * sizeof *k->dx);
    sp_norm_backward(k->dx, k->xhat, k->dh, k->x, k->scale, rows, h, k->m->cfg.norm_eps);
    if (io->dnorm) sp_grad_dense(io->dnorm, 1, k->m->norm, k->dh, k->xhat, 0, rows);
    for (int64_t r = 0; io->dx && r < rows; r++)
        memcpy(io->dx + list[r] * h, k->dx + r * h, (size_t)h * sizeof *io->dx);
}

/* Tokens list[0..rows) of the batch, all hard or all soft. */
static void head_block(head *k, head *ref, const float *x, const int64_t *list, int64_t rows,
                       const int32_t *target, const float *coef, const sp_head_io *io, double *ce,
                       int32_t *top)
{
    int64_t v = k->vocab;
    bool soft = target[list[0]] == SP_SOFT;
    block_logits(k, x, list, rows);
    if (soft) block_logits(ref, io->ref_x, list, rows);
#pragma omp parallel for schedule(static) if (rows * k->vocab > 16384)
    for (int64_t r = 0; r < rows; r++) {
        float *z = k->logits + r * v, c = coef ? coef[list[r]] : 1;
        double log_sum;
        if (io->top) top[r] = sp_argmax(z, v);
        ce[r] = soft ? soft_loss(z, ref->logits + r * v, v, c, &log_sum)
                     : hard_loss(z, v, target[list[r]], c, &log_sum);
        if (io->log_sum) io->log_sum[list[r]] = (float)log_sum;
    }
    block_backward(k, list, rows, io);
}

/* The tokens that have a target; *scored gets their number. */
static int64_t *list_scored(const int32_t *target, int64_t n, int64_t *scored)
{
    int64_t *list = sp_xarray((size_t)n, sizeof *list);
    *scored = 0;
    for (int64_t t = 0; t < n; t++)
        if (target[t] != -1) list[(*scored)++] = t;
    return list;
}

double sp_head_loss(const sp_model *m, const float *x, int64_t n, const int32_t *target,
                    const float *coef, const sp_head_io *io)
{
    int64_t scored, *list = list_scored(target, n, &scored);
    int32_t top[HEAD_BLOCK];
    double ce[HEAD_BLOCK], loss = 0;
    if (io->dx) memset(io->dx, 0, (size_t)(n * m->cfg.hidden) * sizeof *io->dx);
    if (io->ce) memset(io->ce, 0, (size_t)n * sizeof *io->ce);
    if (io->top) memset(io->top, 0xff, (size_t)n * sizeof *io->top);
    head k, ref = {0};
    head_open(&k, m, scored);
    if (io->ref) head_open(&ref, io->ref, scored);
    for (int64_t t = 0, rows; t < scored; t += rows) {
        bool soft = target[list[t]] == SP_SOFT;
        for (rows = 1;
             rows < k.block && t + rows < scored && (target[list[t + rows]] == SP_SOFT) == soft;)
            rows++;
        head_block(&k, &ref, x, list + t, rows, target, coef, io, ce, top);
        for (int64_t r = 0; r < rows; r++) {
            loss += (coef ? (double)coef[list[t + r]] : 1) * ce[r];
            if (io->ce) io->ce[list[t + r]] = ce[r];
            if (io->top) io->top[list[t + r]] = top[r];
        }
    }
    head_close(&k);
    head_close(&ref);
    free(list);
    return loss;
}

/* Row of logits to coef * (softmax - onehot), where the normaliser is known and the vocabulary
 * begins at row `first`. */
static void known_loss(float *z, int64_t first, int64_t vocab, float log_sum, int32_t target,
                       float coef)
{
    for (int64_t i = 0; i < vocab; i++) z[i] = coef * sp_expf(z[i] - log_sum);
    if (target >= first && target < first + vocab) z[target - first] -= coef;
}

void sp_head_rows(const sp_model *m, const float *x, int64_t n, const int32_t *target,
                  const float *coef, const float *log_sum, int64_t row, int64_t rows, float *dhead)
{
    int64_t scored, *list = list_scored(target, n, &scored);
    head k;
    head_open_part(&k, m, scored, row, rows);
    memset(dhead, 0, (size_t)(rows * k.hidden) * sizeof *dhead);
    for (int64_t t = 0; t < scored; t += k.block) {
        int64_t here = SP_MIN(k.block, scored - t);
        block_logits(&k, x, list + t, here);
#pragma omp parallel for schedule(static) if (here * rows > 16384)
        for (int64_t r = 0; r < here; r++) {
            int64_t at = list[t + r];
            known_loss(k.logits + r * rows, row, rows, log_sum[at], target[at], coef[at]);
        }
        block_backward(&k, list + t, here, &(sp_head_io){.dhead = dhead});
    }
    head_close(&k);
    free(list);
}
