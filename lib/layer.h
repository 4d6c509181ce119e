/* layer.h - one decoder layer forward and backward, the embedding, and the head with its cross-entropy.
 *
 * A batch is packed without padding: N tokens of all sequences side by side; attention stays inside a sequence. All activations are F32,
 * row-major. x -> x + O(attn(norm1(x))) -> + Down(act(Gate(norm2)) * Up(norm2)).
 */
#ifndef SP_LAYER_H
#define SP_LAYER_H

#include "model.h"

typedef struct {
    int64_t n_seq;
    const int64_t *start; /* [n_seq + 1]: sequence s is tokens start[s] .. start[s+1]-1 */
    const int64_t *pos0;  /* [n_seq] position of the first token (tokens already in the cache), or NULL = all 0 */
    int64_t n;            /* start[n_seq] */
} sp_pack;

/* Keys and values of earlier tokens of up to n_seq sequences, all layers (generation). A window makes the cache a ring of `cap`
 * = window + longest chunk rows, else cap = longest sequence. */
typedef struct {
    int64_t n_seq, cap;
    float *k, *v; /* (layers, n_seq, cap, kv_heads * head_dim) */
} sp_kv;

/* Scratch of one layer for up to max_n tokens; backward needs keep = true. */
typedef struct sp_work sp_work;
sp_work *sp_work_new(const sp_model *m, int64_t max_n, bool keep);
void sp_work_free(sp_work *w);

/* y (N, hidden) = E[ids] * embed_scale. */
void sp_embed_forward(const sp_model *m, const int32_t *ids, int64_t n, float *y, sp_work *w);
/* y = layer l of x; y may equal x. kv may be NULL; otherwise this chunk's keys and values are appended: sequence s of the pack
 * uses slot slot[s] of kv (slot NULL = s). */
void sp_layer_forward(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *y, sp_kv *kv, const int64_t *slot, sp_work *w);
/* logits (n, vocab) of the hidden states x (n, hidden): final norm, then head. */
void sp_head_logits(const sp_model *m, const float *x, int64_t n, float *logits, sp_work *w);

#endif
