/* batch.h - examples packed side by side without padding, each scored token with its
 * weight in the loss; and the chunks in which layers work through such a batch.
 *
 * Two examples, a b c d of which c and d are scored and e f g of which g is, their loss a
 * mean over all scored tokens:
 *
 *     start     0          4       7
 *     ids       a  b  c  d  e  f  g
 *     target    -  c  d  -  -  g  -     the next label of the same sequence, - is none
 *     coef      0 1/3 1/3 0 0 1/3 0     so that L = sum over t of coef[t] * ce[t]
 */
#ifndef SP_BATCH_H
#define SP_BATCH_H

#include "engine/pack.h"
#include "text/examples.h"

/* How the cross-entropies of scored tokens become one loss L. */
typedef enum {
    SP_MEAN_TOKEN,   /* the mean over all scored tokens of the batch */
    SP_MEAN_EXAMPLE, /* the mean over examples of their own means */
    SP_MEAN_OWN /* the sum over examples of their own means (gradients per example) */
} sp_mean;

typedef struct {
    int64_t n_seq, n; /* sequences; tokens of all of them, N */
    int64_t *start;   /* [n_seq + 1] sequence s is tokens start[s] .. start[s+1]-1 */
    int32_t *ids;     /* (N) */
    /* (N) the label of the next token of the same sequence, SP_SOFT, or SP_NO_TARGET
     * where there is none (head.h). The label at position 0 of a sequence is no target:
     * nothing predicts it. */
    int32_t *target;
    /* (N) weight of the token's cross-entropy in L; 0 where there is no target, negative
     * where the loss is to rise */
    float *coef;
    int64_t scored; /* tokens with a target */
} sp_batch;

/* One sequence of a batch: an example (borrowed), the coefficient of each of its scored
 * tokens, and whether its targets are soft: the whole distribution of a reference model
 * instead of the label. */
typedef struct {
    const sp_example *ex;
    double coef;
    bool soft;
} sp_seq;

/* Fill seqs[0..n) with data's examples order[0..n), or the first n where order is NULL.
 * `mean` is taken over these n examples; coefficients are multiplied by `weight`. */
void sp_seqs_of(sp_seq *seqs, const sp_examples *data, const size_t *order, size_t n,
                sp_mean mean, double weight, bool soft);

/* Pack n sequences into *b, in their order. Release with sp_batch_free. */
void sp_batch_pack(sp_batch *b, const sp_seq *seqs, size_t n);

/* sp_seqs_of with weight 1 and hard targets, then sp_batch_pack. */
void sp_batch_make(sp_batch *b, const sp_examples *data, const size_t *order, size_t n,
                   sp_mean mean);
void sp_batch_free(sp_batch *b);

/* Layers work on a chunk at a time, so that their scratch memory does not grow with the
 * batch. A chunk is a run of whole sequences of up to SP_CHUNK tokens together, or a
 * single longer sequence.
 *
 *     sp_chunk c;
 *     for (sp_chunk_open(&c, batch); sp_chunk_next(&c);) ... c.pack ...
 *     sp_chunk_close(&c);
 */
#define SP_CHUNK 2048

typedef struct {
    int64_t number;     /* of this chunk, from 0; the number of chunks after the last */
    int64_t at;         /* its first token in the batch */
    sp_pack pack;       /* its sequences, their starts counted from `at` */
    int64_t first;      /* its first sequence in the batch */
    const sp_batch *of; /* the batch, borrowed */
    int64_t *start;     /* [n_seq + 1] memory of pack.start */
} sp_chunk;

void sp_chunk_open(sp_chunk *c, const sp_batch *b); /* before the first chunk */
bool sp_chunk_next(sp_chunk *c);                    /* false after the last one */
void sp_chunk_close(sp_chunk *c);

/* How many chunks a batch has, and how many tokens the largest has (at least 1). */
typedef struct {
    int64_t n, largest;
} sp_chunk_counts;
sp_chunk_counts sp_chunk_count(const sp_batch *b);

#endif
