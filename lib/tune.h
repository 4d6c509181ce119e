/* tune.h - training: ascent or descent on the loss of DATA, with AdamW or SGD, resumable after any kill.
 *
 * Weights in scope get F32 masters (and moments); a step updates each weight the moment its gradient is complete (grad.h).
 * State: DIR/state.safetensors holds masters "w.NAME", moments "m.NAME", "v.NAME" and in __metadata__ the step and the run's fingerprint. It is replaced
 * by rename, so a kill at any moment leaves the last complete one, and the run continues from there to the same bytes.
 */
#ifndef SP_TUNE_H
#define SP_TUNE_H

#include "grad.h"
#include "optim.h"

typedef struct {
    bool ascend;          /* maximise the loss */
    sp_optim optim;
    double lr, max_loss;  /* stop before a step whose loss is above max_loss; 0 = never */
    sp_schedule schedule;
    int64_t warmup, steps, epochs; /* steps 0 = epochs * steps of an epoch */
    int64_t batch, accumulate;     /* examples a step = batch * accumulate; batch 0 = all */
    bool shuffle, all;             /* a new order each epoch; all parameters or linears only */
    sp_mean mean;
    uint64_t seed;
    const char *state, *log;       /* directory, JSONL file; NULL = none */
    double save_every;             /* seconds between states; 0 = after every step */
} sp_tune_opt;

/* Train m in place (sp_param.own). 0 or -1. */
int sp_tune(sp_model *m, const sp_data *data, const sp_tune_opt *opt, sp_err *e);

#endif
