/* tune.h - training: ascent or descent on the loss of DATA, with AdamW or SGD, resumable
 * after any kill.
 *
 * A step takes its examples (feed.h), turns them into one batch (objective.h), and
 * updates each parameter the moment its gradient is complete (grad.h, optim.h), so that a
 * step needs no gradient of the whole model.
 */
#ifndef SP_TUNE_H
#define SP_TUNE_H

#include "train/options.h"

/* Train m in place: its parameters in scope end with F32 values (sp_param.own). The run
 * ends after the last step, or before the first whose loss is above opt->max_loss.
 * Errors: no room in memory or on a disk, a state that cannot be used, a log that cannot
 * be written, a loss or a gradient that is no number ("training has diverged"). 0 or -1.
 */
SP_MUST_CHECK int sp_tune(sp_model *m, const sp_examples *data, const sp_tune_opt *opt,
                          sp_err *e);

#endif
