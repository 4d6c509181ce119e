/* residency.h - which weights are in memory: read ahead of their use, given back after
 * it.
 *
 * Training and scoring work layer by layer, so that a model larger than the memory passes
 * through it. Weights that are mapped from the checkpoint are read ahead and given back
 * only if the model says so (release_pages); private copies in a scratch file always.
 * Values never change, whatever is in memory.
 */
#ifndef SP_RESIDENCY_H
#define SP_RESIDENCY_H

#include "engine/model.h"

/* Ask the kernel to read layer l soon; l = -1: embedding, final norm and head. Returns at
 * once. Nothing where there is no such layer. */
void sp_layer_prefetch(const sp_model *m, int64_t l);

/* Give the memory of layer l (-1 as above) back, or that of one parameter. The next use
 * reads it again. */
void sp_layer_release(const sp_model *m, int64_t l);
void sp_param_release(const sp_model *m, const sp_param *p);

#endif
