/* objective.h - what one training step makes smaller: the main loss and the added terms
 * (options.h), as one batch with a coefficient for every token.
 *
 * All examples of a step lie in one batch, the main ones first, so that each weight is
 * read once for all losses together. Coefficients of CE and KL are known at once; those
 * of NPO depend on the cross-entropies and are set between forward and backward.
 */
#ifndef SP_OBJECTIVE_H
#define SP_OBJECTIVE_H

#include "train/feed.h"
#include "train/options.h"

typedef struct {
    const sp_tune_opt *o; /* borrowed */
    sp_batch batch;
    size_t n_main;  /* the first n_main sequences are the main examples */
    float *ref_x;   /* (N, hidden) hidden states of o->ref, NULL without one */
    double *ref_ce; /* (N) cross-entropies of o->ref, NULL unless NPO */
    double loss;    /* main cross-entropy in nats, by o->mean; NAN until it is known */
} sp_objective;

/* The objective of step s; feeds[0] deals out the main data, feeds[1 + k] those of term
 * k. Release with sp_objective_close. */
void sp_objective_open(sp_objective *j, const sp_tune_opt *o, sp_feed *feeds, int64_t s);
void sp_objective_close(sp_objective *j);

/* Must sp_objective_weigh see the cross-entropies before the backward pass? If not, the
 * main loss is known from the run's L alone (sp_objective_from_total). */
bool sp_objective_needs_weighing(const sp_objective *j);

/* Given each token's cross-entropy, ce (N): sets `loss`, and the coefficients of NPO.
 * False when the loss is above o->max_loss or no number. */
bool sp_objective_weigh(sp_objective *j, const double *ce);

/* Set `loss` from L, where no weighing was needed. */
void sp_objective_from_total(sp_objective *j, double total);

#endif
