/* attn.h - causal attention of packed sequences, with grouped keys, a sliding window and
 * a cache.
 *
 *     ctx_t = sum_j p_tj v_j,   p_t = softmax_j(q_t . k_j / sqrt(head_dim))
 *
 * for each query head, over the positions j that position t sees: j <= t, with a window
 * only the last `window` of them, t itself included. Query head h reads key/value head
 * h / (heads / kv_heads).
 */
#ifndef SP_ATTN_H
#define SP_ATTN_H

#include "engine/kv.h"

/* Where keys and values are read: in arrays of the pack's own tokens, or in a layer of a
 * cache, which then holds those of the pack already. */
typedef struct {
    /* (N, kv_heads * head_dim), unless kv is set; positions start at 0 */
    const float *k, *v;
    const sp_kv *kv;     /* the cache, or NULL */
    int64_t layer;       /* of the cache */
    const int64_t *slot; /* sequence s of the pack lives in slot[s]; NULL = s */
} sp_attn_keys;

/* Compute ctx (N, heads * head_dim) from q (N, heads * head_dim). */
void sp_attn_forward(const sp_config *c, const sp_pack *p, const float *q,
                     const sp_attn_keys *from, float *ctx);

/* Compute dq (N, heads * head_dim), dk and dv (N, kv_heads * head_dim), the gradients of
 * q, k and v, from dctx (N, heads * head_dim), that of ctx. All three are overwritten.
 * Keys and values are the pack's own, its positions start at 0. */
void sp_attn_backward(const sp_config *c, const sp_pack *p, const float *q,
                      const float *k, const float *v, const float *dctx, float *dq,
                      float *dk, float *dv);

#endif
