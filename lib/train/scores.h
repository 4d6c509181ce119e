/* scores.h - gradients on their way into a stream: as they are, or as a mean over
 * examples, or multiplied by the size of a factor.
 *
 *     gradient            g                               g from a run with SP_EACH_NONE
 *     Fisher information  (1/n) sum_i g_i^2               SP_EACH_SQUARE, n examples
 *     SNIP                |V| * (1/n) sum_i |g_i|         SP_EACH_ABS, n examples
 *
 * V is the weights (Lee et al. 2019), or a stream of the same tensors, such as a patch.
 */
#ifndef SP_SCORES_H
#define SP_SCORES_H

#include "tensor/dst.h"
#include "tensor/src.h"
#include "train/grad.h"

typedef struct {
    sp_each each;    /* that the run makes of each example */
    double examples; /* n above; not read for SP_EACH_NONE */
    bool times;      /* multiply by |V| */
    sp_src *factor;  /* V, borrowed; NULL = the weights */
    sp_dst *dst;     /* open for the run's parameters in their order, F32; borrowed */
    float *values;   /* scratch, set by sp_scores_open */
} sp_scores;

/* Make ready what the caller has filled in, and release it. */
void sp_scores_open(sp_scores *s);
void sp_scores_close(sp_scores *s);

/* sp_grad_job.emit, with self = the sp_scores: write rows of a gradient to s->dst.
 * Errors: a tensor that V lacks or has in another shape, a gradient that is not finite, a
 * failing write. 0 or -1. */
SP_MUST_CHECK int sp_scores_emit(void *self, sp_param *p, int64_t row, int64_t rows,
                                 float *g, sp_err *e);

#endif
