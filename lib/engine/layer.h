/* layer.h - one decoder layer forward and backward, the embedding, and the head with its
 * cross-entropy.
 *
 * A batch is packed without padding: N tokens of all sequences side by side; attention
 * stays inside a sequence. All activations are F32, row-major.   x1 = x +
 * O(attn(norm1(x)));   y = x1 + Down(act(Gate(norm2(x1))) * Up(norm2(x1))).
 */
#ifndef SP_LAYER_H
#define SP_LAYER_H

#include "engine/model.h"

typedef struct {
    int64_t n_seq;
    const int64_t *start; /* [n_seq + 1]: sequence s is tokens start[s] .. start[s+1]-1 */
    /* [n_seq] position of the first token (tokens already in the cache), or NULL = all 0
     */
    const int64_t *pos0;
    int64_t n; /* start[n_seq] */
} sp_pack;

/* Keys and values of earlier tokens of n_seq slots, all layers (generation). Position p
 * lies in row p % cap: with a sliding window cap = window + longest chunk is enough,
 * otherwise cap = longest sequence. */
typedef struct {
    int64_t n_seq, cap;
    float *k, *v; /* (layers, n_seq, kv_heads, cap, head_dim) */
} sp_kv;
void sp_kv_alloc(sp_kv *kv, const sp_model *m, int64_t n_seq, int64_t cap);
void sp_kv_free(sp_kv *kv);
uint64_t sp_kv_bytes(const sp_model *m, int64_t n_seq, int64_t cap);
/* What the head takes for n tokens at a time. */
uint64_t sp_head_bytes(const sp_model *m, int64_t n);

/* What a layer's forward pass computes for up to n tokens, and the backward pass needs.
 */
typedef struct sp_acts sp_acts;
sp_acts *sp_acts_new(const sp_model *m, int64_t n);
size_t sp_acts_bytes(const sp_model *m, int64_t n);
void sp_acts_free(sp_acts *a);

/* Scratch of the backward pass for up to n tokens. */
typedef struct sp_work sp_work;
sp_work *sp_work_new(const sp_model *m, int64_t n);
void sp_work_free(sp_work *w);
size_t sp_work_bytes(const sp_model *m, int64_t n);

/* y (n, hidden) = E[ids] * embed_scale. */
void sp_embed_forward(const sp_model *m, const int32_t *ids, int64_t n, float *y);

/* y = layer l of x, both (N, hidden); y may equal x. With kv, this chunk's keys and
 * values are appended: sequence s of the pack lives in slot[s] (slot NULL = s). The
 * rotary tables grow as needed. */
void sp_layer_forward(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *y,
                      sp_kv *kv, const int64_t *slot, sp_acts *a);
/* The same for what it leaves in `a` alone. */
void sp_layer_recompute(sp_model *m, int64_t l, const sp_pack *p, const float *x,
                        sp_acts *a);

/* A weight's gradient, still as its two factors. Matrix: dW = dy^T x with dy (N, rows), x
 * (N, cols). Norm weight: dw = sum over tokens of dy * x, both (N, rows). */
typedef void sp_grad_fn(void *self, sp_param *p, const float *dy, const float *x,
                        const sp_pack *pack);

/* Sends the gradients of layer l's weights to `emit`, given its input x and what its
 * forward pass left in `a`. d (N, hidden) holds dL/dy on entry and dL/dx on return; with
 * need_dx = false it is left undefined. */
void sp_layer_backward(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *d,
                       bool need_dx, sp_grad_fn *emit, void *self, const sp_acts *a,
                       sp_work *w);

/* dw (rows, cols) = beta * dw + the gradient of tokens t0 .. t1-1 out of the two factors
 * above. */
void sp_grad_dense(float *dw, float beta, const sp_param *p, const float *dy,
                   const float *x, int64_t t0, int64_t t1);

/* logits (n, vocab) of hidden states x (n, hidden): final norm, then head. */
void sp_head_logits(const sp_model *m, const float *x, int64_t n, float *logits);

/* Cross-entropy of the head over tokens t with a target, in blocks of tokens. target[t]
 * >= 0 is a vocabulary entry; SP_SOFT the whole distribution of a reference model; -1
 * nothing. Returns the sum over t of coef[t] * ce[t] (coef NULL = 1), in double, in
 * order. */
#define SP_SOFT (-2)
typedef struct {
    const sp_model *ref; /* in: the reference of soft targets */
    const float *ref_x;  /* in: its hidden states (n, hidden) */
    /* out, any may be NULL: */
    /* (n) -log p(target), or -sum_v p_ref(v) log p(v); nats; 0 where there is no target
     */
    double *ce;
    int32_t *top; /* (n) index of the largest logit; -1 where there is no target */
    /* (n) log sum_v exp(logit_v), for sp_head_rows; left as it is where there is no
     * target */
    float *log_sum;
    float *dx;            /* (n, hidden) gradient with respect to x, overwritten */
    float *dhead, *dnorm; /* (V, hidden), (hidden) gradients, added to */
} sp_head_io;
double sp_head_loss(const sp_model *m, const float *x, int64_t n, const int32_t *target,
                    const float *coef, const sp_head_io *io);

/* Rows row .. row+rows-1 of the head's gradient alone, dhead (rows, hidden), overwritten:
 * for heads whose whole gradient would not fit. Hard targets only; log_sum from
 * sp_head_loss on the same tokens. */
void sp_head_rows(const sp_model *m, const float *x, int64_t n, const int32_t *target,
                  const float *coef, const float *log_sum, int64_t row, int64_t rows,
                  float *dhead);

#endif
