/* batch.c - see batch.h.
 *
 * A batch is packed in two passes: the first adds up the lengths, which give `start` and the size
 * of the arrays, and the second fills them. Labels are shifted while they are copied, so that
 * everything behind this file finds a token's target at the token that predicts it:
 *
 *     labels     a b c d      of the example
 *     target     b c d -      in the batch; the last token predicts nothing
 *
 * Chunks are found by walking over `start` greedily. Nothing about them is stored in the batch.
 */
#include "train/batch.h"

#include "base/base.h"
#include "engine/token_target.h"

#include <stdlib.h>

/* ---- packing -------------------------------------------------------------------------- */

/* Count the targets of an example. Label 0 is left out, because no token comes before it. */
static int64_t scored_tokens(const sp_example *x)
{
    int64_t n = 0;
    for (int64_t t = 1; t < x->n; t++) n += x->labels[t] >= 0;
    return n;
}

/* Write one sequence into the batch from token `at` on. Labels are shifted here: the token at t
 * predicts the label at t + 1. */
static void pack_one(sp_batch *b, int64_t at, const sp_seq *s)
{
    for (int64_t t = 0; t < s->ex->n; t++) {
        int32_t next = t + 1 < s->ex->n ? s->ex->labels[t + 1] : -1;
        b->ids[at + t] = s->ex->ids[t];
        b->target[at + t] = next < 0 ? SP_NO_TARGET : s->soft ? SP_SOFT : next;
        b->coef[at + t] = next < 0 ? 0 : (float)s->coef;
    }
}

/* The arrays are sized here for all sequences, whose tokens lie side by side in the order of
 * seqs. */
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

/* Return what the cross-entropy of a scored token is divided by. Its example has `own` scored
 * tokens, and all n examples together have `scored`. The result is at least 1: an example without
 * scored tokens must not make it 0. */
static double divisor(sp_mean mean, int64_t own, int64_t scored, size_t n)
{
    switch (mean) {
    case SP_MEAN_TOKEN: return (double)SP_MAX(scored, 1);
    case SP_MEAN_EXAMPLE: return (double)SP_MAX(own, 1) * (double)n;
    case SP_MEAN_OWN: break;
    }
    return (double)SP_MAX(own, 1);
}

/* Two passes: the mean over all tokens needs the count of the whole batch before the first
 * coefficient can be given. */
void sp_seqs_of(sp_seq *seqs, const sp_examples *data, const size_t *order, size_t n, sp_mean mean,
                double weight, bool soft)
{
    int64_t scored = 0;
    for (size_t i = 0; i < n; i++) {
        seqs[i] = (sp_seq){&data->ex[order ? order[i] : i], 0, soft};
        scored += scored_tokens(seqs[i].ex);
    }
    for (size_t i = 0; i < n; i++)
        seqs[i].coef = weight / divisor(mean, scored_tokens(seqs[i].ex), scored, n);
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

/* ---- chunks --------------------------------------------------------------------------- */

/* `number` starts at -1 and pack.n_seq at 0, so that the first call of sp_chunk_next advances to
 * chunk 0 at sequence 0 like every other call. */
void sp_chunk_open(sp_chunk *c, const sp_batch *b)
{
    *c = (sp_chunk){
        .number = -1, .of = b, .start = sp_xarray((size_t)b->n_seq + 1, sizeof *c->start)};
}

/* Take sequences as long as they fit together. The first one always goes in, even when it alone is
 * longer than SP_CHUNK, because a sequence cannot be split: attention needs all of it. */
bool sp_chunk_next(sp_chunk *c)
{
    const sp_batch *b = c->of;
    c->number++;
    c->first += c->pack.n_seq;
    c->pack.n_seq = 0;
    if (c->first >= b->n_seq) return false;
    c->at = b->start[c->first];
    int64_t end = c->first + 1;
    while (end < b->n_seq && b->start[end + 1] - c->at <= SP_CHUNK) end++;
    /* sp_pack counts tokens from its own beginning */
    for (int64_t s = c->first; s <= end; s++) c->start[s - c->first] = b->start[s] - c->at;
    c->pack = (sp_pack){end - c->first, c->start, NULL, b->start[end] - c->at};
    return true;
}

void sp_chunk_close(sp_chunk *c) { free(c->start); }

/* Walk over all chunks without working on them. `largest` starts at 1, so that buffers sized by it
 * are never empty. */
sp_chunk_counts sp_chunk_count(const sp_batch *b)
{
    sp_chunk_counts counts = {0, 1};
    sp_chunk c;
    for (sp_chunk_open(&c, b); sp_chunk_next(&c); counts.n++)
        counts.largest = SP_MAX(counts.largest, c.pack.n);
    sp_chunk_close(&c);
    return counts;
}
