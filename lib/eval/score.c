/* score.c - see score.h.
 *
 * Examples go through the model in batches of whole examples, packed side by side without padding.
 * A batch passes all layers (train/forward.h), which gives hidden states x (N, hidden) for its N
 * tokens. A callback then turns these into scores, or into rows of logits.
 *
 * A full set of logits (N, vocab) can be larger than the model itself. For scores the head makes
 * logits block by block and keeps none; logits to be written exist LOGIT_ROWS rows at a time.
 */
#include "eval/score.h"

#include "base/progress.h"
#include "engine/head.h"
#include "train/forward.h"

#include <stdlib.h>

#define LOGIT_ROWS 256 /* rows of logits in memory */

/* ---- batches -------------------------------------------------------------------------- */

/* Where a batch that begins at example `from` ends: its examples have at most `max` tokens
 * together, but there is at least one. Returns the index behind its last example. */
static size_t batch_end(const sp_examples *d, size_t from, int64_t max)
{
    int64_t n = 0;
    size_t i = from;
    do n += d->ex[i++].n;
    while (i < d->n && n + d->ex[i].n <= max);
    return i;
}

int sp_score_batches(sp_model *m, const sp_examples *data, int64_t batch_tokens, const char *what,
                     sp_score_batch *fn, void *self)
{
    int rc = 0;
    double tokens = 0, done = 0;
    sp_progress progress;
    for (size_t i = 0; i < data->n; i++) tokens += (double)data->ex[i].n;
    sp_progress_start(&progress, what, "tokens", tokens);
    for (size_t i = 0, end; i < data->n && rc == 0; i = end) {
        sp_batch b;
        end = batch_end(data, i, batch_tokens);
        /* a view of the list, borrowed: it is not to be freed */
        sp_examples part = {.n = end - i, .ex = data->ex + i};
        sp_batch_make(&b, &part, NULL, part.n, SP_MEAN_TOKEN);
        float *x = sp_forward_all(m, &b);
        rc = fn(self, i, &b, x);
        sp_progress_at(&progress, done += (double)b.n);
        free(x);
        sp_batch_free(&b);
    }
    sp_progress_end(&progress);
    return rc;
}

/* ---- log-likelihoods ------------------------------------------------------------------ */

/* What score_batch works on. */
typedef struct {
    sp_model *m;
    sp_score *scores;
} scoring;

/* The score of tokens from .. end-1 of a batch, one example's. ce (N): cross-entropy of each in
 * nats; top (N): its likeliest id. target[t] is the token after t, negative where that is not
 * scored. */
static sp_score add_up(const sp_batch *b, int64_t from, int64_t end, const double *ce,
                       const int32_t *top)
{
    sp_score s = {.greedy = true};
    for (int64_t t = from; t < end; t++) {
        if (b->target[t] < 0) continue;
        s.nll += ce[t];
        s.tokens++;
        s.greedy &= top[t] == b->target[t];
    }
    return s;
}

/* Write the scores of a batch's examples (sp_score_batch). The head gives the cross-entropy of each
 * token; the sum it returns is over all examples and not used. */
static int score_batch(void *self, size_t first, const sp_batch *b, const float *x)
{
    scoring *s = self;
    double *ce = sp_xarray((size_t)b->n, sizeof *ce);
    int32_t *top = sp_xarray((size_t)b->n, sizeof *top);
    sp_head_loss(s->m, x, b->n, b->target, NULL, &(sp_head_io){.ce = ce, .top = top});
    for (int64_t i = 0; i < b->n_seq; i++)
        s->scores[first + (size_t)i] = add_up(b, b->start[i], b->start[i + 1], ce, top);
    free(ce);
    free(top);
    return 0;
}

void sp_score_examples(sp_model *m, const sp_examples *data, int64_t batch_tokens, const char *what,
                       sp_score *scores)
{
    scoring s = {m, scores};
    sp_score_batches(m, data, batch_tokens, what, score_batch, &s);
}

sp_score sp_score_total(const sp_score *scores, size_t n)
{
    sp_score total = {.greedy = true};
    for (size_t i = 0; i < n; i++) {
        total.nll += scores[i].nll;
        total.tokens += scores[i].tokens;
        total.greedy &= scores[i].greedy;
    }
    return total;
}

/* ---- logits --------------------------------------------------------------------------- */

sp_tinfo *sp_logits_tensors(const sp_model *m, const sp_examples *data)
{
    sp_tinfo *t = sp_xcalloc(data->n, sizeof *t);
    for (size_t i = 0; i < data->n; i++) {
        t[i] = (sp_tinfo){.name = sp_xasprintf("logits.%zu", i),
                          .dtype = SP_F32,
                          .rank = 2,
                          .shape = {data->ex[i].n, m->cfg.vocab}};
        t[i].numel = (uint64_t)(data->ex[i].n * m->cfg.vocab);
        t[i].nbytes = t[i].numel * sizeof(float);
    }
    return t;
}

void sp_logits_tensors_free(sp_tinfo *t, size_t n)
{
    for (size_t i = 0; i < n; i++) free(t[i].name);
    free(t);
}

/* What write_logits works on. */
typedef struct {
    sp_model *m;
    sp_dst *out;
    sp_err *e;
} logit_writer;

/* Write the logits (n, vocab) of one example with hidden states x (n, hidden), a block of rows at a
 * time. 0 or -1. */
static int write_rows(const logit_writer *w, const float *x, int64_t n)
{
    size_t v = (size_t)w->m->cfg.vocab;
    float *logits = sp_xfloats((size_t)SP_MIN(n, LOGIT_ROWS) * v);
    int rc = 0;
    for (int64_t t = 0; t < n && rc == 0; t += LOGIT_ROWS) {
        int64_t rows = SP_MIN(LOGIT_ROWS, n - t);
        sp_head_logits(w->m, x + t * w->m->cfg.hidden, rows, logits);
        rc = sp_dst_write(w->out, logits, (size_t)rows * v * sizeof *logits, w->e);
    }
    free(logits);
    return rc;
}

/* Write the logits of a batch (sp_score_batch), example by example, so that the blocks, and with
 * them the last bits, do not depend on the batch. */
static int write_logits(void *self, size_t first, const sp_batch *b, const float *x)
{
    (void)first;
    const logit_writer *w = self;
    int rc = 0;
    for (int64_t i = 0; i < b->n_seq && rc == 0; i++)
        rc = write_rows(w, x + b->start[i] * w->m->cfg.hidden, b->start[i + 1] - b->start[i]);
    return rc;
}

int sp_score_logits(sp_model *m, const sp_examples *data, int64_t batch_tokens, sp_dst *out,
                    sp_err *e)
{
    logit_writer w = {m, out, e};
    return sp_score_batches(m, data, batch_tokens, NULL, write_logits, &w);
}
