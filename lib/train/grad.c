/* grad.c - see grad.h.
 *
 * A run goes through these stages; d (N, hidden) carries dL/d(hidden states) from one to the next:
 *
 *     forward        x[0] = embedding, x[l+1] = layer l of x[l]; all x stay
 *     weigh          the caller's look at the losses, if it asked for one
 *     head           loss; emits head (unless tied) and final norm; d = dL/dx[layers]
 *     layer L-1 .. 0 emits the layer's parameters; d = dL/dx[l]
 *     embedding      emits it; a tied head's gradient is part of it
 *
 * Per example, gradients of the layers are made one sequence after another and added up as |g| or
 * g^2. The head and the embedding are too large for that: their gradients are made for a block of
 * rows at a time, for all sequences, again and again.
 */
#include "train/grad.h"

#include "engine/head.h"
#include "engine/layer.h"
#include "engine/residency.h"
#include "train/forward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory used again ---------------------------------------------------------------- */

/* An array that only grows: n floats at p, owned. {NULL, 0} is empty. */
typedef struct {
    float *p;
    size_t n;
} buffer;

/* All memory of a run that a next run on the same model can use. H = hidden, V = vocabulary. */
struct sp_grad_buffers {
    buffer x;                 /* (layers + 1, N, H) input of each layer, and the last output */
    buffer d;                 /* (N, H) gradient that flows down */
    buffer log_sum;           /* (N) normalisers of the logits */
    buffer sum[SP_PER_LAYER]; /* one layer's gradients */
    buffer vocab;             /* (V, H) gradient of the head, then of the embedding */
    /* one example's gradient of one parameter, or of as many of its rows as fit */
    buffer one;
    sp_kept *kept;  /* activations */
    sp_work *work;  /* scratch of a layer's backward pass */
    int64_t tokens; /* that `work` has room for */
};

sp_grad_buffers *sp_grad_buffers_new(uint64_t keep)
{
    sp_grad_buffers *b = sp_xcalloc(1, sizeof *b);
    b->kept = sp_kept_new(keep);
    return b;
}

void sp_grad_buffers_free(sp_grad_buffers *b)
{
    if (!b) return;
    free(b->x.p), free(b->d.p), free(b->log_sum.p), free(b->vocab.p), free(b->one.p);
    for (int k = 0; k < SP_PER_LAYER; k++) free(b->sum[k].p);
    sp_kept_free(b->kept);
    sp_work_free(b->work);
    free(b);
}

/* Room for n floats, whose content is lost if there was less. */
static float *reserve(buffer *b, size_t n)
{
    if (n <= b->n) return b->p;
    free(b->p);
    return b->p = sp_xfloats(b->n = n);
}

/* Make b->work large enough for a chunk of this many tokens. Its content is scratch and may be
 * lost. */
static void reserve_work(sp_grad_buffers *b, const sp_model *m, int64_t tokens)
{
    if (tokens <= b->tokens) return;
    sp_work_free(b->work);
    b->work = sp_work_new(&m->cfg, tokens);
    b->tokens = tokens;
}

/* ---- one run -------------------------------------------------------------------------- */

/* One run. It owns nothing: arrays belong to the buffers, the rest to the caller. `m`, `b` and
 * `job` are the arguments of sp_grad_run; `e` is where a failing emit leaves its message. */
typedef struct {
    sp_model *m;
    const sp_batch *b;
    const sp_grad_job *job;
    sp_grad_buffers *buffers;
    int64_t largest;                            /* numbers in a layer's largest parameter */
    float *x, *d, *log_sum, *sum[SP_PER_LAYER]; /* as in the buffers; sum NULL = not in scope */
    float *one;                                 /* NULL unless per example */
    bool first_chunk;                           /* of the layer at hand */
    sp_err *e;
} grad_run;

/* The input of layer l, (N, hidden); with l = layers, the hidden states after the last one. */
static float *input(const grad_run *r, int64_t l)
{
    return r->x + (size_t)(l * r->b->n * r->m->cfg.hidden);
}

/* Fill in *r and reserve every array before the forward pass. A run without buffers of the caller's
 * makes its own, which sp_grad_run frees. Only parameters in scope get a sum, so that NULL means
 * "not in scope" everywhere below. `one` has at least H floats, so that one row of the head
 * fits. */
static void open_run(grad_run *r, sp_model *m, const sp_batch *b, const sp_grad_job *job, sp_err *e)
{
    size_t nh = (size_t)(b->n * m->cfg.hidden);
    sp_grad_buffers *buf = job->buffers ? job->buffers : sp_grad_buffers_new(SP_KEEP);
    sp_chunk_counts chunks = sp_chunk_count(b);
    *r = (grad_run){.m = m, .b = b, .job = job, .buffers = buf, .e = e};
    sp_kept_reserve(buf->kept, m, chunks.largest, chunks.n);
    reserve_work(buf, m, chunks.largest);
    r->x = reserve(&buf->x, (size_t)(m->cfg.layers + 1) * nh);
    r->d = reserve(&buf->d, nh);
    r->log_sum = reserve(&buf->log_sum, (size_t)b->n);
    for (int k = 0; k < SP_PER_LAYER; k++) {
        size_t n = sp_numel(sp_layer_param(m, 0, k));
        r->largest = SP_MAX(r->largest, (int64_t)n);
        if (sp_in_scope(job->all, k)) r->sum[k] = reserve(&buf->sum[k], n);
    }
    if (job->per_example) r->one = reserve(&buf->one, (size_t)SP_MAX(r->largest, m->cfg.hidden));
}

/* Hand a block of rows to the receiver. 0, or -1 with *r->e filled. */
static int emit_rows(const grad_run *r, sp_param *p, int64_t row, int64_t rows, float *g)
{
    return r->job->emit(r->job->self, p, row, rows, g, r->e);
}

/* Hand a whole gradient (rows, cols) to the receiver. Returns as emit_rows. */
static int emit_whole(const grad_run *r, sp_param *p, float *g)
{
    return emit_rows(r, p, 0, p->rows, g);
}

/* ---- per example ---------------------------------------------------------------------- */

/* Add one example's gradient g (n) to sum (n) as |g| or g^2, whichever the job asks for. */
static void add_each(const grad_run *r, float *sum, const float *g, size_t n)
{
    bool square = r->job->per_example == SP_EACH_SQUARE;
#pragma omp parallel for simd if (n > 16384)
    for (size_t i = 0; i < n; i++) sum[i] += fabsf(g[i]) * (square ? fabsf(g[i]) : 1);
}

/* Fills r->one (rows, cols) with rows row .. row+rows-1 of a gradient, from sequence s alone. */
typedef void rows_of_example(grad_run *r, int64_t s, int64_t row, int64_t rows);

/* Emit the gradient of the head or the embedding in blocks of rows, each with as many numbers as
 * the largest parameter of a layer has: no buffer grows with the vocabulary. Every block costs one
 * pass over all sequences, which is the price for that. 0 or -1. */
static int emit_by_rows(grad_run *r, sp_param *p, rows_of_example *of_example)
{
    int64_t step = SP_MIN(SP_MAX(r->largest / p->cols, 1), p->rows);
    float *sum = sp_xfloats((size_t)(step * p->cols));
    int rc = 0;
    for (int64_t row = 0, rows; row < p->rows && rc == 0; row += rows) {
        rows = SP_MIN(step, p->rows - row);
        memset(sum, 0, (size_t)(rows * p->cols) * sizeof *sum);
        for (int64_t s = 0; s < r->b->n_seq; s++) {
            of_example(r, s, row, rows);
            add_each(r, sum, r->one, (size_t)(rows * p->cols));
        }
        rc = emit_rows(r, p, row, rows, sum);
    }
    free(sum);
    return rc;
}

/* ---- the head ------------------------------------------------------------------------- */

/* Run the head over tokens t0 .. t1-1. Returns their loss and writes their part of d (N, H) and of
 * log_sum (N). Gradients are added to dhead (V, H) and dnorm (H), either of which may be NULL. */
static double head_range(grad_run *r, int64_t t0, int64_t t1, float *dhead, float *dnorm)
{
    int64_t h = r->m->cfg.hidden;
    sp_head_io io = {.ref = r->job->ref,
                     .ref_x = r->job->ref ? r->job->ref_x + t0 * h : NULL,
                     .dx = r->d + t0 * h,
                     .dhead = dhead,
                     .dnorm = dnorm,
                     .log_sum = r->log_sum + t0};
    return sp_head_loss(r->m, input(r, r->m->cfg.layers) + t0 * h, t1 - t0, r->b->target + t0,
                        r->b->coef + t0, &io);
}

/* rows_of_example of the head. Needs the log_sum that head_range has written. */
static void head_rows(grad_run *r, int64_t s, int64_t row, int64_t rows)
{
    int64_t t0 = r->b->start[s], n = r->b->start[s + 1] - t0;
    sp_head_rows(r->m, input(r, r->m->cfg.layers) + t0 * r->m->cfg.hidden, n, r->b->target + t0,
                 r->b->coef + t0, r->log_sum + t0, row, rows, r->one);
}

/* Run the head over one sequence after another. Returns the loss; adds to dnorm (H), which may be
 * NULL, the sum over sequences of |g| or g^2 of the norm's gradient. d and log_sum are complete
 * afterwards. */
static double head_per_example(grad_run *r, float *dnorm)
{
    size_t h = (size_t)r->m->cfg.hidden;
    float *one_norm = dnorm ? sp_xfloats(h) : NULL;
    double loss = 0;
    for (int64_t s = 0; s < r->b->n_seq; s++) {
        if (dnorm) memset(one_norm, 0, h * sizeof(float));
        loss += head_range(r, r->b->start[s], r->b->start[s + 1], NULL, one_norm);
        if (dnorm) add_each(r, dnorm, one_norm, h);
    }
    free(one_norm);
    return loss;
}

/* Compute the loss and emit the gradients of an untied head and of the norm. A tied head's gradient
 * waits in buffers->vocab for the embedding to complete it; per example it is computed again there.
 * The loss, d and the norm's gradient are computed before the first emission, because the receiver
 * may change the weights. 0 or -1. */
static int backward_head(grad_run *r, double *loss)
{
    const sp_model *m = r->m;
    bool all = r->job->all, each = r->job->per_example;
    size_t h = (size_t)m->cfg.hidden, vh = (size_t)m->cfg.vocab * h;
    float *dnorm = all ? sp_xfloats0(h) : NULL, *dhead = NULL;
    int rc = 0;
    if (all && !each) dhead = memset(reserve(&r->buffers->vocab, vh), 0, vh * sizeof *dhead);
    *loss = each ? head_per_example(r, dnorm) : head_range(r, 0, r->b->n, dhead, dnorm);
    if (all && !m->cfg.tied)
        rc = each ? emit_by_rows(r, m->head, head_rows) : emit_whole(r, m->head, dhead);
    sp_layer_release(m, -1);
    if (all && rc == 0) rc = emit_whole(r, m->norm, dnorm);
    free(dnorm);
    return rc;
}

/* ---- the layers ----------------------------------------------------------------------- */

/* sp_wgrad_fn: add a chunk's gradient of one parameter to the layer's sums. The first chunk
 * overwrites what the layer before left in them. Per example each sequence is multiplied out alone,
 * since |g| and g^2 must be taken before sequences are added up. */
static void collect(void *self, sp_param *p, const float *dy, const float *x, const sp_pack *pack)
{
    grad_run *r = self;
    float *sum = r->sum[p->kind];
    if (!sum) return;
    if (!r->job->per_example) {
        sp_wgrad_dense(sum, !r->first_chunk, p, dy, x, 0, pack->n);
        return;
    }
    if (r->first_chunk) memset(sum, 0, sp_numel(p) * sizeof *sum);
    for (int64_t s = 0; s < pack->n_seq; s++) {
        sp_wgrad_dense(r->one, 0, p, dy, x, pack->start[s], pack->start[s + 1]);
        add_each(r, sum, r->one, sp_numel(p));
    }
}

/* Take d of one chunk's tokens from dL/dy to dL/dx, and collect the gradients of layer l's
 * parameters. Activations that were not kept are computed again first. */
static void backward_chunk(grad_run *r, int64_t l, const sp_chunk *c)
{
    int64_t h = r->m->cfg.hidden;
    sp_kept_set set = sp_kept_of(r->buffers->kept, l, c->number);
    const float *x = input(r, l) + c->at * h;
    bool flows_on = l > 0 || r->job->all; /* below layer 0 only the embedding needs d */
    if (!set.kept) sp_layer_recompute(r->m, l, &c->pack, x, set.acts);
    r->first_chunk = c->number == 0;
    sp_layer_backward(r->m, l, &c->pack, x, r->d + c->at * h, flows_on, collect, r, set.acts,
                      r->buffers->work);
}

/* Run layer l backward over all chunks, then emit its gradients in the order of order.h. Nothing is
 * emitted earlier, because the receiver may change a weight that the next chunk still needs. 0 or
 * -1. */
static int backward_layer(grad_run *r, int64_t l)
{
    sp_chunk c;
    int rc = 0;
    if (l > 0) sp_layer_prefetch(r->m, l - 1);
    for (sp_chunk_open(&c, r->b); sp_chunk_next(&c);) backward_chunk(r, l, &c);
    sp_chunk_close(&c);
    for (int i = 0; i < SP_PER_LAYER && rc == 0; i++) {
        int k = sp_backward_order[i];
        if (r->sum[k]) rc = emit_whole(r, sp_layer_param(r->m, l, k), r->sum[k]);
    }
    sp_layer_release(r->m, l);
    return rc;
}

/* ---- the embedding -------------------------------------------------------------------- */

/* Add embed_scale * d to g (rows, H) for those tokens t0 .. t1-1 whose ids are row .. row+rows-1. A
 * token that appears twice adds twice. */
static void scatter(const grad_run *r, float *g, int64_t t0, int64_t t1, int64_t row, int64_t rows)
{
    int64_t h = r->m->cfg.hidden;
    for (int64_t t = t0; t < t1; t++) {
        int64_t id = r->b->ids[t];
        if (id < row || id >= row + rows) continue;
        float *to = g + (id - row) * h;
        for (int64_t i = 0; i < h; i++) to[i] += r->m->cfg.embed_scale * r->d[t * h + i];
    }
}

/* rows_of_example of the embedding. A tied head's part joins before the absolute value or the
 * square is taken: they are one parameter. */
static void embed_rows(grad_run *r, int64_t s, int64_t row, int64_t rows)
{
    if (r->m->cfg.tied) head_rows(r, s, row, rows);
    else memset(r->one, 0, (size_t)(rows * r->m->cfg.hidden) * sizeof(float));
    scatter(r, r->one, r->b->start[s], r->b->start[s + 1], row, rows);
}

/* Emit the embedding's gradient. A tied head has left its part in buffers->vocab already, so the
 * buffer is cleared only where the two are not tied. 0 or -1. */
static int backward_embed(grad_run *r)
{
    sp_param *p = r->m->embed;
    if (r->job->per_example) return emit_by_rows(r, p, embed_rows);
    float *g = reserve(&r->buffers->vocab, sp_numel(p));
    if (!r->m->cfg.tied) memset(g, 0, sp_numel(p) * sizeof *g);
    scatter(r, g, 0, r->b->n, 0, p->rows);
    return emit_whole(r, p, g);
}

/* ---- the whole run -------------------------------------------------------------------- */

/* Show the caller each token's cross-entropy, if it asked for that; false when it declines. Costs
 * one more pass over the head, with nothing but `ce` as its result. */
static bool ask_caller(const grad_run *r)
{
    if (!r->job->weigh) return true;
    int64_t n = r->b->n;
    double *ce = sp_xarray((size_t)n, sizeof *ce);
    sp_head_loss(r->m, input(r, r->m->cfg.layers), n, r->b->target, NULL,
                 &(sp_head_io){.ref = r->job->ref, .ref_x = r->job->ref_x, .ce = ce});
    bool go = r->job->weigh(r->job->self, ce);
    free(ce);
    return go;
}

/* Go from the head down to the embedding and stop at the first failing emit. 0 or -1. */
static int backward(grad_run *r, double *loss)
{
    int rc = backward_head(r, loss);
    for (int64_t l = r->m->cfg.layers - 1; l >= 0 && rc == 0; l--) rc = backward_layer(r, l);
    if (r->job->all && rc == 0) rc = backward_embed(r);
    return rc;
}

sp_grad_end sp_grad_run(sp_model *m, const sp_batch *b, const sp_grad_job *job, double *loss,
                        sp_err *e)
{
    grad_run r;
    sp_grad_end end = SP_GRAD_DECLINED;
    open_run(&r, m, b, job, e);
    sp_forward_keep(m, b, r.x, r.buffers->kept);
    if (ask_caller(&r)) end = backward(&r, loss) < 0 ? SP_GRAD_ERROR : SP_GRAD_DONE;
    if (!job->buffers) sp_grad_buffers_free(r.buffers);
    return end;
}
