/* head.c - see head.h.
 *
 * The loss looks at tokens that have a target alone. They are listed, and worked on a block at a
 * time:
 *
 *     gather   rows of x that are listed       (rows, hidden)
 *     norm     h = norm(x)                     (rows, hidden)
 *     logits   z = h W^T                       (rows, vocab)
 *     loss     of each row; z becomes coef * (p - wanted p), the gradient of the logits, in place
 *     back     dhead += z^T h,  dh = z W,  dx and dnorm through the norm;  dx is scattered
 *
 * A block is all hard or all soft targets: for soft ones the reference's logits are made beside the
 * model's. With - for no target, S for soft and vocabulary entries 7, 9, 4:
 *
 *     token     0   1   2   3   4   5
 *     target    -   7   9   S   S   4          list = 1 2 3 4 5,  blocks: 1 2 | 3 4 | 5
 *
 * sp_head_rows makes the same logits for some rows of W only. The softmax needs the sum over the
 * whole vocabulary, which those rows cannot give: log_sum has it, from an earlier sp_head_loss.
 *
 * Results do not depend on the number of threads: a row's loss is one thread's, and losses are
 * added up by the calling thread in the order of tokens.
 */
#include "engine/head.h"

#include "base/memory.h"
#include "engine/gemm.h"
#include "engine/norm.h"
#include "engine/softmax.h"
#include "engine/wgrad.h"

#include <stdlib.h>

/* Tokens of a block: 256. Where products round the weights each time, up to four times as many, as
 * long as their logits stay below 128 MiB. MOST_LOGITS counts floats. */
#define USUAL_TOKENS 256
#define MOST_TOKENS  (4 * USUAL_TOKENS)
#define MOST_LOGITS  (32 << 20)

/* How many tokens make a block of logits of this width: USUAL_TOKENS .. MOST_TOKENS. */
static int64_t block_tokens(int64_t vocab)
{
    int64_t most = sp_gemm_rounds() ? MOST_LOGITS / vocab : USUAL_TOKENS;
    return SP_MIN(SP_MAX(USUAL_TOKENS, most), MOST_TOKENS);
}

/* A head at work: rows of W, and work space for a block of tokens. */
typedef struct {
    const sp_model *m;
    int64_t hidden, vocab; /* vocab: rows of W that are used */
    int64_t block;         /* tokens at a time */
    sp_mat weight;         /* (vocab, hidden) */
    float *scale;          /* (hidden) multipliers of the norm */
    float *x, *h;          /* (block, hidden): gathered hidden states; normed */
    float *dx, *dh, *xhat; /* (block, hidden): their gradients; x / rms */
    float *logits;         /* (block, vocab) */
} head;

/* Allocate work space for up to n tokens and rows first .. first+vocab-1 of W. Less than a block is
 * allocated where n is less. To be closed by head_close; the model stays the caller's. */
static void head_open(head *k, const sp_model *m, int64_t n, int64_t first, int64_t vocab)
{
    int64_t h = m->cfg.hidden, block = block_tokens(vocab);
    size_t rows = (size_t)SP_MIN(n, block), wide = rows * (size_t)h;
    *k = (head){.m = m,
                .hidden = h,
                .vocab = vocab,
                .block = block,
                .weight = sp_mat_from(sp_param_matrix(m->head), first * h),
                .scale = sp_xfloats((size_t)h),
                .x = sp_xfloats(wide),
                .h = sp_xfloats(wide),
                .dx = sp_xfloats(wide),
                .dh = sp_xfloats(wide),
                .xhat = sp_xfloats(wide),
                .logits = sp_xfloats(rows * (size_t)vocab)};
    sp_norm_scale(&m->cfg, m->norm, k->scale);
}

/* Free the work space; a head that is {0} is allowed. */
static void head_close(head *k)
{
    float *all[] = {k->scale, k->x, k->h, k->dx, k->dh, k->xhat, k->logits};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

uint64_t sp_head_bytes(const sp_model *m, int64_t n)
{
    int64_t h = m->cfg.hidden, v = m->cfg.vocab, rows = SP_MIN(n, block_tokens(v));
    return sizeof(float) * (uint64_t)(rows * (5 * h + v)) + sp_gemm_bytes(rows, h, v);
}

void sp_head_logits(const sp_model *m, const float *x, int64_t n, float *logits)
{
    head k;
    head_open(&k, m, n, 0, m->cfg.vocab);
    for (int64_t t = 0; t < n; t += k.block) {
        int64_t rows = SP_MIN(k.block, n - t);
        sp_norm_forward(k.h, x + t * k.hidden, k.scale, rows, k.hidden, m->cfg.norm_eps);
        sp_gemm_xwt(logits + t * k.vocab, k.h, k.weight, rows, k.hidden, k.vocab, 0);
    }
    head_close(&k);
}

/* ---- the loss of one token ------------------------------------------------------------ */

/* Replace a row of logits by unnormalised probabilities; *sum gets what normalises them: z[i] /
 * *sum is the softmax. Returns log sum exp of the logits, in nats. */
static double exponentiate(float *z, int64_t vocab, float *sum)
{
    float max; /* taken off, so that exp does not overflow; added back to the logarithm */
    *sum = sp_softmax_terms(z, vocab, &max);
    return log((double)*sum) + (double)max;
}

/* Replace a row of logits by coef * (softmax - onehot(target)), the gradient of coef times the
 * loss. Returns the loss, -log softmax[target] = log_sum - z[target], in nats. *log_sum gets log
 * sum exp of the logits. */
static double hard_loss(float *z, int64_t vocab, int32_t target, float coef, double *log_sum)
{
    float at_target = z[target], sum;
    *log_sum = exponentiate(z, vocab, &sum);
    float c = coef / sum;
    for (int64_t i = 0; i < vocab; i++) z[i] *= c;
    z[target] -= coef;
    return *log_sum - (double)at_target;
}

/* Replace a row of logits by coef * (softmax - softmax(ref)). Returns the loss in nats; *log_sum
 * gets log sum exp of the logits. ref becomes unnormalised probabilities. With q = softmax(ref),
 * and since log softmax_i = z_i - log_sum and sum q_i = 1:
 *
 *     loss = -sum q_i log softmax_i = log_sum - sum q_i z_i
 *
 * The last sum is taken before z is overwritten. */
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

/* ---- blocks of tokens ----------------------------------------------------------------- */

/* Compute k->logits (rows, vocab), the logits of tokens list[0..rows) of x. k->x and k->h keep the
 * gathered rows and their norm, which block_backward reads. */
static void block_logits(head *k, const float *x, const int64_t *list, int64_t rows)
{
    int64_t h = k->hidden;
    for (int64_t r = 0; r < rows; r++) memcpy(k->x + r * h, x + list[r] * h, (size_t)h * sizeof *x);
    sp_norm_forward(k->h, k->x, k->scale, rows, h, k->m->cfg.norm_eps);
    sp_gemm_xwt(k->logits, k->h, k->weight, rows, h, k->vocab, 0);
}

/* Write what `io` asks for, from the gradient of the logits, which stands in k->logits. dhead and
 * dnorm are added to; rows list[0..rows) of dx are overwritten, since each token is in one
 * block alone. */
static void block_backward(head *k, const int64_t *list, int64_t rows, const sp_head_io *io)
{
    int64_t h = k->hidden;
    if (io->dhead) sp_gemm_dytx(io->dhead, k->logits, k->h, rows, h, k->vocab, 1);
    if (!io->dx && !io->dnorm) return;
    sp_gemm_dyws(k->dh, rows, h, &(sp_linear){k->logits, k->weight, k->vocab}, 1);
    /* sp_norm_backward adds to what is there */
    memset(k->dx, 0, (size_t)(rows * h) * sizeof *k->dx);
    sp_norm_backward(k->dx, k->xhat, k->dh, k->x, k->scale, rows, h, k->m->cfg.norm_eps);
    if (io->dnorm) sp_wgrad_dense(io->dnorm, 1, k->m->norm, k->dh, k->xhat, 0, rows);
    for (int64_t r = 0; io->dx && r < rows; r++)
        memcpy(io->dx + list[r] * h, k->dx + r * h, (size_t)h * sizeof *io->dx);
}

/* What a pass over tokens reads: the arguments of sp_head_loss. */
typedef struct {
    const float *x;
    const int32_t *target;
    const float *coef;
    const sp_head_io *io;
} batch;

/* The weight of token t in the loss. */
static float coef_of(const batch *b, int64_t t) { return b->coef ? b->coef[t] : 1; }

/* Work on one block: tokens list[0..rows), all hard or all soft. Writes ce (rows), and top (rows)
 * if io->top is there, in the order of the block; the caller scatters them. ref is used for soft
 * targets alone. */
static void block_loss(head *k, head *ref, const batch *b, const int64_t *list, int64_t rows,
                       double *ce, int32_t *top)
{
    int64_t v = k->vocab;
    bool soft = b->target[list[0]] == SP_SOFT;
    block_logits(k, b->x, list, rows);
    if (soft) block_logits(ref, b->io->ref_x, list, rows);
#pragma omp parallel for schedule(static) if (rows * v > 16384)
    for (int64_t r = 0; r < rows; r++) {
        float *z = k->logits + r * v, coef = coef_of(b, list[r]);
        double log_sum;
        /* the loss overwrites the logits, so the largest is looked for first */
        if (b->io->top) top[r] = sp_argmax(z, v);
        ce[r] = soft ? soft_loss(z, ref->logits + r * v, v, coef, &log_sum)
                     : hard_loss(z, v, b->target[list[r]], coef, &log_sum);
        if (b->io->log_sum) b->io->log_sum[list[r]] = (float)log_sum;
    }
    block_backward(k, list, rows, b->io);
}

/* List the tokens that have a target, in order; the caller frees it. *scored gets their number. */
static int64_t *list_scored(const int32_t *target, int64_t n, int64_t *scored)
{
    int64_t *list = sp_xarray((size_t)n, sizeof *list);
    *scored = 0;
    for (int64_t t = 0; t < n; t++)
        if (target[t] != SP_NO_TARGET) list[(*scored)++] = t;
    return list;
}

/* How many of the n tokens in list make a block: at most `most`, all hard or all soft. */
static int64_t block_length(const int32_t *target, const int64_t *list, int64_t n, int64_t most)
{
    bool soft = target[list[0]] == SP_SOFT;
    int64_t rows = 1;
    while (rows < most && rows < n && (target[list[rows]] == SP_SOFT) == soft) rows++;
    return rows;
}

/* Set outputs to what they are for tokens without a target: dx and ce 0, top -1, of which every
 * byte is 0xff. */
static void clear_outputs(const sp_model *m, int64_t n, const sp_head_io *io)
{
    if (io->dx) memset(io->dx, 0, (size_t)(n * m->cfg.hidden) * sizeof *io->dx);
    if (io->ce) memset(io->ce, 0, (size_t)n * sizeof *io->ce);
    if (io->top) memset(io->top, 0xff, (size_t)n * sizeof *io->top);
}

double sp_head_loss(const sp_model *m, const float *x, int64_t n, const int32_t *target,
                    const float *coef, const sp_head_io *io)
{
    int64_t scored, *list = list_scored(target, n, &scored);
    const batch b = {x, target, coef, io};
    int32_t top[MOST_TOKENS];
    double ce[MOST_TOKENS], loss = 0;
    head k, ref = {0};
    clear_outputs(m, n, io);
    head_open(&k, m, scored, 0, m->cfg.vocab);
    if (io->ref) head_open(&ref, io->ref, scored, 0, io->ref->cfg.vocab);
    for (int64_t at = 0, rows; at < scored; at += rows) {
        const int64_t *block = list + at;
        rows = block_length(target, block, scored - at, k.block);
        block_loss(&k, &ref, &b, block, rows, ce, top);
        for (int64_t r = 0; r < rows; r++) {
            loss += (double)coef_of(&b, block[r]) * ce[r];
            if (io->ce) io->ce[block[r]] = ce[r];
            if (io->top) io->top[block[r]] = top[r];
        }
    }
    head_close(&k);
    head_close(&ref);
    free(list);
    return loss;
}

/* ---- some rows of the head's gradient ------------------------------------------------- */

/* Replace part of a row of logits, vocabulary entries first .. first+vocab-1, by coef * (softmax -
 * onehot(target)), given the log sum exp of the whole row: softmax_i = exp(z_i - log_sum). The
 * target may lie outside the part. */
static void part_of_hard_loss(float *z, int64_t first, int64_t vocab, float log_sum, int32_t target,
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
    head_open(&k, m, scored, row, rows);
    memset(dhead, 0, (size_t)(rows * k.hidden) * sizeof *dhead);
    for (int64_t at = 0; at < scored; at += k.block) {
        int64_t here = SP_MIN(k.block, scored - at);
        block_logits(&k, x, list + at, here);
#pragma omp parallel for schedule(static) if (here * rows > 16384)
        for (int64_t r = 0; r < here; r++) {
            int64_t t = list[at + r];
            part_of_hard_loss(k.logits + r * rows, row, rows, log_sum[t], target[t], coef[t]);
        }
        block_backward(&k, list + at, here, &(sp_head_io){.dhead = dhead});
    }
    head_close(&k);
    free(list);
}
