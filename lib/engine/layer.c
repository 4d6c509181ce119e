/* layer.c - one decoder layer, forward and backward. See layer.h for the equations; norms are in
 * norm.c, attention in attn.c. */
#include "engine/layer.h"

#include "engine/attn.h"
#include "engine/gemm.h"
#include "engine/norm.h"
#include "tensor/fmath.h"
#include "tensor/vec.h"

#include <stdlib.h>
#include <string.h>

/* N tokens; H hidden, Q = heads * head_dim, KV = kv_heads * head_dim, F = mlp width. */
struct sp_acts {
    float *scale1, *scale2; /* (H) norm multipliers */
    float *h1, *h2, *x1;    /* (N, H): norm1(x), norm2(x1), x + attention */
    float *q, *ctx;         /* (N, Q) */
    float *k, *v;           /* (N, KV) */
    float *gate, *up, *act; /* (N, F); act = act(gate) * up */
    float *all;             /* where they lie */
};

struct sp_work {
    float *dh, *xhat;   /* (N, H) */
    float *dq, *dctx;   /* (N, Q) */
    float *dk, *dv;     /* (N, KV) */
    float *dgate, *dup; /* (N, F) */
    float *all;
};

/* One array of a set: where it is kept, and its floats. */
typedef struct {
    float **at;
    size_t n;
} array;

/* Cut one allocation into arrays, each aligned; returns it, or only its floats into *total when
 * that is given. */
static float *carve(const array *a, size_t count, size_t *total)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += (a[i].n + 15) / 16 * 16;
    if (total) return *total = sum, NULL;
    float *all = sp_xfloats(sum), *p = all;
    for (size_t i = 0; i < count; p += (a[i].n + 15) / 16 * 16, i++) *a[i].at = p;
    return all;
}

static float *carve_acts(sp_acts *w, const sp_model *m, int64_t tokens, size_t *total)
{
    const sp_config *c = &m->cfg;
    size_t n = (size_t)tokens, h = n * (size_t)c->hidden, q = n * (size_t)(c->heads * c->head_dim),
           kv = n * (size_t)(c->kv_heads * c->head_dim), f = n * (size_t)c->mlp,
           one = (size_t)c->hidden;
    const array a[] = {{&w->scale1, one}, {&w->scale2, one}, {&w->h1, h},  {&w->h2, h},
                       {&w->x1, h},       {&w->q, q},        {&w->ctx, q}, {&w->k, kv},
                       {&w->v, kv},       {&w->gate, f},     {&w->up, f},  {&w->act, f}};
    return carve(a, sizeof a / sizeof *a, total);
}

sp_acts *sp_acts_new(const sp_model *m, int64_t n)
{
    sp_acts *w = sp_xcalloc(1, sizeof *w);
    w->all = carve_acts(w, m, n, NULL);
    return w;
}

size_t sp_acts_bytes(const sp_model *m, int64_t n)
{
    sp_acts none;
    size_t total;
    carve_acts(&none, m, n, &total);
    return total * sizeof(float);
}

void sp_acts_free(sp_acts *w)
{
    if (w) free(w->all);
    free(w);
}

static float *carve_work(sp_work *w, const sp_model *m, int64_t tokens, size_t *total)
{
    const sp_config *c = &m->cfg;
    size_t n = (size_t)tokens, h = n * (size_t)c->hidden, q = n * (size_t)(c->heads * c->head_dim),
           kv = n * (size_t)(c->kv_heads * c->head_dim), f = n * (size_t)c->mlp;
    const array a[] = {{&w->dh, h},  {&w->xhat, h}, {&w->dq, q},    {&w->dctx, q},
                       {&w->dk, kv}, {&w->dv, kv},  {&w->dgate, f}, {&w->dup, f}};
    return carve(a, sizeof a / sizeof *a, total);
}

sp_work *sp_work_new(const sp_model *m, int64_t n)
{
    sp_work *w = sp_xcalloc(1, sizeof *w);
    w->all = carve_work(w, m, n, NULL);
    return w;
}

size_t sp_work_bytes(const sp_model *m, int64_t n)
{
    sp_work none;
    size_t total;
    carve_work(&none, m, n, &total);
    return total * sizeof(float) + sp_gemm_bytes(n, m->cfg.mlp, m->cfg.mlp);
}

void sp_work_free(sp_work *w)
{
    if (w) free(w->all);
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

/* y = beta * y + x W^T */
static void apply(const sp_param *p, float *y, const float *x, int64_t n, float beta)
{
    sp_gemm_xwt(y, x, sp_matrix(p), n, p->cols, p->rows, beta);
}

static sp_linear linear(const sp_param *p, float *y)
{
    return (sp_linear){y, sp_matrix(p), p->rows};
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
static void gated_back(const sp_model *m, float *dgate, float *dup, const float *gate,
                       const float *up, int64_t n)
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

/* Everything up to act: fills w. */
static void forward_inner(sp_model *m, int64_t l, const sp_pack *p, const float *x, sp_kv *kv,
                          const int64_t *slot, sp_acts *w)
{
    const sp_config *c = &m->cfg;
    int64_t n = p->n, h = c->hidden, reach = 0;
    for (int64_t s = 0; s < p->n_seq; s++)
        reach = SP_MAX(reach, (p->pos0 ? p->pos0[s] : 0) + p->start[s + 1] - p->start[s]);
    sp_rope_reserve(m, reach);
    sp_norm_scale(m, sp_layer_param(m, l, SP_NORM1), w->scale1);
    sp_norm_scale(m, sp_layer_param(m, l, SP_NORM2), w->scale2);
    sp_norm_forward(w->h1, x, w->scale1, n, h, c->norm_eps);
    const sp_linear qkv[] = {linear(sp_layer_param(m, l, SP_Q), w->q),
                             linear(sp_layer_param(m, l, SP_K), w->k),
                             linear(sp_layer_param(m, l, SP_V), w->v)};
    sp_gemm_xwts(w->h1, n, h, qkv, 3);
    sp_rope(m, p, w->q, c->heads, 1);
    sp_rope(m, p, w->k, c->kv_heads, 1);
    if (kv) sp_kv_append(kv, m, l, p, slot, w->k, w->v);
    sp_attn_forward(m, p, w->q, w->k, w->v, kv, l, slot, w->ctx);
    memcpy(w->x1, x, (size_t)(n * h) * sizeof *x);
    apply(sp_layer_param(m, l, SP_O), w->x1, w->ctx, n, 1);
    sp_norm_forward(w->h2, w->x1, w->scale2, n, h, c->norm_eps);
    const sp_linear mlp[] = {linear(sp_layer_param(m, l, SP_GATE), w->gate),
                             linear(sp_layer_param(m, l, SP_UP), w->up)};
    sp_gemm_xwts(w->h2, n, h, mlp, 2);
    gated(m, w->act, w->gate, w->up, n * c->mlp);
}

void sp_layer_forward(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *y, sp_kv *kv,
                      const int64_t *slot, sp_acts *w)
{
    forward_inner(m, l, p, x, kv, slot, w);
    memcpy(y, w->x1, (size_t)(p->n * m->cfg.hidden) * sizeof *y);
    apply(sp_layer_param(m, l, SP_DOWN), y, w->act, p->n, 1);
}

/* d: dL/dy -> dL/dx1, through the gated MLP and its norm. */
static void backward_mlp(sp_model *m, int64_t l, const sp_pack *p, float *d, sp_grad_fn *emit,
                         void *self, const sp_acts *a, sp_work *w)
{
    int64_t n = p->n;
    sp_param *gate = sp_layer_param(m, l, SP_GATE), *up = sp_layer_param(m, l, SP_UP),
             *down = sp_layer_param(m, l, SP_DOWN);
    const sp_linear to_act[] = {linear(down, d)},
                    back[] = {linear(gate, w->dgate), linear(up, w->dup)};
    sp_gemm_dyws(w->dup, n, down->cols, to_act, 1);
    emit(self, down, d, a->act, p);
    gated_back(m, w->dgate, w->dup, a->gate, a->up, n * m->cfg.mlp);
    sp_gemm_dyws(w->dh, n, m->cfg.hidden, back, 2);
    emit(self, gate, w->dgate, a->h2, p);
    emit(self, up, w->dup, a->h2, p);
    sp_norm_backward(d, w->xhat, w->dh, a->x1, a->scale2, n, m->cfg.hidden, m->cfg.norm_eps);
    emit(self, sp_layer_param(m, l, SP_NORM2), w->dh, w->xhat, p);
}

/* d: dL/dx1 -> dL/dx, through attention and its norm. */
static void backward_attn(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *d,
                          bool need_dx, sp_grad_fn *emit, void *self, const sp_acts *a, sp_work *w)
{
    int64_t n = p->n;
    sp_param *q = sp_layer_param(m, l, SP_Q), *k = sp_layer_param(m, l, SP_K),
             *v = sp_layer_param(m, l, SP_V), *o = sp_layer_param(m, l, SP_O);
    const sp_linear to_ctx[] = {linear(o, d)},
                    back[] = {linear(q, w->dq), linear(k, w->dk), linear(v, w->dv)};
    sp_gemm_dyws(w->dctx, n, o->cols, to_ctx, 1);
    emit(self, o, d, a->ctx, p);
    sp_attn_backward(m, p, a->q, a->k, a->v, w->dctx, w->dq, w->dk, w->dv);
    sp_rope(m, p, w->dq, m->cfg.heads, -1);
    sp_rope(m, p, w->dk, m->cfg.kv_heads, -1);
    if (need_dx) sp_gemm_dyws(w->dh, n, m->cfg.hidden, back, 3);
    emit(self, q, w->dq, a->h1, p);
    emit(self, k, w->dk, a->h1, p);
    emit(self, v, w->dv, a->h1, p);
    if (!need_dx) return;
    sp_norm_backward(d, w->xhat, w->dh, x, a->scale1, n, m->cfg.hidden, m->cfg.norm_eps);
    emit(self, sp_layer_param(m, l, SP_NORM1), w->dh, w->xhat, p);
}

void sp_layer_recompute(sp_model *m, int64_t l, const sp_pack *p, const float *x, sp_acts *w)
{
    forward_inner(m, l, p, x, NULL, NULL, w);
}

void sp_layer_backward(sp_model *m, int64_t l, const sp_pack *p, const float *x, float *d,
                       bool need_dx, sp_grad_fn *emit, void *self, const sp_acts *a, sp_work *w)
{
    backward_mlp(m, l, p, d, emit, self, a, w);
    backward_attn(m, l, p, x, d, need_dx, emit, self, a, w);
}

void sp_grad_dense(float *dw, float beta, const sp_param *p, const float *dy, const float *x,
                   int64_t t0, int64_t t1)
{
    if (p->cols > 1) {
        sp_gemm_dytx(dw, dy + t0 * p->rows, x + t0 * p->cols, t1 - t0, p->cols, p->rows, beta);
        return;
    }
    for (int64_t i = 0; i < p->rows; i++) dw[i] = beta != 0 ? beta * dw[i] : 0;
    for (int64_t t = t0; t < t1; t++)
        for (int64_t i = 0; i < p->rows; i++) dw[i] += dy[t * p->rows + i] * x[t * p->rows + i];
}
