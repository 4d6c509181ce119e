/* attn.c - see attn.h.
 *
 * Work is cut into blocks of query rows of one head, so that the scores of a block (QBLOCK x keys)
 * stay small whatever the length of the sequence. Blocks are independent in the forward pass; in
 * the backward pass one task owns a key/value head of a sequence and walks its blocks in order, so
 * that sums have a fixed order.
 */
#include "engine/attn.h"

#include "engine/gemm.h"
#include "tensor/fmath.h"

#include <stdlib.h>
#include <string.h>

#define QBLOCK 64

static int64_t position0(const sp_pack *p, int64_t s) { return p->pos0 ? p->pos0[s] : 0; }

static int64_t last_position(const sp_pack *p)
{
    int64_t n = 0;
    for (int64_t s = 0; s < p->n_seq; s++)
        n = SP_MAX(n, position0(p, s) + p->start[s + 1] - p->start[s]);
    return n;
}

/* ---- rotary embedding ----------------------------------------------------------------- */

static void rotate(float *x, const float *c, const float *s, int64_t half, float sign)
{
    for (int64_t i = 0; i < half; i++) {
        float a = x[i], b = x[i + half];
        x[i] = a * c[i] - sign * b * s[i];
        x[i + half] = b * c[i] + sign * a * s[i];
    }
}

void sp_rope(const sp_model *m, const sp_pack *p, float *x, int64_t n_heads, int sign)
{
    int64_t d = m->cfg.head_dim, half = d / 2;
    for (int64_t s = 0; s < p->n_seq; s++) {
#pragma omp parallel for if ((p->start[s + 1] - p->start[s]) * n_heads * d > 16384)
        for (int64_t t = p->start[s]; t < p->start[s + 1]; t++) {
            int64_t pos = position0(p, s) + t - p->start[s];
            for (int64_t h = 0; h < n_heads; h++)
                rotate(x + (t * n_heads + h) * d, m->rope_cos + pos * half,
                       m->rope_sin + pos * half, half, (float)sign);
        }
    }
}

/* ---- cache ---------------------------------------------------------------------------- */

void sp_kv_alloc(sp_kv *kv, const sp_model *m, int64_t n_seq, int64_t cap)
{
    size_t row = (size_t)(m->cfg.kv_heads * m->cfg.head_dim),
           n = (size_t)(m->cfg.layers * n_seq * cap);
    *kv = (sp_kv){n_seq, cap, sp_xfloats(n * row), sp_xfloats(n * row)};
}

uint64_t sp_kv_bytes(const sp_model *m, int64_t n_seq, int64_t cap)
{
    return 2 * sizeof(float) * (uint64_t)(m->cfg.layers * m->cfg.kv_heads * m->cfg.head_dim) *
           (uint64_t)(n_seq * cap);
}

void sp_kv_free(sp_kv *kv)
{
    free(kv->k);
    free(kv->v);
    *kv = (sp_kv){0};
}

/* First float of what a slot keeps of one head in layer l: a head's positions follow each other,
 * since attention reads them so. */
static int64_t slot_base(const sp_kv *kv, const sp_model *m, int64_t l, int64_t slot, int64_t head)
{
    return ((l * kv->n_seq + slot) * m->cfg.kv_heads + head) * kv->cap * m->cfg.head_dim;
}

void sp_kv_append(sp_kv *kv, const sp_model *m, int64_t l, const sp_pack *p, const int64_t *slot,
                  const float *k, const float *v)
{
    int64_t d = m->cfg.head_dim, heads = m->cfg.kv_heads;
    for (int64_t s = 0; s < p->n_seq; s++)
        for (int64_t t = p->start[s]; t < p->start[s + 1]; t++)
            for (int64_t h = 0; h < heads; h++) {
                int64_t row = (position0(p, s) + t - p->start[s]) % kv->cap,
                        at = slot_base(kv, m, l, slot ? slot[s] : s, h) + row * d;
                memcpy(kv->k + at, k + (t * heads + h) * d, (size_t)d * sizeof *k);
                memcpy(kv->v + at, v + (t * heads + h) * d, (size_t)d * sizeof *v);
            }
}

/* ---- one block of query rows of one head ---------------------------------------------- */

/* Keys and values of one kv head of one sequence: position p is row p % cap, rows ld floats apart.
 */
typedef struct {
    const float *k, *v;
    int64_t ld, cap;
} keys;

/* The block: rows i0 .. i0+rows-1 of the sequence see positions lo .. hi-1 between them. */
typedef struct {
    int64_t pos, rows, lo, hi; /* pos: position of the first row */
} block;

static block make_block(const sp_model *m, const sp_pack *p, int64_t s, int64_t i0)
{
    int64_t len = p->start[s + 1] - p->start[s], pos = position0(p, s) + i0,
            rows = SP_MIN(QBLOCK, len - i0);
    int64_t w = m->cfg.window, lo = w ? SP_MAX(pos - w + 1, 0) : 0;
    return (block){pos, rows, lo, pos + rows};
}

/* Positions from..hi-1 that are contiguous in the ring start at `from`; where does the run end? */
static int64_t run_end(const keys *kv, int64_t from, int64_t hi)
{
    return SP_MIN(hi, (from / kv->cap + 1) * kv->cap);
}

#define AHEAD                                                                                   \
    8 /* keys or values of a cache, which are read once a token: so many before they are needed \
         they are brought near */

/* scores (rows, hi-lo) = scale * q k^T */
static void block_scores(float *scores, const block *b, const float *q, int64_t ldq, const keys *kv,
                         int64_t d, float scale)
{
    int64_t width = b->hi - b->lo;
    for (int64_t from = b->lo, end; from < b->hi; from = end) {
        end = run_end(kv, from, b->hi);
        const float *k = kv->k + from % kv->cap * kv->ld;
        float *out = scores + from - b->lo;
        if (b->rows > 1)
            sp_gemm_small(false, true, b->rows, end - from, d, scale, q, ldq, k, kv->ld, 0, out,
                          width);
        else
            for (int64_t j = 0; j < end - from; j++) {
                if (j + AHEAD < end - from)
                    sp_bring(k + (j + AHEAD) * kv->ld, d * (int64_t)sizeof *k);
                out[j] = scale * sp_dotf(q, k + j * kv->ld, d);
            }
    }
}

/* Softmax of each row over the positions it may see; zero elsewhere. */
static void block_softmax(float *scores, const block *b, int64_t window)
{
    int64_t width = b->hi - b->lo;
    for (int64_t r = 0; r < b->rows; r++) {
        float *x = scores + r * width, max = -INFINITY, sum = 0;
        int64_t pos = b->pos + r, first = window ? SP_MAX(pos - window + 1 - b->lo, 0) : 0,
                end = pos + 1 - b->lo;
#pragma omp simd reduction(max : max)
        for (int64_t j = first; j < end; j++) max = x[j] > max ? x[j] : max;
#pragma omp simd reduction(+ : sum)
        for (int64_t j = first; j < end; j++) sum += x[j] = sp_expf(x[j] - max);
        float inv = 1 / sum;
        for (int64_t j = 0; j < first; j++) x[j] = 0;
        for (int64_t j = first; j < end; j++) x[j] *= inv;
        for (int64_t j = end; j < width; j++) x[j] = 0;
    }
}

/* ctx (d) = x (n) v (n, d), to what is there if `add`: sums of 64 columns at a time stay in
 * registers. */
static void mix_row(float *ctx, bool add, const float *x, const float *v, int64_t ld, int64_t n,
                    int64_t d)
{
    if (!add) memset(ctx, 0, (size_t)d * sizeof *ctx);
    int64_t i = 0;
    for (; i + 64 <= d; i += 64) {
        sp_f32x16 *to = (sp_f32x16 *)(ctx + i), s0 = to[0], s1 = to[1], s2 = to[2], s3 = to[3];
        for (int64_t j = 0; j < n; j++) {
            if (j + AHEAD < n) sp_bring(v + (j + AHEAD) * ld + i, 64 * sizeof *v);
            const sp_f32x16 *y = (const sp_f32x16 *)(v + j * ld + i);
            s0 += x[j] * y[0], s1 += x[j] * y[1], s2 += x[j] * y[2], s3 += x[j] * y[3];
        }
        to[0] = s0, to[1] = s1, to[2] = s2, to[3] = s3;
    }
    for (int64_t j = 0; i < d && j < n; j++)
        for (int64_t k = i; k < d; k++) ctx[k] += x[j] * v[j * ld + k];
}

/* ctx (rows, d) = p v */
static void block_mix(float *ctx, int64_t ldc, const float *prob, const block *b, const keys *kv,
                      int64_t d)
{
    int64_t width = b->hi - b->lo;
    for (int64_t from = b->lo, end; from < b->hi; from = end) {
        end = run_end(kv, from, b->hi);
        const float *v = kv->v + from % kv->cap * kv->ld, *x = prob + from - b->lo;
        if (b->rows > 1)
            sp_gemm_small(false, false, b->rows, d, end - from, 1, x, width, v, kv->ld,
                          from > b->lo, ctx, ldc);
        else mix_row(ctx, from > b->lo, x, v, kv->ld, end - from, d);
    }
}

/* ---- forward -------------------------------------------------------------------------- */

static keys keys_of(const sp_model *m, const sp_pack *p, int64_t s, int64_t kv_head, const float *k,
                    const float *v, const sp_kv *kv, int64_t l, const int64_t *slot)
{
    int64_t d = m->cfg.head_dim, ld = m->cfg.kv_heads * d, own = p->start[s] * ld + kv_head * d;
    if (!kv) return (keys){k + own, v + own, ld, p->start[s + 1] - p->start[s]};
    int64_t base = slot_base(kv, m, l, slot ? slot[s] : s, kv_head);
    return (keys){kv->k + base, kv->v + base, d, kv->cap};
}

typedef struct {
    int64_t seq, row;
} task;

/* All (sequence, first row) of the pack's blocks; *n gets the count. */
static task *list_blocks(const sp_pack *p, int64_t *n)
{
    task *tasks = sp_xarray((size_t)(p->n / QBLOCK + p->n_seq), sizeof *tasks);
    *n = 0;
    for (int64_t s = 0; s < p->n_seq; s++)
        for (int64_t i = 0; i < p->start[s + 1] - p->start[s]; i += QBLOCK)
            tasks[(*n)++] = (task){s, i};
    return tasks;
}

void sp_attn_forward(const sp_model *m, const sp_pack *p, const float *q, const float *k,
                     const float *v, const sp_kv *kv, int64_t l, const int64_t *slot, float *ctx)
{
    const sp_config *c = &m->cfg;
    int64_t d = c->head_dim, ld = c->heads * d, group = c->heads / c->kv_heads, n,
            max_len = last_position(p);
    task *tasks = list_blocks(p, &n);
    double work = (double)(p->n * c->heads) * (double)(max_len * d);
    float scale = 1 / sqrtf((float)d);
#pragma omp parallel if (work > 64 * 64 * 64) /* as in gemm.c */
    {
        float *scores = sp_xfloats((size_t)(QBLOCK * max_len));
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < n * c->heads; i++) {
            task t = tasks[i / c->heads];
            int64_t h = i % c->heads, at = (p->start[t.seq] + t.row) * ld + h * d;
            block b = make_block(m, p, t.seq, t.row);
            keys kk = keys_of(m, p, t.seq, h / group, k, v, kv, l, slot);
            block_scores(scores, &b, q + at, ld, &kk, d, scale);
            block_softmax(scores, &b, c->window);
            block_mix(ctx + at, ld, scores, &b, &kk, d);
        }
        free(scores);
    }
    free(tasks);
}

/* ---- backward ------------------------------------------------------------------------- */

/* ds = prob * (dprob - rowsum(dprob * prob)), into dprob */
static void softmax_backward(float *dprob, const float *prob, int64_t rows, int64_t width)
{
    for (int64_t r = 0; r < rows; r++) {
        float s = sp_dotf(dprob + r * width, prob + r * width, width);
        for (int64_t j = 0; j < width; j++)
            dprob[r * width + j] = prob[r * width + j] * (dprob[r * width + j] - s);
    }
}

typedef struct {
    const float *q, *dctx;
    float *dq, *dk, *dv; /* dk, dv: (positions, ld) of this kv head */
    int64_t ldq;
} grads;

static void block_backward(const sp_model *m, const block *b, const keys *kv, const grads *g,
                           float *prob, float *dprob, float scale)
{
    int64_t d = m->cfg.head_dim, width = b->hi - b->lo;
    const float *k = kv->k + b->lo * kv->ld, *v = kv->v + b->lo * kv->ld;
    block_scores(prob, b, g->q, g->ldq, kv, d, scale);
    block_softmax(prob, b, m->cfg.window);
    sp_gemm_small(false, true, b->rows, width, d, 1, g->dctx, g->ldq, v, kv->ld, 0, dprob, width);
    sp_gemm_small(true, false, width, d, b->rows, 1, prob, width, g->dctx, g->ldq, 1,
                  g->dv + b->lo * kv->ld, kv->ld);
    softmax_backward(dprob, prob, b->rows, width);
    sp_gemm_small(false, false, b->rows, d, width, scale, dprob, width, k, kv->ld, 0, g->dq,
                  g->ldq);
    sp_gemm_small(true, false, width, d, b->rows, scale, dprob, width, g->q, g->ldq, 1,
                  g->dk + b->lo * kv->ld, kv->ld);
}

void sp_attn_backward(const sp_model *m, const sp_pack *p, const float *q, const float *k,
                      const float *v, const float *dctx, float *dq, float *dk, float *dv)
{
    const sp_config *c = &m->cfg;
    int64_t d = c->head_dim, ldq = c->heads * d, ldk = c->kv_heads * d,
            group = c->heads / c->kv_heads, max_len = last_position(p);
    float scale = 1 / sqrtf((float)d);
    memset(dk, 0, (size_t)(p->n * ldk) * sizeof *dk);
    memset(dv, 0, (size_t)(p->n * ldk) * sizeof *dv);
#pragma omp parallel
    {
        float *prob = sp_xfloats((size_t)(QBLOCK * max_len)),
              *dprob = sp_xfloats((size_t)(QBLOCK * max_len));
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < p->n_seq * c->kv_heads; i++) {
            int64_t s = i / c->kv_heads, kh = i % c->kv_heads, own = p->start[s] * ldk + kh * d;
            keys kk = keys_of(m, p, s, kh, k, v, NULL, 0, NULL);
            for (int64_t h = kh * group; h < (kh + 1) * group; h++)
                for (int64_t row = 0; row < p->start[s + 1] - p->start[s]; row += QBLOCK) {
                    int64_t at = (p->start[s] + row) * ldq + h * d;
                    block b = make_block(m, p, s, row);
                    grads g = {q + at, dctx + at, dq + at, dk + own, dv + own, ldq};
                    block_backward(m, &b, &kk, &g, prob, dprob, scale);
                }
        }
        free(prob);
        free(dprob);
    }
}
