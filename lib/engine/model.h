/* model.h - a decoder-only transformer: configuration, the table of families, and where
 * each weight lies.
 *
 * A family (LLaMA, Mistral, Gemma) is one entry of a table in model.c: norm kind,
 * activation, embedding scale, window, defaults. Config keys that would change the
 * arithmetic and are not known are refused by name.
 */
#ifndef SP_MODEL_H
#define SP_MODEL_H

#include "base/scratch.h"
#include "engine/gemm.h"
#include "tensor/st.h"

typedef enum { SP_ACT_SILU, SP_ACT_GELU_TANH } sp_act;
typedef enum { SP_ROPE_PLAIN, SP_ROPE_LINEAR, SP_ROPE_LLAMA3 } sp_rope_kind;

typedef struct {
    const char *family; /* "llama", "mistral", "gemma" */
    int64_t layers, hidden, heads, kv_heads, head_dim, mlp, vocab;
    double norm_eps, rope_theta;
    bool norm_plus_one; /* RMSNorm multiplies by 1 + w (Gemma) */
    float embed_scale;  /* 1, or sqrt(hidden) (Gemma) */
    sp_act act;
    sp_rope_kind rope;
    double rope_factor, rope_low, rope_high, rope_orig; /* rope_scaling */
    /* tokens a position sees, itself included; 0 = all before it */
    int64_t window;
    bool tied; /* lm_head = embed_tokens */
    int64_t max_position;
    int32_t eos[8]; /* generation_config.json adds to them */
    int n_eos;
} sp_config;

/* Read DIR/config.json (and generation_config.json for eos). 0 or -1. */
int sp_config_load(sp_config *c, const char *dir, sp_err *e);

/* Weights of one layer, in this order; the first seven names are the "linears". */
enum {
    SP_Q,
    SP_K,
    SP_V,
    SP_O,
    SP_GATE,
    SP_UP,
    SP_DOWN,
    SP_NORM1,
    SP_NORM2,
    SP_PER_LAYER
};
#define SP_N_LINEARS 7

typedef struct {
    char *name;         /* Hugging Face tensor name */
    int layer;          /* -1 outside the layers */
    int kind;           /* SP_Q .. SP_NORM2 inside a layer, else -1 */
    int64_t rows, cols; /* (out, in) of a matrix; (n, 1) of a norm weight */
    sp_dtype dtype;     /* as stored */
    const void *data;   /* the stored bytes (mapped or read), or NULL when `own` is set */
    /* F32 values that replace `data`: a trained or widened copy, owned by the model */
    float *own;
} sp_param;

typedef struct {
    sp_config cfg;
    size_t n; /* parameters, in the order of the checkpoint */
    sp_param *params;
    sp_param *embed, *norm, *head; /* head == embed when tied */
    sp_param **layer;              /* [layers * SP_PER_LAYER] */
    float *rope_cos, *rope_sin;    /* (rope_n, head_dim / 2) */
    int64_t rope_n;
    sp_src *src; /* kept open: params borrow its bytes */
    /* bytes read because they could not be mapped, one slot a parameter */
    void **held;
    size_t max_numel; /* of the largest parameter */
    /* where `own` copies are made, NULL = memory; closed with the model */
    sp_scratch *scratch;
    /* mapped weights are given back to the kernel after use, so that they do not fill the
     * memory (default: true) */
    bool sparing;
} sp_model;

/* The configuration and the parameters with their shapes in canonical order, without
 * values. NULL on error. */
sp_model *sp_model_blank(const char *dir, sp_err *e);

/* Open DIR's configuration and weights; `weights` (may be NULL) is a stream that replaces
 * the weights. Every tensor the family needs must be there with the right shape, and
 * nothing unknown besides. init_std > 0: no weights are read, matrices are drawn from
 * N(0, init_std^2) with `seed` (norm weights at identity) and the parameters are in
 * canonical order. NULL on error. */
sp_model *sp_model_open(const char *dir, const char *weights, double init_std,
                        uint64_t seed, sp_err *e);
void sp_model_close(sp_model *m);

static inline sp_param *sp_layer_param(const sp_model *m, int64_t l, int kind)
{
    return m->layer[l * SP_PER_LAYER + kind];
}
static inline size_t sp_numel(const sp_param *p)
{
    return (size_t)p->rows * (size_t)p->cols;
}

/* The weight as a product takes it. */
static inline sp_mat sp_matrix(const sp_param *p)
{
    return p->own ? (sp_mat){p->own, SP_F32} : (sp_mat){p->data, p->dtype};
}
/* F32 values of a parameter: `own`, or the stored bytes when they are F32, else widened
 * into scratch (as many floats). */
const float *sp_weight(const sp_param *p, float *scratch);
/* The same for the n values from `first` on. */
const float *sp_weight_part(const sp_param *p, size_t first, size_t n, float *scratch);
/* Make `own` (a widened private copy, in m->scratch if there is one) if it is not there
 * yet, and return it. */
float *sp_own(sp_model *m, sp_param *p);
/* Ask the kernel to read layer l ahead of its use, and give its pages back after (l = -1:
 * embedding, norm and head), or those of one parameter. Nothing to mapped weights unless
 * m->sparing. */
void sp_layer_prefetch(const sp_model *m, int64_t l);
void sp_layer_release(const sp_model *m, int64_t l);
void sp_param_release(const sp_model *m, const sp_param *p);
/* Grow the rotary tables to at least n positions. */
void sp_rope_reserve(sp_model *m, int64_t n);

#endif
