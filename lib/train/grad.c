/* grad.c - see grad.h. */
#include "train/grad.h"

#include "base/capacity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 2048 /* tokens a layer works on at a time; a longer sequence makes its own chunk */

/* ---- batches -------------------------------------------------------------------------- */

static int64_t scored_tokens(const sp_example *x)
{
    int64_t n = 0;
    for (int64_t t = 1; t < x->n; t++) n += x->labels[t] >= 0;
    return n;
}

static void pack_one(sp_batch *b, int64_t at, const sp_seq *s)
{
    for (int64_t t = 0; t < s->ex->n; t++) {
        int32_t next = t + 1 < s->ex->n ? s->ex->labels[t + 1] : -1;
        b->ids[at + t] = s->ex->ids[t];
        b->target[at + t] = next < 0 ? -1 : s->soft ? SP_SOFT : next;
        b->coef[at + t] = next < 0 ? 0 : (float)s->coef;
    }
}

void sp_batch_pack(sp_batch *b, const sp_seq *seqs, size_t n)
{
    *b = (sp_batch){.n_seq = (int64_t)n, .start = sp_xarray(n + 1, sizeof *b->start)};
    b->start[0] = 0;
    for (size_t i = 0; i < n; i++) {
        b->start[i + 1] = b->start[i] + seqs[i].ex->n;
        b->scored += scored_tokens(seqs[i].ex);
    }
    b->n = b->start[n];
    b->ids = sp_xarray((size_t)b->n, sizeof *b->ids);
    b->target = sp_xarray((size_t)b->n, sizeof *b->target);
    b->coef = sp_xfloats((size_t)b->n);
    for (size_t i = 0; i < n; i++) pack_one(b, b->start[i], &seqs[i]);
}

void sp_seqs_of(sp_seq *seqs, const sp_examples *data, const size_t *order, size_t n, sp_mean mean,
                double weight, bool soft)
{
    int64_t scored = 0;
    for (size_t i = 0; i < n; i++) {
        seqs[i] = (sp_seq){&data->ex[order ? order[i] : i], 0, soft};
        scored += scored_tokens(seqs[i].ex);
    }
    for (size_t i = 0; i < n; i++) {
        double own = (double)SP_MAX(scored_tokens(seqs[i].ex), 1);
        seqs[i].coef = weight / (mean == SP_MEAN_TOKEN     ? (double)SP_MAX(scored, 1)
                                 : mean == SP_MEAN_EXAMPLE ? own * (double)n
                                                           : own);
    }
}

void sp_batch_make(sp_batch *b, const sp_examples *data, const size_t *order, size_t n,
                   sp_mean mean)
{
    sp_seq *seqs = sp_xarray(n, sizeof *seqs);
    sp_seqs_of(seqs, data, order, n, mean, 1, false);
    sp_batch_pack(b, seqs, n);
    free(seqs);
}

void sp_batch_free(sp_batch *b)
{
    free(b->start);
    free(b->ids);
    free(b->target);
    free(b->coef);
    *b = (sp_batch){0};
}

/* The next chunk: sequences first .. first+n_seq-1, as a pack with starts counted from its own
 * first token. */
typedef struct {
    int64_t number;    /* from 0 */
    int64_t first, at; /* sequence, token */
    int64_t *start;    /* room for all sequences */
    sp_pack pack;
} chunk;

static bool next_chunk(chunk *c, const sp_batch *b)
{
    int64_t s = c->first + c->pack.n_seq;
    if (s >= b->n_seq) return false;
    c->number++;
    c->first = s;
    c->at = b->start[s];
    do c->start[s - c->first] = b->start[s] - c->at, s++;
    while (s < b->n_seq && b->start[s + 1] - c->at <= CHUNK);
    c->start[s - c->first] = b->start[s] - c->at;
    c->pack = (sp_pack){s - c->first, c->start, NULL, b->start[s] - c->at};
    return true;
}

static chunk chunks(const sp_batch *b)
{
    return (chunk){.number = -1, .start = sp_xarray((size_t)b->n_seq + 1, sizeof(int64_t))};
}

/* How many chunks, and the tokens of the largest. */
static int64_t count_chunks(const sp_batch *b, int64_t *largest)
{
    chunk c = chunks(b);
    *largest = 1;
    while (next_chunk(&c, b)) *largest = SP_MAX(*largest, c.pack.n);
    free(c.start);
    return c.number + 1;
}

/* ---- room ----------------------------------------------------------------------------- */

typedef struct {
    float *p;
    size_t n;
} buffer;

struct sp_grad_room {
    buffer x;                 /* layer inputs: (layers + 1, N, H) */
    buffer d;                 /* (N, H) gradient flowing down */
    buffer log_sum;           /* (N) normalisers of the logits */
    buffer sum[SP_PER_LAYER]; /* one layer's gradients */
    buffer vocab;             /* (V, H) gradient of the head, then of the embedding */
    /* one example's gradient of one parameter, or of as many rows as fit (per_example) */
    buffer one;
    uint64_t keep;  /* bytes of activations */
    int64_t tokens; /* what follows is for so many at a time */
    sp_work *work;
    sp_acts *acts; /* of the layer at hand */
    /* [n_kept] of the topmost layers, chunk by chunk: the way back need not compute them again */
    sp_acts **kept;
    int64_t n_kept;
};

sp_grad_room *sp_grad_room_new(uint64_t keep)
{
    sp_grad_room *r = sp_xcalloc(1, sizeof *r);
    r->keep = keep;
    return r;
}

static float *reserve(buffer *b, size_t n)
{
    if (n <= b->n) return b->p;
    free(b->p);
    return b->p = sp_xfloats(b->n = n);
}

static void drop_acts(sp_grad_room *r)
{
    for (int64_t i = 0; i < r->n_kept; i++) sp_acts_free(r->kept[i]);
    free(r->kept);
    sp_acts_free(r->acts);
    sp_work_free(r->work);
    r->kept = NULL, r->acts = NULL, r->work = NULL;
    r->n_kept = r->tokens = 0;
}

void sp_grad_room_free(sp_grad_room *r)
{
    if (!r) return;
    drop_acts(r);
    free(r->x.p), free(r->d.p), free(r->log_sum.p), free(r->vocab.p), free(r->one.p);
    for (int k = 0; k < SP_PER_LAYER; k++) free(r->sum[k].p);
    free(r);
}

static uint64_t may_keep(uint64_t asked) { return SP_MIN(asked, sp_capacity_memory() / 8); }

/* Activations for a batch of `n_chunks` chunks of up to `tokens` tokens, kept as far as r->keep
 * bytes and an eighth of the memory go. */
static void reserve_acts(sp_grad_room *r, const sp_model *m, int64_t tokens, int64_t n_chunks)
{
    if (tokens > r->tokens) {
        drop_acts(r);
        r->tokens = tokens;
        r->work = sp_work_new(m, tokens);
        r->acts = sp_acts_new(m, tokens);
    }
    int64_t fit = (int64_t)(may_keep(r->keep) / sp_acts_bytes(m, r->tokens)),
            n = SP_MIN(fit, m->cfg.layers * n_chunks);
    if (n <= r->n_kept) return;
    r->kept = sp_xrealloc(r->kept, (size_t)n * sizeof *r->kept);
    while (r->n_kept < n) r->kept[r->n_kept++] = sp_acts_new(m, r->tokens);
}

/* ---- the driver ----------------------------------------------------------------------- */

typedef struct {
    sp_model *m;
    const sp_batch *b;
    const sp_grad_job *job;
    sp_grad_room *room;
    int64_t n_chunks;
    bool first; /* chunk of a layer's way back */
    /* numbers in the largest parameter of a layer */
    int64_t largest;
    /* as in the room, NULL where there is no need */
    float *x, *d, *log_sum, *sum[SP_PER_LAYER], *one;
} run;

static float *input(const run *r, int64_t l)
{
    return r->x + (size_t)(l * r->b->n * r->m->cfg.hidden);
}

/* Where layer l's activations of a chunk go, and whether they will still be there on the way back.
 */
static sp_acts *acts_of(const run *r, int64_t l, const chunk *c, bool *kept)
{
    int64_t i = (r->m->cfg.layers - 1 - l) * r->n_chunks + c->number;
    *kept = i < r->room->n_kept;
    return *kept ? r->room->kept[i] : r->room->acts;
}

/* One example's gradient into the sum over examples. */
static void add_each(const run *r, float *sum, const float *g, size_t n)
{
    bool square = r->job->per_example == SP_EACH_SQUARE;
#pragma omp parallel for simd if (n > 16384)
    for (size_t i = 0; i < n; i++) sum[i] += fabsf(g[i]) * (square ? fabsf(g[i]) : 1);
}

/* sp_grad_fn: fold a chunk's gradient of one weight into the layer's sums. */
static void collect(void *self, sp_param *p, const float *dy, const float *x, const sp_pack *pack)
{
    run *r = self;
    float *sum = r->sum[p->kind];
    if (!sum) return;
    if (!r->job->per_example) {
        sp_grad_dense(sum, !r->first, p, dy, x, 0, pack->n);
        return;
    }
    if (r->first) memset(sum, 0, sp_numel(p) * sizeof *sum);
    for (int64_t s = 0; s < pack->n_seq; s++) {
        sp_grad_dense(r->one, 0, p, dy, x, pack->start[s], pack->start[s + 1]);
        add_each(r, sum, r->one, sp_numel(p));
    }
}

/* All layer inputs are kept in r->x, or only the last where nothing flows back. */
static void forward_layers(run *r)
{
    sp_model *m = r->m;
    int64_t h = m->cfg.hidden;
    float *x = r->x;
    bool kept;
    sp_embed_forward(m, r->b->ids, r->b->n, x);
    for (int64_t l = 0; l < m->cfg.layers; l++) {
        chunk c = chunks(r->b);
        sp_layer_prefetch(m, l + 1);
        float *y = r->d ? x + (size_t)(r->b->n * h) : x;
        while (next_chunk(&c, r->b))
            sp_layer_forward(m, l, &c.pack, x + c.at * h, y + c.at * h, NULL, NULL,
                             acts_of(r, l, &c, &kept));
        x = y;
        sp_layer_release(m, l);
        free(c.start);
    }
}

float *sp_forward_all(sp_model *m, const sp_batch *b)
{
    sp_grad_room room = {0};
    run r = {.m = m, .b = b, .room = &room, .x = sp_xfloats((size_t)(b->n * m->cfg.hidden))};
    r.n_chunks = count_chunks(b, &room.tokens);
    room.acts = sp_acts_new(m, room.tokens);
    forward_layers(&r);
    drop_acts(&room);
    return r.x;
}

/* Head loss of tokens t0..t1-1 with gradients added to dhead and dnorm (either may be NULL); fills
 * r->d and r->log_sum of those tokens. */
static double head_range(run *r, int64_t t0, int64_t t1, float *dhead, float *dnorm)
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

/* The gradient of head or embedding per example, a block of rows at a time: the sum over examples
 * of what of_example puts into r->one, as |g| or g^2. Nothing then grows with the vocabulary. */
static void emit_by_rows(run *r, sp_param *p,
                         void (*of_example)(run *r, int64_t s, int64_t row, int64_t rows))
{
    int64_t step = SP_MIN(SP_MAX(r->largest / p->cols, 1), p->rows);
    float *sum = sp_xfloats((size_t)(step * p->cols));
    for (int64_t row = 0, rows; row < p->rows; row += rows) {
        rows = SP_MIN(step, p->rows - row);
        memset(sum, 0, (size_t)(rows * p->cols) * sizeof *sum);
        for (int64_t s = 0; s < r->b->n_seq; s++) {
            of_example(r, s, row, rows);
            add_each(r, sum, r->one, (size_t)(rows * p->cols));
        }
        r->job->emit(r->job->self, p, row, rows, sum);
    }
    free(sum);
}

/* Rows of the head's gradient from sequence s alone. */
static void head_rows(run *r, int64_t s, int64_t row, int64_t rows)
{
    int64_t t0 = r->b->start[s], n = r->b->start[s + 1] - t0;
    sp_head_rows(r->m, input(r, r->m->cfg.layers) + t0 * r->m->cfg.hidden, n, r->b->target + t0,
                 r->b->coef + t0, r->log_sum + t0, row, rows, r->one);
}

/* The loss and the gradient of the norm, sequence by sequence; fills r->log_sum, so that the head's
 * own gradient can follow. */
static double head_per_example(run *r, float *dnorm)
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

static void emit_whole(const run *r, sp_param *p, float *g)
{
    r->job->emit(r->job->self, p, 0, p->rows, g);
}

/* The loss, and the gradients of norm and an untied head. A tied head's stays in room->vocab for
 * the embedding to complete it, or is taken up again there per example. */
static double backward_head(run *r)
{
    const sp_model *m = r->m;
    bool all = r->job->all, each = r->job->per_example;
    size_t h = (size_t)m->cfg.hidden, vh = (size_t)m->cfg.vocab * h;
    float *dnorm = all ? sp_xfloats0(h) : NULL, *dhead = NULL;
    if (all && !each) dhead = memset(reserve(&r->room->vocab, vh), 0, vh * sizeof *dhead);
    double loss = each ? head_per_example(r, dnorm) : head_range(r, 0, r->b->n, dhead, dnorm);
    if (all && each && !m->cfg.tied) emit_by_rows(r, m->head, head_rows);
    if (dhead && !m->cfg.tied) emit_whole(r, m->head, dhead);
    sp_layer_release(m, -1);
    if (all) emit_whole(r, m->norm, dnorm);
    free(dnorm);
    return loss;
}

/* Order of emission within a layer: that of the backward pass. */
static const int layer_order[SP_PER_LAYER] = {SP_DOWN, SP_GATE, SP_UP, SP_NORM2, SP_O,
                                              SP_Q,    SP_K,    SP_V,  SP_NORM1};

static bool in_scope(bool all, int kind) { return all || kind < SP_N_LINEARS; }

static void backward_chunk(run *r, int64_t l, const chunk *c)
{
    bool kept;
    int64_t h = r->m->cfg.hidden;
    sp_acts *a = acts_of(r, l, c, &kept);
    const float *x = input(r, l) + c->at * h;
    if (!kept) sp_layer_recompute(r->m, l, &c->pack, x, a);
    r->first = c->number == 0;
    sp_layer_backward(r->m, l, &c->pack, x, r->d + c->at * h, l > 0 || r->job->all, collect, r, a,
                      r->room->work);
}

static void backward_layer(run *r, int64_t l)
{
    if (l > 0) sp_layer_prefetch(r->m, l - 1);
    chunk c = chunks(r->b);
    while (next_chunk(&c, r->b)) backward_chunk(r, l, &c);
    free(c.start);
    for (int i = 0; i < SP_PER_LAYER; i++) {
        int k = layer_order[i];
        if (r->sum[k]) emit_whole(r, sp_layer_param(r->m, l, k), r->sum[k]);
    }
    sp_layer_release(r->m, l);
}

/* g (rows, H) += embed_scale * d of those tokens t0..t1-1 whose ids lie in row .. row+rows-1, by
 * id. */
static void scatter(const run *r, float *g, int64_t t0, int64_t t1, int64_t row, int64_t rows)
{
    int64_t h = r->m->cfg.hidden;
    for (int64_t t = t0; t < t1; t++) {
        float *to = g + (r->b->ids[t] - row) * h;
        if (r->b->ids[t] < row || r->b->ids[t] >= row + rows) continue;
        for (int64_t i = 0; i < h; i++) to[i] += r->m->cfg.embed_scale * r->d[t * h + i];
    }
}

/* Rows of the embedding's gradient from sequence s alone; a tied head's joins it before its
 * absolute value or square. */
static void embed_rows(run *r, int64_t s, int64_t row, int64_t rows)
{
    if (r->m->cfg.tied) head_rows(r, s, row, rows);
    else memset(r->one, 0, (size_t)(rows * r->m->cfg.hidden) * sizeof(float));
    scatter(r, r->one, r->b->start[s], r->b->start[s + 1], row, rows);
}

static void backward_embed(run *r)
{
    sp_param *p = r->m->embed;
    if (r->job->per_example) {
        emit_by_rows(r, p, embed_rows);
        return;
    }
    float *g = reserve(&r->room->vocab, sp_numel(p));
    if (!r->m->cfg.tied) memset(g, 0, sp_numel(p) * sizeof *g);
    scatter(r, g, 0, r->b->n, 0, p->rows);
    emit_whole(r, p, g);
}

static void run_open(run *r, sp_model *m, const sp_batch *b, const sp_grad_job *job)
{
    size_t nh = (size_t)(b->n * m->cfg.hidden);
    int64_t tokens;
    *r = (run){.m = m,
               .b = b,
               .job = job,
               .room = job->room ? job->room : sp_grad_room_new(SP_KEEP),
               .n_chunks = count_chunks(b, &tokens)};
    reserve_acts(r->room, m, tokens, r->n_chunks);
    r->x = reserve(&r->room->x, (size_t)(m->cfg.layers + 1) * nh);
    r->d = reserve(&r->room->d, nh);
    r->log_sum = reserve(&r->room->log_sum, (size_t)b->n);
    for (int k = 0; k < SP_PER_LAYER; k++) {
        size_t n = sp_numel(sp_layer_param(m, 0, k));
        r->largest = SP_MAX(r->largest, (int64_t)n);
        if (in_scope(job->all, k)) r->sum[k] = reserve(&r->room->sum[k], n);
    }
    if (job->per_example)
        r->one = reserve(&r->room->one, (size_t)SP_MAX(r->largest, m->cfg.hidden));
}

/* The caller's look at the losses before anything flows back. */
static bool weigh(run *r)
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

double sp_grad_run(sp_model *m, const sp_batch *b, const sp_grad_job *job)
{
    run r;
    run_open(&r, m, b, job);
    forward_layers(&r);
    double loss = 0;
    if (weigh(&r)) {
        loss = backward_head(&r);
        for (int64_t l = m->cfg.layers - 1; l >= 0; l--) backward_layer(&r, l);
        if (job->all) backward_embed(&r);
    }
    if (!job->room) sp_grad_room_free(r.room);
    return loss;
}

size_t sp_grad_order(const sp_model *m, bool all, sp_param **list)
{
    size_t n = 0;
    if (all && !m->cfg.tied) list[n++] = m->head;
    if (all) list[n++] = m->norm;
    for (int64_t l = m->cfg.layers - 1; l >= 0; l--)
        for (int i = 0; i < SP_PER_LAYER; i++)
            if (in_scope(all, layer_order[i])) list[n++] = sp_layer_param(m, l, layer_order[i]);
    if (all) list[n++] = m->embed;
    return n;
}

/* The head is done before the layers' sums come into being, and the embedding, which may be the
 * head, while they are still there. */
uint64_t sp_grad_bytes(const sp_model *m, int64_t tokens, int64_t longest, const sp_grad_job *job)
{
    uint64_t layer = 0, sums = 0, one = 0, h = (uint64_t)m->cfg.hidden, vocab = sp_numel(m->head);
    for (int k = 0; k < SP_PER_LAYER; k++) {
        uint64_t n = sp_numel(sp_layer_param(m, 0, k));
        layer += n * sp_dtype_size(sp_layer_param(m, 0, k)->dtype);
        if (in_scope(job->all, k)) sums += n * sizeof(float);
        if (job->per_example) one = SP_MAX(one, n * sizeof(float));
    }
    uint64_t head = vocab * sp_dtype_size(m->head->dtype), rows = job->all ? one : 0,
             first = head + sp_head_bytes(m, tokens) + rows;
    uint64_t last =
        sums + rows +
        (job->all && job->per_example ? sp_numel(m->embed) * sp_dtype_size(m->embed->dtype) : 0);
    /* a tied head's gradient waits for the embedding's */
    uint64_t whole = job->all && !job->per_example ? vocab * sizeof(float) : 0;
    uint64_t inputs = (uint64_t)tokens * h * sizeof(float) * (uint64_t)(m->cfg.layers + 2);
    int64_t chunk_tokens = SP_MIN(tokens, SP_MAX(longest, CHUNK));
    uint64_t acts = sp_acts_bytes(m, chunk_tokens) +
                    SP_MIN(may_keep(SP_KEEP), (uint64_t)m->cfg.layers * sp_acts_bytes(m, tokens));
    return inputs + acts + sp_work_bytes(m, chunk_tokens) + one + whole +
           SP_MAX(SP_MAX(first, sums + layer), last);
}
