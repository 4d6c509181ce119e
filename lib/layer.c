/* layer.c - one decoder layer, forward and backward. See layer.h for the equations; norms are in norm.c, attention in attn.c. */
#include "layer.h"

#include "attn.h"
#include "fmath.h"
#include "gemm.h"
#include "norm.h"
#include "vec.h"

#include <stdlib.h>
#include <string.h>

/* N tokens; H hidden, Q = heads * head_dim, KV = kv_heads * head_dim, F = mlp width. */
struct sp_work {
    int64_t max_n;
    float *scale1, *scale2;           /* (H) norm multipliers */
    float *h1, *h2, *x1;              /* (N, H): norm1(x), norm2(x1), x + attention */
    float *q, *ctx;                   /* (N, Q) */
    float *k, *v;                     /* (N, KV) */
    float *gate, *up, *act;           /* (N, F); act = act(gate) * up */
    float *dh, *xhat;                 /* (N, H) */
    float *dq, *dctx;                 /* (N, Q) */
    float *dk, *dv;                   /* (N, KV) */
    float *dgate, *dup;               /* (N, F) */
};

sp_work *sp_work_new(const sp_model *m, int64_t max_n, bool backward)
{
    const sp_config *c = &m->cfg;
    size_t n = (size_t)max_n, h = n * (size_t)c->hidden, q = n * (size_t)(c->heads * c->head_dim),
           kv = n * (size_t)(c->kv_heads * c->head_dim), f = n * (size_t)c->mlp;
    sp_work *w = sp_xcalloc(1, sizeof *w);
    w->max_n = max_n;
    w->scale1 = sp_xfloats((size_t)c->hidden), w->scale2 = sp_xfloats((size_t)c->hidden);
    w->h1 = sp_xfloats(h), w->h2 = sp_xfloats(h), w->x1 = sp_xfloats(h);
    w->q = sp_xfloats(q), w->ctx = sp_xfloats(q);
    w->k = sp_xfloats(kv), w->v = sp_xfloats(kv);
    w->gate = sp_xfloats(f), w->up = sp_xfloats(f), w->act = sp_xfloats(f);
    if (!backward) return w;
    w->dh = sp_xfloats(h), w->xhat = sp_xfloats(h);
    w->dq = sp_xfloats(q), w->dctx = sp_xfloats(q);
    w->dk = sp_xfloats(kv), w->dv = sp_xfloats(kv);
    w->dgate = sp_xfloats(f), w->dup = sp_xfloats(f);
    return w;
}

uint64_t sp_work_bytes(const sp_model *m, int64_t max_n, bool backward)
{
    const sp_config *c = &m->cfg;
    int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    int64_t row = backward ? 5 * c->hidden + 4 * q + 4 * kv + 5 * c->mlp : 3 * c->hidden + 2 * q + 2 * kv + 3 * c->mlp;
    return (uint64_t)(max_n * row) * sizeof(float);
}

void sp_work_free(sp_work *w)
{
    if (!w) return;
    float *all[] = {w->scale1, w->scale2, w->h1,  w->h2, w->x1, w->q,  w->ctx,   w->k,  w->v,
                    w->gate,   w->up,     w->act,    w->dh,  w->xhat, w->dq, w->dctx, w->dk, w->dv, w->dgate, w->dup};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(w);
}

void sp_embed_forward(const sp_model *m, const int32_t *ids, int64_t n, float *y)
{
    int64_t h = m->cfg.hidden;
    const sp_param *p = m->embed;
    size_t row = (size_t)h * sp_dtype_size(p->dtype);
    for (int64_t t = 0; t < n; t++) {
        float *yt = y + t * h;
        if (p->own) memcpy(yt, p->own + ids[t] * h, (size_t)h * sizeof *yt);
        else sp_to_f32(yt, (const char *)p->data + (size_t)ids[t] * row, p->dtype, (size_t)h);
        for (int64_t i = 0; i < h; i++) yt[i] *= m->cfg.embed_scale;
    }
}

/* y = x W^T, and its way back: dx = beta * dx + dy W */
static void apply(const sp_param *p, float *y, const float *x, int64_t n, float beta)
{
    sp_gemm_xwt(y, x, sp_matrix(p), n, p->cols, p->rows, beta);
}

static void apply_back(const sp_param *p, float *dx, const float *dy, int64_t n, float beta)
{
    sp_gemm_dyw(dx, dy, sp_matrix(p), n, p->cols, p->rows, beta);
}

static void gated(const sp_model *m, float *out, const float *gate, const float *up, int64_t n)
{
    if (m->cfg.act == SP_ACT_SILU) {
#pragma omp parallel for simd if (n > 16384)
        for (int64_t i = 0; i < n; i++) out[i] = sp_silu(gate[i]) * up[i];
    } else {
#pragma omp parallel for simd if (n > 16384)
        for (int64_t i = 0; i < n; i++) out[i] = sp_gelu_tanh(gate[i]) * up[i];
    }
}

/* dgate, dup from da = dL/d(act(gate) * up); da stands in dup on entry. */
static void gated_back(const sp_model *m, float *dgate, float *dup, const float *gate, const float *up, int64_t n)
{
    if (m->cfg.act == SP_ACT_SILU) {
#pragma omp parallel for simd if (n > 16384)
        for (int64_t i = 0; i < n; i++) {
            dgate[i] = dup[i] * up[i] * sp_silu_grad(gate[i]);
            dup[i] *= sp_silu(gate[i]);
        }
    } else {
#pragma omp parallel for simd if (n > 16384)
        for (int64_t i = 0; i < n; i++) {
            dgate[i] = dup[i] * up[i] * sp_gelu_tanh_grad(gate[i]);
            dup[i] *= sp_gelu_tanh(gate[i]);
        }
    }
}

/* Everything up to act: fills w->h1 .. w->act. */
static void forward_inner(sp_model *m, int64_t l, const sp_pack *p, const float *x, sp_kv *kv, const int64_t *slot, sp_work *w)
{
    const sp_config *c = &m->cfg;
    int64_t n = p->n, h = c->hidden, reach = 0;
    for (int64_t s = 0; s < p->n_seq; s++) reach = SP_MAX(reach, (p->pos0 ? p->pos0[s] : 0) + p->start[s + 1] - p->start[s]);
    sp_rope_reserve(m, reach);
    sp_norm_scale(m, sp_layer_param(m, l, SP_NORM1), w->scale1);
    sp_norm_scale(m, sp_layer_param(m, l, SP_NORM2), w->scale2);
    sp_norm_forward(w->h1, x, w->scale1, n, h, c->norm_eps);
    apply(sp_layer_param(m, l, SP_Q), w->q, w->h1, n, 0);
    apply(sp_layer_param(m, l, SP_K), w->k, w->h1, n, 0);
    apply(sp_layer_param(m, l, SP_V), w->v, w->h1, n, 0);
    sp_rope(m, p, w->q, c->heads, 1);
    sp_rope(m, p, w->k, c->kv_heads, 1);
    if (kv) sp_kv_append(kv, m, l, p, slot, w->k, w->v);
    sp_attn_forward(m, p, w->q, w->k, w->v, kv, l, slot, w->ctx);
    memcpy(w->x1, x, (size_t)(n * h) * sizeof *x);
    apply(sp_layer_param(m, l, SP_O), w->x1, w->ctx, n, 1);
    sp_norm_forward(w->h2, w->x1, w->scale2, n, h, c->norm_eps);
    apply(sp_layer_param(m, l, SP_GATE), w->gate, w->h2, n, 0);
    apply(sp_layer_param(m, l, SP_UP), w->up, w->h2, n, 0);
    gated(m, w->act, w->gate, w->up, n * c->mlp);
}

void sp_layer_forward(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *y, sp_kv *kv, const int64_t *slot, sp_work *w)
{
    forward_inner(m, l, p, x, kv, slot, w);
    memcpy(y, w->x1, (size_t)(p->n * m->cfg.hidden) * sizeof *y);
    apply(sp_layer_param(m, l, SP_DOWN), y, w->act, p->n, 1);
}

/* d: dL/dy -> dL/dx1, through the gated MLP and its norm. */
static void backward_mlp(sp_model *m, int64_t l, const sp_pack *p, float *d, sp_grad_fn *emit, void *self, sp_work *w)
{
    int64_t n = p->n;
    sp_param *gate = sp_layer_param(m, l, SP_GATE), *up = sp_layer_param(m, l, SP_UP), *down = sp_layer_param(m, l, SP_DOWN);
    apply_back(down, w->dup, d, n, 0);
    emit(self, down, d, w->act, p);
    gated_back(m, w->dgate, w->dup, w->gate, w->up, n * m->cfg.mlp);
    apply_back(gate, w->dh, w->dgate, n, 0);
    apply_back(up, w->dh, w->dup, n, 1);
    emit(self, gate, w->dgate, w->h2, p);
    emit(self, up, w->dup, w->h2, p);
    sp_norm_backward(d, w->xhat, w->dh, w->x1, w->scale2, n, m->cfg.hidden, m->cfg.norm_eps);
    emit(self, sp_layer_param(m, l, SP_NORM2), w->dh, w->xhat, p);
}

/* d: dL/dx1 -> dL/dx, through attention and its norm. */
static void backward_attn(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *d, bool need_dx, sp_grad_fn *emit, void *self,
                          sp_work *w)
{
    int64_t n = p->n;
    sp_param *q = sp_layer_param(m, l, SP_Q), *k = sp_layer_param(m, l, SP_K), *v = sp_layer_param(m, l, SP_V), *o = sp_layer_param(m, l, SP_O);
    apply_back(o, w->dctx, d, n, 0);
    emit(self, o, d, w->ctx, p);
    sp_attn_backward(m, p, w->q, w->k, w->v, w->dctx, w->dq, w->dk, w->dv);
    sp_rope(m, p, w->dq, m->cfg.heads, -1);
    sp_rope(m, p, w->dk, m->cfg.kv_heads, -1);
    if (need_dx) {
        apply_back(q, w->dh, w->dq, n, 0);
        apply_back(k, w->dh, w->dk, n, 1);
        apply_back(v, w->dh, w->dv, n, 1);
    }
    emit(self, q, w->dq, w->h1, p);
    emit(self, k, w->dk, w->h1, p);
    emit(self, v, w->dv, w->h1, p);
    if (!need_dx) return;
    sp_norm_backward(d, w->xhat, w->dh, x, w->scale1, n, m->cfg.hidden, m->cfg.norm_eps);
    emit(self, sp_layer_param(m, l, SP_NORM1), w->dh, w->xhat, p);
}

void sp_layer_backward(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *d, bool need_dx, sp_grad_fn *emit, void *self,
                       sp_work *w)
{
    forward_inner(m, l, p, x, NULL, NULL, w);
    backward_mlp(m, l, p, d, emit, self, w);
    backward_attn(m, l, p, x, d, need_dx, emit, self, w);
}

void sp_grad_dense(float *dw, float beta, const sp_param *p, const float *dy, const float *x, int64_t t0, int64_t t1)
{
    if (p->cols > 1) {
        sp_gemm_dytx(dw, dy + t0 * p->rows, x + t0 * p->cols, t1 - t0, p->cols, p->rows, beta);
        return;
    }
    for (int64_t i = 0; i < p->rows; i++) dw[i] *= beta;
    for (int64_t t = t0; t < t1; t++)
        for (int64_t i = 0; i < p->rows; i++) dw[i] += dy[t * p->rows + i] * x[t * p->rows + i];
}
