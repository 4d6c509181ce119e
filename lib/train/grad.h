/* grad.h - gradients layer by layer: batches, the forward/backward driver, and its
 * emission order.
 *
 * Forward goes through the layers over the whole batch and keeps their inputs, (layers +
 * 1) x N x hidden floats, and of the topmost layers what they compute inside, up to 1
 * GiB; backward computes the rest again, to the same bits. Both work in chunks of whole
 * sequences, so that scratch stays bounded. Backward emits each weight's gradient once,
 * when it is complete and the weight is no longer needed: the receiver may change the
 * weight in place. No gradient of the whole model exists at any time, and per example not
 * even one of the whole vocabulary.
 */
#ifndef SP_GRAD_H
#define SP_GRAD_H

#include "engine/layer.h"
#include "text/examples.h"

typedef enum {
    SP_MEAN_TOKEN,   /* L = mean over all scored tokens of the batch */
    SP_MEAN_EXAMPLE, /* L = mean over examples of their own means */
    /* L = sum over examples of their own means (per-example gradients) */
    SP_MEAN_OWN
} sp_mean;

typedef struct {
    int64_t n_seq, n;
    int64_t *start; /* [n_seq + 1] */
    int32_t *ids;   /* (N) */
    /* (N) the next label of the same sequence, SP_SOFT, or -1 = none; a label at position
     * 0 predicts nothing and is dropped */
    int32_t *target;
    /* (N) weight of the token's cross-entropy in L, 0 where there is no target; negative
     * = ascent */
    float *coef;
    int64_t scored; /* tokens with a target */
} sp_batch;

/* One sequence of a batch: an example, the coefficient of each of its scored tokens, and
 * whether its targets are soft. */
typedef struct {
    const sp_example *ex;
    double coef;
    bool soft;
} sp_seq;

/* Fill seqs[0..n) from all (order NULL) or chosen examples; coefficients by `mean`, times
 * weight. */
void sp_seqs_of(sp_seq *seqs, const sp_examples *data, const size_t *order, size_t n,
                sp_mean mean, double weight, bool soft);
void sp_batch_pack(sp_batch *b, const sp_seq *seqs, size_t n);
/* Both in one, weight 1. */
void sp_batch_make(sp_batch *b, const sp_examples *data, const size_t *order, size_t n,
                   sp_mean mean);
void sp_batch_free(sp_batch *b);

/* Memory that sp_grad_run needs, kept from one call to the next: fresh pages cost as much
 * as a tenth of the work. For one model. */
typedef struct sp_grad_room sp_grad_room;
#define SP_KEEP (1u << 30)
/* bytes of activations that may be kept for the way back, such as SP_KEEP */
sp_grad_room *sp_grad_room_new(uint64_t keep);
void sp_grad_room_free(sp_grad_room *r);

/* What is made of each example's own gradient g_i = dL_i/dW before the sum over examples.
 */
typedef enum {
    SP_EACH_NONE,  /* nothing: dL/dW of the whole batch */
    SP_EACH_ABS,   /* sum of |g_i| (SNIP) */
    SP_EACH_SQUARE /* sum of g_i^2 (the diagonal of the Fisher information) */
} sp_each;

typedef struct {
    sp_grad_room *room; /* or NULL: for this call alone */
    bool all;           /* every parameter; otherwise the seven linears of each layer */
    sp_each per_example;
    /* Rows row .. row+rows-1 of a parameter's gradient, g (rows, cols), which the
     * receiver may overwrite. All at once, but per example the embedding and the head
     * come in blocks of rows, in order. */
    void (*emit)(void *self, sp_param *p, int64_t row, int64_t rows, float *g);
    void *self;
    const sp_model *ref; /* the reference of soft targets, or NULL */
    const float *ref_x;  /* and its hidden states, (N, hidden) */
    /* or NULL: called between forward and backward with each token's cross-entropy; may
     * change b->coef and forbid the rest by returning false, in which case nothing is
     * emitted */
    bool (*weigh)(void *self, const double *ce);
} sp_grad_job;

/* Run forward and backward over the batch. Returns L (nats). Dies if memory runs out. */
double sp_grad_run(sp_model *m, const sp_batch *b, const sp_grad_job *job);

/* Memory that a run over `tokens` takes at its peak, the longest sequence having
 * `longest`: its own, and the weights of one layer mapped. */
uint64_t sp_grad_bytes(const sp_model *m, int64_t tokens, int64_t longest,
                       const sp_grad_job *job);

/* Hidden states after all layers, (N, hidden), owned by the caller: the forward half, for
 * scoring. */
float *sp_forward_all(sp_model *m, const sp_batch *b);

/* Parameters in the order in which sp_grad_run emits them; list holds m->n pointers.
 * Returns the count. */
size_t sp_grad_order(const sp_model *m, bool all, sp_param **list);

#endif
