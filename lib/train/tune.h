/* tune.h - training: ascent or descent on the loss of DATA, with AdamW or SGD, resumable
 * after any kill.
 *
 * Weights in scope get F32 masters (and moments); a step updates each weight the moment
 * its gradient is complete (grad.h). State: DIR/state.safetensors holds masters "w.NAME",
 * moments "m.NAME", "v.NAME" and in __metadata__ the step and the run's fingerprint. It
 * is replaced by rename, so a kill at any moment leaves the last complete one, and the
 * run continues from there to the same bytes.
 */
#ifndef SP_TUNE_H
#define SP_TUNE_H

#include "train/grad.h"
#include "train/optim.h"

/* What is added to the loss of the main data. CE: its mean cross-entropy (retain or
 * mismatch data). KL: mean over tokens of -sum_v p_ref(v) log p(v), which keeps the model
 * close to the reference on that data. */
typedef enum { SP_TERM_CE, SP_TERM_KL } sp_term_kind;
typedef struct {
    sp_term_kind kind;
    double weight;
    sp_examples data;
} sp_term;

/* The main loss. CE: mean cross-entropy, maximised under `ascend`. NPO (Zhang et al.
 * 2024): (2/beta) mean_i -log sigmoid(beta (l_i - l_i,ref)), l_i the summed cross-entropy
 * of example i; it forgets without diverging. */
typedef enum { SP_LOSS_CE, SP_LOSS_NPO } sp_main_loss;

typedef struct {
    bool ascend; /* maximise the loss */
    sp_main_loss loss;
    double npo_beta, weight; /* weight of the main loss */
    sp_term *terms;
    size_t n_terms;
    sp_model *ref; /* frozen copy for KL and NPO, else NULL */
    /* of the parameters trained in each epoch, drawn anew (half fine-tuning); 1 = all */
    double fraction;
    sp_optim optim;
    /* stop before a step whose main cross-entropy is above max_loss; 0 = never */
    double lr, max_loss;
    sp_schedule schedule;
    int64_t warmup, steps, epochs; /* steps 0 = epochs * steps of an epoch */
    /* examples a step = batch * accumulate; batch 0 = all; each term brings as many */
    int64_t batch, accumulate;
    /* a new order each epoch; all parameters or linears only */
    bool shuffle, all;
    sp_mean mean;
    uint64_t seed;
    sp_dtype moments; /* SP_F32 or SP_BF16 (optim.h) */
    /* directory for masters and moments; NULL = memory, or $TMPDIR if they exceed half of
     * it */
    const char *scratch;
    const char *state, *log; /* directory, JSONL file; NULL = none */
    double save_every;       /* seconds between states; 0 = after every step */
} sp_tune_opt;

/* Train m in place (sp_param.own). 0 or -1. */
int sp_tune(sp_model *m, const sp_examples *data, const sp_tune_opt *opt, sp_err *e);

#endif
