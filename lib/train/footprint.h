/* footprint.h - how much memory a run of grad.h will take, told before it starts. */
#ifndef SP_FOOTPRINT_H
#define SP_FOOTPRINT_H

#include "engine/model.h"

/* Bytes that a run over `tokens` tokens takes at its peak, the longest sequence having
 * `longest`: its own memory, and what is mapped of the weights meanwhile. `all` and
 * `per_example` as in the run's sp_grad_job. */
uint64_t sp_footprint(const sp_model *m, bool all, bool per_example, int64_t tokens,
                      int64_t longest);

#endif
