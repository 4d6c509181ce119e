/* grad.h - gradients layer by layer: the forward and backward pass over a batch, and the
 * order in which it hands out gradients.
 *
 * The forward pass keeps the input of every layer, (layers + 1) x N x hidden floats, and
 * of the topmost layers what they compute inside (kept.h). The backward pass goes down
 * from the head and emits each parameter's gradient once, when it is complete and the
 * parameter is no longer needed: the receiver may change the parameter in place. No
 * gradient of the whole model exists at any time; per example not even one of the whole
 * vocabulary does.
 */
#ifndef SP_GRAD_H
#define SP_GRAD_H

#include "train/batch.h"
#include "train/kept.h"
#include "train/order.h"

/* Memory that runs use again: fresh pages would cost as much as a tenth of the work. For
 * runs on one model. `keep` bytes of activations may stay for the backward pass (kept.h),
 * such as SP_KEEP. */
typedef struct sp_grad_buffers sp_grad_buffers;
sp_grad_buffers *sp_grad_buffers_new(uint64_t keep);
void sp_grad_buffers_free(sp_grad_buffers *b); /* NULL is allowed */

/* What is made of each example's own gradient g_i = dL_i/dW before the sum over examples.
 */
typedef enum {
    SP_EACH_NONE,  /* nothing: dL/dW of the whole batch */
    SP_EACH_ABS,   /* sum of |g_i| (SNIP) */
    SP_EACH_SQUARE /* sum of g_i^2 (the diagonal of the Fisher information) */
} sp_each;

typedef struct {
    sp_grad_buffers *buffers; /* borrowed; NULL = of this run alone */
    bool all; /* every parameter; else the linears of each layer (order.h) */
    sp_each per_example;
    /* Receives rows row .. row+rows-1 of p's gradient, g (rows, cols), which it may
     * overwrite. All rows come at once, except per example those of the embedding and the
     * head: these come in blocks of rows, in order. Returns 0, or -1 with *e filled,
     * which ends the run. */
    int (*emit)(void *self, sp_param *p, int64_t row, int64_t rows, float *g, sp_err *e);
    /* NULL, or called between forward and backward with each token's cross-entropy, ce
     * (N), in nats. It may change the batch's coef, and it may decline: false ends the
     * run before anything is emitted. */
    bool (*weigh)(void *self, const double *ce);
    void *self;          /* for emit and weigh */
    const sp_model *ref; /* the reference of soft targets, or NULL */
    const float *ref_x;  /* and its hidden states of this batch, (N, hidden) */
} sp_grad_job;

typedef enum {
    SP_GRAD_ERROR = -1, /* emit failed; *e says why */
    SP_GRAD_DONE,       /* every gradient was emitted */
    SP_GRAD_DECLINED    /* weigh declined; nothing was emitted */
} sp_grad_end;

/* Run forward and backward over the batch; *loss gets L (nats) unless the end is another
 * than SP_GRAD_DONE. Dies if memory runs out. */
SP_MUST_CHECK sp_grad_end sp_grad_run(sp_model *m, const sp_batch *b,
                                      const sp_grad_job *job, double *loss, sp_err *e);

#endif
