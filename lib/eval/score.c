/* score.c - see score.h. */
#include "eval/score.h"

#include "engine/head.h"
#include "train/forward.h"

#include <stdlib.h>

#define LOGIT_ROWS 256 /* rows of logits in memory */

/* Examples from..end-1 have at most max tokens together, but there is at least one. */
static size_t batch_end(const sp_examples *d, size_t from, int64_t max)
{
    int64_t n = 0;
    size_t i = from;
    do n += d->ex[i++].n;
    while (i < d->n && n + d->ex[i].n <= max);
    return i;
}

static sp_examples part_of(const sp_examples *d, size_t from, size_t end)
{
    return (sp_examples){.n = end - from, .ex = d->ex + from};
}

static void add_up(sp_score *s, const sp_batch *b, const double *ce, const int32_t *top)
{
    for (int64_t i = 0; i < b->n_seq; i++) {
        s[i] = (sp_score){.greedy = true};
        for (int64_t t = b->start[i]; t < b->start[i + 1]; t++) {
            if (b->target[t] < 0) continue;
            s[i].nll += ce[t];
            s[i].tokens++;
            s[i].greedy &= top[t] == b->target[t];
        }
    }
}

void sp_score_data(sp_model *m, const sp_examples *data, int64_t batch_tokens, sp_score *scores,
                   void (*done)(void *self, int64_t tokens), void *self)
{
    int64_t tokens = 0;
    for (size_t i = 0, end; i < data->n; i = end) {
        end = batch_end(data, i, batch_tokens);
        sp_examples part = part_of(data, i, end);
        sp_batch b;
        sp_batch_make(&b, &part, NULL, part.n, SP_MEAN_TOKEN);
        float *x = sp_forward_all(m, &b);
        double *ce = sp_xarray((size_t)b.n, sizeof *ce);
        int32_t *top = sp_xarray((size_t)b.n, sizeof *top);
        sp_head_loss(m, x, b.n, b.target, NULL, &(sp_head_io){.ce = ce, .top = top});
        add_up(scores + i, &b, ce, top);
        tokens += b.n;
        if (done) done(self, tokens);
        free(x), free(ce), free(top);
        sp_batch_free(&b);
    }
}

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

/* Tensors come in the order of the tokens, so their rows simply follow each other. */
static int write_logits(sp_model *m, const float *x, int64_t n, sp_dst *out, sp_err *e)
{
    size_t v = (size_t)m->cfg.vocab;
    float *logits = sp_xfloats((size_t)SP_MIN(n, LOGIT_ROWS) * v);
    int rc = 0;
    for (int64_t t = 0; t < n && rc == 0; t += LOGIT_ROWS) {
        int64_t rows = SP_MIN(LOGIT_ROWS, n - t);
        sp_head_logits(m, x + t * m->cfg.hidden, rows, logits);
        rc = sp_dst_write(out, logits, (size_t)rows * v * sizeof *logits, e);
    }
    free(logits);
    return rc;
}

int sp_score_logits(sp_model *m, const sp_examples *data, int64_t batch_tokens, sp_dst *out,
                    sp_err *e)
{
    int rc = 0;
    for (size_t i = 0, end; i < data->n && rc == 0; i = end) {
        end = batch_end(data, i, batch_tokens);
        sp_examples part = part_of(data, i, end);
        sp_batch b;
        sp_batch_make(&b, &part, NULL, part.n, SP_MEAN_TOKEN);
        float *x = sp_forward_all(m, &b);
        for (int64_t k = 0; k < b.n_seq && rc == 0; k++) {
            int64_t at = b.start[k];
            rc = write_logits(m, x + at * m->cfg.hidden, b.start[k + 1] - at, out, e);
        }
        free(x);
        sp_batch_free(&b);
    }
    return rc;
}
