/* attn.c - see attn.h.
 *
 * Work is cut into blocks of QUERY_ROWS query rows of one head of one sequence, so that the scores
 * of a block (rows x keys) stay small whatever the length of the sequence. A block sees the key
 * positions lo .. hi-1; with a window of 3, rows at positions 4 and 5 see
 *
 *     position   0 1 2 3 4 5        lo = 2, hi = 6; the scores of a block are a full
 *     row 4          x x x          rectangle, of which the softmax takes the x and
 *     row 5            x x x        sets the rest to 0
 *
 * In the forward pass blocks are independent. In the backward pass the heads of a group add to the
 * gradients of the same keys: one task owns a key/value head of a sequence and walks its query
 * heads and blocks in order, so that sums have a fixed order for any number of threads.
 *
 * A block of a single row (generation) goes without OpenBLAS: it is bound by reading the cache.
 *
 * Keys and values are read through head_keys, whatever they lie in:
 *
 *     source          rows lie apart by       cap                  row of position p
 *     pack's arrays   kv_heads * head_dim     tokens of sequence   p
 *     cache           head_dim                rows of the ring     p % cap
 *
 * In the ring the positions of a block may begin near its end and go on at row 0. Such a block
 * takes two products, one for each stretch of rows that lie side by side.
 *
 * Each thread has its own room for the scores of a block, (QUERY_ROWS, reach), where reach is one
 * more than the largest position. Nothing of the forward pass is kept for the backward pass, which
 * computes the probabilities again.
 */
#include "engine/attn.h"

#include "base/memory.h"
#include "engine/gemm.h"
#include "engine/softmax.h"

#include <stdlib.h>
#include <string.h>

/* Query rows of a block: the scores of a block take QUERY_ROWS * (hi - lo) floats. */
#define QUERY_ROWS 64
/* Keys or values of a cache that are prefetched ahead of their use. */
#define AHEAD      8
/* Multiply-adds up to which a second thread costs more than it gains, as in gemm.c. */
#define ONE_THREAD (64. * 64 * 64)

/* ---- one block of query rows of one head ---------------------------------------------- */

/* Keys and values of one key/value head of one sequence: position p is row p % cap, rows ld floats
 * apart. */
typedef struct {
    const float *k, *v;
    int64_t ld, cap;
} head_keys;

typedef struct {
    int64_t pos;    /* position of the first row */
    int64_t rows;   /* at most QUERY_ROWS */
    int64_t lo, hi; /* positions lo .. hi-1 are seen by any of the rows */
} query_block;

/* Describe the block of sequence s that begins at its row `first` of this pack. The first row has
 * the smallest lo of the block, the last row the largest hi; all that is between is computed. */
static query_block make_block(const sp_config *c, const sp_pack *p, int64_t s, int64_t first)
{
    int64_t pos = sp_pack_pos0(p, s) + first;
    int64_t rows = SP_MIN(QUERY_ROWS, sp_pack_len(p, s) - first);
    int64_t lo = c->window ? SP_MAX(pos - c->window + 1, 0) : 0;
    return (query_block){pos, rows, lo, pos + rows};
}

/* Return the end of the stretch that begins at position `from`: the rows of from .. end-1 lie side
 * by side. It is hi, or the position at which the ring begins anew. A pack's arrays give hi. */
static int64_t stretch_end(const head_keys *kv, int64_t from, int64_t hi)
{
    return SP_MIN(hi, (from / kv->cap + 1) * kv->cap);
}

/* Compute scores[j] = scale * q . k_j for one query q (d) and n keys (n, d; ld). The processor does
 * not foresee rows of a cache beyond the end of a page, so keys are prefetched. */
static void score_row(float *scores, const float *q, const float *k, int64_t ld, int64_t n,
                      int64_t d, float scale)
{
    for (int64_t j = 0; j < n; j++) {
        if (j + AHEAD < n) sp_prefetch(k + (j + AHEAD) * ld, d * (int64_t)sizeof *k);
        scores[j] = scale * sp_dotf(q, k + j * ld, d);
    }
}

/* Compute scores (rows, hi-lo) = scale * q k^T, with q (rows, d; ldq). Column j belongs to position
 * lo + j. Columns that a row does not see are computed too; block_softmax sets them to 0. */
static void block_scores(float *scores, const query_block *b, const float *q, int64_t ldq,
                         const head_keys *kv, int64_t d, float scale)
{
    int64_t width = b->hi - b->lo;
    for (int64_t from = b->lo, end; from < b->hi; from = end) {
        end = stretch_end(kv, from, b->hi);
        const float *k = kv->k + from % kv->cap * kv->ld;
        float *out = scores + from - b->lo;
        if (b->rows == 1) score_row(out, q, k, kv->ld, end - from, d, scale);
        else
            sp_gemm_small(false, true, b->rows, end - from, d, scale, q, ldq, k, kv->ld, 0, out,
                          width);
    }
}

/* Replace each row of scores by its softmax over the positions that it sees, and by 0 elsewhere.
 * Columns first .. end-1 are seen; the row's own position is one of them. */
static void block_softmax(float *scores, const query_block *b, int64_t window)
{
    int64_t width = b->hi - b->lo;
    for (int64_t r = 0; r < b->rows; r++) {
        float *x = scores + r * width, max;
        int64_t pos = b->pos + r, first = window ? SP_MAX(pos - window + 1 - b->lo, 0) : 0,
                end = pos + 1 - b->lo;
        float inverse = 1 / sp_softmax_terms(x + first, end - first, &max);
        for (int64_t j = 0; j < first; j++) x[j] = 0;
        for (int64_t j = first; j < end; j++) x[j] *= inverse;
        for (int64_t j = end; j < width; j++) x[j] = 0;
    }
}

/* ctx (d) = prob (n) v (n, d; ld), added to what is there if `add`. Sums of 64 columns at a time
 * stay in registers. */
static void mix_row(float *ctx, bool add, const float *prob, const float *v, int64_t ld, int64_t n,
                    int64_t d)
{
    if (!add) memset(ctx, 0, (size_t)d * sizeof *ctx);
    int64_t i = 0;
    for (; i + 64 <= d; i += 64) {
        sp_f32x16 *to = (sp_f32x16 *)(ctx + i), s0 = to[0], s1 = to[1], s2 = to[2], s3 = to[3];
        for (int64_t j = 0; j < n; j++) {
            if (j + AHEAD < n) sp_prefetch(v + (j + AHEAD) * ld + i, 64 * sizeof *v);
            const sp_f32x16 *y = (const sp_f32x16 *)(v + j * ld + i);
            s0 += prob[j] * y[0], s1 += prob[j] * y[1];
            s2 += prob[j] * y[2], s3 += prob[j] * y[3];
        }
        to[0] = s0, to[1] = s1, to[2] = s2, to[3] = s3;
    }
    for (int64_t j = 0; i < d && j < n; j++)
        for (int64_t k = i; k < d; k++) ctx[k] += prob[j] * v[j * ld + k];
}

/* Compute ctx (rows, d; ldc) = prob (rows, hi-lo) v. The first stretch overwrites ctx, the others
 * add to it. Positions that a row does not see have a probability of 0 and change nothing. */
static void block_mix(float *ctx, int64_t ldc, const float *prob, const query_block *b,
                      const head_keys *kv, int64_t d)
{
    int64_t width = b->hi - b->lo;
    for (int64_t from = b->lo, end; from < b->hi; from = end) {
        end = stretch_end(kv, from, b->hi);
        const float *v = kv->v + from % kv->cap * kv->ld, *x = prob + from - b->lo;
        bool add = from > b->lo;
        if (b->rows == 1) mix_row(ctx, add, x, v, kv->ld, end - from, d);
        else
            sp_gemm_small(false, false, b->rows, d, end - from, 1, x, width, v, kv->ld, add, ctx,
                          ldc);
    }
}

/* ---- forward -------------------------------------------------------------------------- */

/* Find the keys and values of one head of sequence s in the pack's own arrays, which hold all its
 * positions: cap is the length, so there is a single stretch. Needs positions that start at 0. */
static head_keys pack_keys(const sp_config *c, const sp_pack *p, int64_t s, int64_t kv_head,
                           const float *k, const float *v)
{
    int64_t ld = c->kv_heads * c->head_dim, first = p->start[s] * ld + kv_head * c->head_dim;
    return (head_keys){k + first, v + first, ld, sp_pack_len(p, s)};
}

/* Find the keys and values of one head of sequence s where `from` says: in the pack's own arrays or
 * in the slot of the sequence in a cache. */
static head_keys find_keys(const sp_config *c, const sp_pack *p, int64_t s, int64_t kv_head,
                           const sp_attn_keys *from)
{
    const sp_kv *kv = from->kv;
    if (!kv) return pack_keys(c, p, s, kv_head, from->k, from->v);
    int64_t at = sp_kv_offset(kv, from->layer, from->slot ? from->slot[s] : s, kv_head);
    return (head_keys){kv->k + at, kv->v + at, kv->head_dim, kv->cap};
}

/* A block of every head: where it begins. */
typedef struct {
    /* sequence of the pack; first row, counted in tokens of that sequence in this pack */
    int64_t seq, row;
} place;

/* List the first rows of all blocks of a pack; the caller frees the list. *n gets their number. The
 * room is enough: a sequence has at most len / QUERY_ROWS (rounded down) + 1 blocks. */
static place *list_blocks(const sp_pack *p, int64_t *n)
{
    place *list = sp_xarray((size_t)(p->n / QUERY_ROWS + p->n_seq), sizeof *list);
    *n = 0;
    for (int64_t s = 0; s < p->n_seq; s++)
        for (int64_t row = 0; row < sp_pack_len(p, s); row += QUERY_ROWS)
            list[(*n)++] = (place){s, row};
    return list;
}

void sp_attn_forward(const sp_config *c, const sp_pack *p, const float *q, const sp_attn_keys *from,
                     float *ctx)
{
    int64_t d = c->head_dim, ld = c->heads * d, group = c->heads / c->kv_heads, n;
    int64_t reach = sp_pack_reach(p);
    place *list = list_blocks(p, &n);
    double work = (double)(p->n * c->heads) * (double)(reach * d);
    float scale = 1 / sqrtf((float)d);
#pragma omp parallel if (work > ONE_THREAD)
    {
        float *scores = sp_xfloats((size_t)(QUERY_ROWS * reach));
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < n * c->heads; i++) {
            /* a task is (block, head); no other writes to the same rows and columns of ctx */
            place at = list[i / c->heads];
            int64_t h = i % c->heads, first = (p->start[at.seq] + at.row) * ld + h * d;
            query_block b = make_block(c, p, at.seq, at.row);
            head_keys kv = find_keys(c, p, at.seq, h / group, from);
            block_scores(scores, &b, q + first, ld, &kv, d, scale);
            block_softmax(scores, &b, c->window);
            block_mix(ctx + first, ld, scores, &b, &kv, d);
        }
        free(scores);
    }
    free(list);
}

/* ---- backward ------------------------------------------------------------------------- */

/* Replace dprob (rows, width), the gradient of the probabilities, by that of the scores:
 *
 *     dscore_j = prob_j * (dprob_j - sum_i dprob_i prob_i)
 *
 * It is 0 where prob is, so positions that a row does not see get no gradient. */
static void softmax_backward(float *dprob, const float *prob, int64_t rows, int64_t width)
{
    for (int64_t r = 0; r < rows; r++) {
        float s = sp_dotf(dprob + r * width, prob + r * width, width);
        for (int64_t j = 0; j < width; j++)
            dprob[r * width + j] = prob[r * width + j] * (dprob[r * width + j] - s);
    }
}

/* What one block reads and adds to. */
typedef struct {
    const float *q, *dctx; /* of its rows */
    float *dq;             /* of its rows, overwritten */
    float *dk, *dv;        /* of all positions of its key/value head, added to */
    int64_t ldq;           /* rows of q, dctx and dq; those of dk and dv are as far apart as keys */
} block_grads;

/* Take one block back. prob and dprob are work space for (rows, hi-lo). With S = scale Q K^T, P =
 * softmax(S), C = P V:
 *
 *     dP = dC V^T      dV += P^T dC      dS from dP
 *     dQ = scale dS K  dK += scale dS^T Q
 *
 * Keys, dk and dv are addressed as one stretch, which holds for pack_keys alone. */
static void block_backward(const sp_config *c, const query_block *b, const head_keys *kv,
                           const block_grads *g, float *prob, float *dprob, float scale)
{
    int64_t d = c->head_dim, rows = b->rows, width = b->hi - b->lo, at = b->lo * kv->ld;
    const float *k = kv->k + at, *v = kv->v + at;
    float *dk = g->dk + at, *dv = g->dv + at;
    block_scores(prob, b, g->q, g->ldq, kv, d, scale);
    block_softmax(prob, b, c->window);
    sp_gemm_small(false, true, rows, width, d, 1, g->dctx, g->ldq, v, kv->ld, 0, dprob, width);
    sp_gemm_small(true, false, width, d, rows, 1, prob, width, g->dctx, g->ldq, 1, dv, kv->ld);
    softmax_backward(dprob, prob, rows, width);
    sp_gemm_small(false, false, rows, d, width, scale, dprob, width, k, kv->ld, 0, g->dq, g->ldq);
    sp_gemm_small(true, false, width, d, rows, scale, dprob, width, g->q, g->ldq, 1, dk, kv->ld);
}

void sp_attn_backward(const sp_config *c, const sp_pack *p, const float *q, const float *k,
                      const float *v, const float *dctx, float *dq, float *dk, float *dv)
{
    int64_t d = c->head_dim, ldq = c->heads * d, ldk = c->kv_heads * d;
    int64_t group = c->heads / c->kv_heads, reach = sp_pack_reach(p);
    float scale = 1 / sqrtf((float)d);
    /* blocks add to dk and dv; each row of dq belongs to one block, which overwrites it */
    memset(dk, 0, (size_t)(p->n * ldk) * sizeof *dk);
    memset(dv, 0, (size_t)(p->n * ldk) * sizeof *dv);
#pragma omp parallel
    {
        float *prob = sp_xfloats((size_t)(QUERY_ROWS * reach)),
              *dprob = sp_xfloats((size_t)(QUERY_ROWS * reach));
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < p->n_seq * c->kv_heads; i++) {
            int64_t s = i / c->kv_heads, kv_head = i % c->kv_heads;
            /* where the gradients of this key/value head begin; no other task writes there */
            int64_t own = p->start[s] * ldk + kv_head * d;
            head_keys kv = pack_keys(c, p, s, kv_head, k, v);
            for (int64_t h = kv_head * group; h < (kv_head + 1) * group; h++)
                for (int64_t row = 0; row < sp_pack_len(p, s); row += QUERY_ROWS) {
                    int64_t at = (p->start[s] + row) * ldq + h * d;
                    query_block b = make_block(c, p, s, row);
                    block_grads g = {q + at, dctx + at, dq + at, dk + own, dv + own, ldq};
                    block_backward(c, &b, &kv, &g, prob, dprob, scale);
                }
        }
        free(prob);
        free(dprob);
    }
}
