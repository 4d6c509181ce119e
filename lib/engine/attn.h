/* attn.h - causal attention of packed sequences, with grouped keys, a sliding window and
 * a cache. Head h reads key/value head h / (heads / kv_heads). Position p sees p - window
 * + 1 .. p.
 */
#ifndef SP_ATTN_H
#define SP_ATTN_H

#include "engine/layer.h"

/* Rotate the pairs (i, i + d/2) of every head of x (N, n_heads * head_dim) by sign *
 * position * step_i. */
void sp_rope(const sp_model *m, const sp_pack *p, float *x, int64_t n_heads, int sign);

/* Append k, v (N, kv_heads * head_dim) of this chunk to layer l of the cache. */
void sp_kv_append(sp_kv *kv, const sp_model *m, int64_t l, const sp_pack *p,
                  const int64_t *slot, const float *k, const float *v);

/* ctx (N, heads * head_dim) = softmax(q k^T / sqrt(head_dim)) v. Keys come from k, v of
 * the pack itself, or with kv from layer l of the cache, this chunk included. */
void sp_attn_forward(const sp_model *m, const sp_pack *p, const float *q, const float *k,
                     const float *v, const sp_kv *kv, int64_t l, const int64_t *slot,
                     float *ctx);

/* Gradients of q, k, v (overwritten) from dctx; probabilities are recomputed. */
void sp_attn_backward(const sp_model *m, const sp_pack *p, const float *q, const float *k,
                      const float *v, const float *dctx, float *dq, float *dk, float *dv);

#endif
