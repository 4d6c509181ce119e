/* layer.h - one decoder layer, forward and backward:
 *
 *     h1 = norm1(x)       q, k, v = h1 Wq^T, h1 Wk^T, h1 Wv^T;  q and k turned (rope.h)
 *     x1 = x + attention(q, k, v) Wo^T
 *     h2 = norm2(x1)      gate, up = h2 Wgate^T, h2 Wup^T
 *     y  = x1 + (act(gate) * up) Wdown^T
 *
 * All activations are F32, row-major, one row a token of a pack (pack.h).
 */
#ifndef SP_LAYER_H
#define SP_LAYER_H

#include "engine/acts.h"
#include "engine/kv.h"
#include "engine/model.h"
#include "engine/wgrad.h"

/* y (N, hidden) = layer l of x (N, hidden); y may equal x. The intermediate values stay
 * in `a`. With kv, this pack's keys and values are appended to the cache first, and
 * attention reads the cache: sequence s of the pack lives in slot[s] (slot NULL = s).
 * Without kv all positions start at 0. The model's rotary tables grow as needed. */
void sp_layer_forward(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *y,
                      sp_kv *kv, const int64_t *slot, sp_acts *a);

/* The same without kv and without y: for what it leaves in `a`. */
void sp_layer_recompute(sp_model *m, int64_t l, const sp_pack *p, const float *x,
                        sp_acts *a);

/* Send the gradients of layer l's nine weights to `emit`, given its input x (N, hidden)
 * and what its forward pass left in `a`. d (N, hidden) holds dL/dy on entry and dL/dx on
 * return. With need_dx = false d is left undefined, and the gradient of norm1 is not
 * sent. */
void sp_layer_backward(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *d,
                       bool need_dx, sp_wgrad_fn *emit, void *self, const sp_acts *a,
                       sp_work *w);

#endif
