/* order.h - which parameters get a gradient, and in which order these come: that in which
 * the backward pass completes them, from the head down to the embedding.
 *
 *     scope "all":      head (unless tied), final norm, layer L-1 .. layer 0, embedding
 *     scope "linears":  layer L-1 .. layer 0, of each the seven matrices
 *     a layer:          down gate up norm2 o q k v norm1
 */
#ifndef SP_ORDER_H
#define SP_ORDER_H

#include "engine/model.h"

/* Kinds of a layer's parameters (SP_Q ..) in the order in which they are emitted. */
extern const int sp_backward_order[SP_PER_LAYER];

/* Is this kind of a layer's parameter in scope? The linears always are. */
static inline bool sp_in_scope(bool all, int kind) { return all || kind < SP_N_LINEARS; }

/* The parameters in scope in order of emission; list has room for m->n pointers. Returns
 * how many there are. */
size_t sp_grad_order(const sp_model *m, bool all, sp_param **list);

#endif
