/* options.h - what a training run is told, and the run in one line of text, by which its
 * state is recognised.
 */
#ifndef SP_TUNE_OPTIONS_H
#define SP_TUNE_OPTIONS_H

#include "engine/model.h"
#include "text/examples.h"
#include "train/batch.h"
#include "train/optim.h"

/* The loss on the main data, l_i being the summed cross-entropy of example i:
 *   CE   the mean cross-entropy, by `mean`; maximised under `ascend`
 *   NPO  (2/beta) mean_i -log sigmoid(beta (l_i - l_i,ref)), negative preference
 *        optimization (Zhang et al. 2024): it forgets without diverging */
typedef enum { SP_LOSS_CE, SP_LOSS_NPO } sp_main_loss;

/* What is added to it, on other data:
 *   CE   their mean cross-entropy, by `mean` (retain or mismatch data)
 *   KL   the mean, by `mean`, of -sum_v p_ref(v) log p(v) over their scored tokens, which
 *        keeps the model close to the reference there */
typedef enum { SP_TERM_CE, SP_TERM_KL } sp_term_kind;
typedef struct {
    sp_term_kind kind;
    double weight;
    sp_examples data;
} sp_term;

typedef struct {
    /* the objective: weight * main loss + sum of the terms' weight * loss */
    bool ascend; /* maximise the main loss; CE only */
    sp_main_loss loss;
    double npo_beta, weight;
    sp_term *terms; /* [n_terms], borrowed */
    size_t n_terms;
    sp_model *ref;   /* frozen copy for KL and NPO, borrowed; else NULL */
    sp_mean mean;    /* SP_MEAN_TOKEN or SP_MEAN_EXAMPLE */
    double max_loss; /* stop before a step whose main cross-entropy is above; 0 = never */

    /* what is trained */
    bool all;        /* every parameter; else the linears (order.h) */
    double fraction; /* of the parameters, drawn anew each epoch (half fine-tuning) */

    /* the optimizer */
    sp_optim optim;
    double lr;
    sp_schedule schedule;
    int64_t warmup;   /* steps */
    sp_dtype moments; /* SP_F32 or SP_BF16 (optim.h) */

    /* the order of examples */
    int64_t steps, epochs;     /* steps 0 = epochs * steps of an epoch */
    int64_t batch, accumulate; /* examples a step: batch * accumulate; batch 0 = all */
    bool shuffle;              /* a new order each epoch */
    uint64_t seed;             /* of the order, the fraction, the rounding of moments */

    /* files; NULL = none */
    const char *scratch; /* directory for masters and moments; NULL: see masters.h */
    const char *state;   /* directory */
    double save_every;   /* seconds between states; 0 = after every step */
    const char *log;     /* file */
} sp_tune_opt;

/* The run in one line: digests of model and data, and each option that has a say in the
 * result. Two runs with one line end with the same bytes. `steps`: of the whole run.
 * Owned by the caller. */
char *sp_tune_fingerprint(const sp_model *m, const sp_examples *data,
                          const sp_tune_opt *o, int64_t steps);

#endif
