/* head.h - the end of a model: final norm, head, and its cross-entropy.
 *
 *     logits = norm(x) W^T, (N, vocab), with W (vocab, hidden)
 *
 * Logits exist for a block of tokens at a time (sp_head_bytes), whatever N is.
 */
#ifndef SP_HEAD_H
#define SP_HEAD_H

#include "engine/model.h"
#include "engine/token_target.h"

/* Write the logits (n, vocab) of hidden states x (n, hidden). */
void sp_head_logits(const sp_model *m, const float *x, int64_t n, float *logits);

/* What sp_head_loss reads beside its arguments, and what it is to write: {0} is valid. */
typedef struct {
    /* In, for soft targets: the reference and its hidden states (n, hidden). Its
     * vocabulary is the model's. */
    const sp_model *ref;
    const float *ref_x;
    /* Out, each where it is not NULL: */
    double *ce;     /* (n) cross-entropy in nats: -log p(target), for a soft target -sum_v
                       p_ref(v) log p(v); 0 where there is no target */
    int32_t *top;   /* (n) index of the largest logit; -1 where there is no target */
    float *log_sum; /* (n) log sum_v exp(logit_v), for sp_head_rows; left as it is where
                       there is no target */
    /* gradients of the sum that sp_head_loss returns: */
    float *dx;    /* (n, hidden) with respect to x, overwritten */
    float *dhead; /* (vocab, hidden) with respect to W, added to */
    float *dnorm; /* (hidden) with respect to the norm weight, added to */
} sp_head_io;

/* The sum over all tokens t with a target of coef[t] * ce[t], added up in double in the
 * order of tokens. coef (n), NULL = 1. */
double sp_head_loss(const sp_model *m, const float *x, int64_t n, const int32_t *target,
                    const float *coef, const sp_head_io *io);

/* dhead (rows, hidden) = rows row .. row+rows-1 of dhead as above, overwritten: for heads
 * whose whole gradient would not fit in memory. No soft targets; log_sum (n) comes from
 * sp_head_loss on the same tokens. */
void sp_head_rows(const sp_model *m, const float *x, int64_t n, const int32_t *target,
                  const float *coef, const float *log_sum, int64_t row, int64_t rows,
                  float *dhead);

/* Bytes that the head takes for n tokens beside its arguments. */
uint64_t sp_head_bytes(const sp_model *m, int64_t n);

#endif
