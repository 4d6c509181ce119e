/* forward.h - the forward pass of a whole batch, layer by layer: every layer works
 * through all chunks before the next one begins, so that each weight is read once.
 */
#ifndef SP_FORWARD_H
#define SP_FORWARD_H

#include "engine/model.h"
#include "train/batch.h"
#include "train/kept.h"

/* Hidden states after all layers, (N, hidden), owned by the caller: the forward half
 * alone, for scoring. */
float *sp_forward_all(sp_model *m, const sp_batch *b);

/* The same on the way to a backward pass: x (layers + 1, N, hidden) gets the input of
 * every layer and at last the hidden states after all of them. Activations go to k, which
 * sp_kept_reserve has made ready for this batch. */
void sp_forward_keep(sp_model *m, const sp_batch *b, float *x, sp_kept *k);

#endif
