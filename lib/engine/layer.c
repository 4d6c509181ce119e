/* layer.c - see layer.h.
 *
 * The backward pass walks the layer from its end. d (N, hidden) is the gradient of the residual
 * stream; each half of the layer adds to it what flows back through its own branch:
 *
 *     d = dL/dy      dact = d Wdown
 *                    dgate, dup through the gate,  dh2 = dgate Wgate + dup Wup
 *     d = dL/dx1     = d + dh2 through norm2
 *                    dctx = d Wo
 *                    dq, dk, dv through attention, dq and dk turned back,
 *                    dh1 = dq Wq + dk Wk + dv Wv
 *     d = dL/dx      = d + dh1 through norm1
 *
 * A weight's gradient is sent as soon as its factors are there: emit may change the weight, which
 * therefore must have been used by then. Weights that share an input (q, k, v; gate, up) are sent
 * after the product that uses all of them.
 *
 * The two halves use dh and xhat of sp_work one after the other.
 */
#include "engine/layer.h"

#include "engine/attn.h"
#include "engine/gate.h"
#include "engine/gemm.h"
#include "engine/norm.h"

/* Describe the linear layer of weight p for a product, with y (N, p->rows) as its output or the
 * gradient of its output. Both stay the caller's. */
static sp_linear linear(const sp_param *p, float *y)
{
    return (sp_linear){y, sp_param_matrix(p), p->rows};
}

/* y (n, p->rows) += x (n, p->cols) W^T */
static void add_linear(const sp_param *p, float *y, const float *x, int64_t n)
{
    sp_gemm_xwt(y, x, sp_param_matrix(p), n, p->cols, p->rows, 1);
}

/* ---- forward -------------------------------------------------------------------------- */

/* Compute a->x1 from x (N, hidden): norm, attention, residual. Fills scale1, h1, q, k, v, ctx, x1.
 * Keys are turned before they are appended, so a cache holds them turned. */
static void forward_attention(sp_model *m, int64_t l, const sp_pack *p, const float *x, sp_kv *kv,
                              const int64_t *slot, sp_acts *a)
{
    const sp_config *c = &m->cfg;
    sp_rope_reserve(&m->rope, c, sp_pack_reach(p));
    sp_norm_scale(c, sp_layer_param(m, l, SP_NORM1), a->scale1);
    sp_norm_forward(a->h1, x, a->scale1, p->n, c->hidden, c->norm_eps);
    const sp_linear qkv[] = {linear(sp_layer_param(m, l, SP_Q), a->q),
                             linear(sp_layer_param(m, l, SP_K), a->k),
                             linear(sp_layer_param(m, l, SP_V), a->v)};
    sp_gemm_xwts(a->h1, p->n, c->hidden, qkv, 3);
    sp_rope_turn(&m->rope, p, a->q, c->heads, c->head_dim, 1);
    sp_rope_turn(&m->rope, p, a->k, c->kv_heads, c->head_dim, 1);
    if (kv) sp_kv_append(kv, l, p, slot, a->k, a->v);
    sp_attn_forward(c, p, a->q, &(sp_attn_keys){a->k, a->v, kv, l, slot}, a->ctx);
    memcpy(a->x1, x, (size_t)(p->n * c->hidden) * sizeof *x);
    add_linear(sp_layer_param(m, l, SP_O), a->x1, a->ctx, p->n);
}

/* Compute a->act from a->x1: norm and gated MLP, all but its last product, which backward does not
 * need. Fills scale2, h2, gate, up, act. */
static void forward_mlp(sp_model *m, int64_t l, const sp_pack *p, sp_acts *a)
{
    const sp_config *c = &m->cfg;
    sp_norm_scale(c, sp_layer_param(m, l, SP_NORM2), a->scale2);
    sp_norm_forward(a->h2, a->x1, a->scale2, p->n, c->hidden, c->norm_eps);
    const sp_linear mlp[] = {linear(sp_layer_param(m, l, SP_GATE), a->gate),
                             linear(sp_layer_param(m, l, SP_UP), a->up)};
    sp_gemm_xwts(a->h2, p->n, c->hidden, mlp, 2);
    sp_gate_forward(c->act, a->act, a->gate, a->up, p->n * c->mlp);
}

void sp_layer_forward(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *y, sp_kv *kv,
                      const int64_t *slot, sp_acts *a)
{
    forward_attention(m, l, p, x, kv, slot, a);
    forward_mlp(m, l, p, a);
    /* x is not read any more: x1 has it, so y may lie in the same place */
    memcpy(y, a->x1, (size_t)(p->n * m->cfg.hidden) * sizeof *y);
    add_linear(sp_layer_param(m, l, SP_DOWN), y, a->act, p->n);
}

void sp_layer_recompute(sp_model *m, int64_t l, const sp_pack *p, const float *x, sp_acts *a)
{
    forward_attention(m, l, p, x, NULL, NULL, a);
    forward_mlp(m, l, p, a);
}

/* ---- backward ------------------------------------------------------------------------- */

/* Turn d (N, hidden) from dL/dy into dL/dx1, through the gated MLP and its norm. Sends the
 * gradients of down, gate, up and norm2, in this order. */
static void backward_mlp(sp_model *m, int64_t l, const sp_pack *p, float *d, sp_wgrad_fn *emit,
                         void *self, const sp_acts *a, sp_work *w)
{
    const sp_config *c = &m->cfg;
    sp_param *gate = sp_layer_param(m, l, SP_GATE), *up = sp_layer_param(m, l, SP_UP);
    sp_param *down = sp_layer_param(m, l, SP_DOWN);
    const sp_linear to_act[] = {linear(down, d)}; /* dact, which the gate turns into dup */
    sp_gemm_dyws(w->dup, p->n, c->mlp, to_act, 1);
    /* d is a factor of this gradient until the norm adds to it */
    emit(self, down, d, a->act, p);
    sp_gate_backward(c->act, w->dgate, w->dup, a->gate, a->up, p->n * c->mlp);
    const sp_linear to_h2[] = {linear(gate, w->dgate), linear(up, w->dup)};
    sp_gemm_dyws(w->dh, p->n, c->hidden, to_h2, 2);
    emit(self, gate, w->dgate, a->h2, p);
    emit(self, up, w->dup, a->h2, p);
    sp_norm_backward(d, w->xhat, w->dh, a->x1, a->scale2, p->n, c->hidden, c->norm_eps);
    emit(self, sp_layer_param(m, l, SP_NORM2), w->dh, w->xhat, p);
}

/* Turn d (N, hidden) from dL/dx1 into dL/dx, through attention and its norm. Sends the gradients of
 * o, q, k, v and norm1, in this order. Without need_dx it stops after v. */
static void backward_attention(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *d,
                               bool need_dx, sp_wgrad_fn *emit, void *self, const sp_acts *a,
                               sp_work *w)
{
    const sp_config *c = &m->cfg;
    sp_param *q = sp_layer_param(m, l, SP_Q), *k = sp_layer_param(m, l, SP_K);
    sp_param *v = sp_layer_param(m, l, SP_V), *o = sp_layer_param(m, l, SP_O);
    const sp_linear to_ctx[] = {linear(o, d)};
    sp_gemm_dyws(w->dctx, p->n, o->cols, to_ctx, 1);
    emit(self, o, d, a->ctx, p);
    sp_attn_backward(c, p, a->q, a->k, a->v, w->dctx, w->dq, w->dk, w->dv);
    sp_rope_turn(&m->rope, p, w->dq, c->heads, c->head_dim, -1);
    sp_rope_turn(&m->rope, p, w->dk, c->kv_heads, c->head_dim, -1);
    const sp_linear to_h1[] = {linear(q, w->dq), linear(k, w->dk), linear(v, w->dv)};
    if (need_dx) sp_gemm_dyws(w->dh, p->n, c->hidden, to_h1, 3);
    emit(self, q, w->dq, a->h1, p);
    emit(self, k, w->dk, a->h1, p);
    emit(self, v, w->dv, a->h1, p);
    if (!need_dx) return;
    sp_norm_backward(d, w->xhat, w->dh, x, a->scale1, p->n, c->hidden, c->norm_eps);
    emit(self, sp_layer_param(m, l, SP_NORM1), w->dh, w->xhat, p);
}

void sp_layer_backward(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *d,
                       bool need_dx, sp_wgrad_fn *emit, void *self, const sp_acts *a, sp_work *w)
{
    backward_mlp(m, l, p, d, emit, self, a, w);
    backward_attention(m, l, p, x, d, need_dx, emit, self, a, w);
}
