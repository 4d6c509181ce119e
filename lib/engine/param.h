/* param.h - the parameters of a model: their names, shapes, and values as stored.
 *
 * Canonical order: the embedding, then for each layer its nine weights, then the final
 * norm, then the head unless it is tied to the embedding.
 */
#ifndef SP_PARAM_H
#define SP_PARAM_H

#include "engine/config.h"
#include "engine/matrix.h"

#include <stddef.h>

/* Weights of one layer, in canonical order. The first seven are its linear layers. */
enum {
    SP_Q,     /* (heads * head_dim, hidden) */
    SP_K,     /* (kv_heads * head_dim, hidden) */
    SP_V,     /* the same */
    SP_O,     /* (hidden, heads * head_dim) */
    SP_GATE,  /* (mlp, hidden) */
    SP_UP,    /* the same */
    SP_DOWN,  /* (hidden, mlp) */
    SP_NORM1, /* (hidden, 1), before attention */
    SP_NORM2, /* (hidden, 1), before the MLP */
    SP_PER_LAYER
};
#define SP_N_LINEARS 7

typedef struct {
    char *name;         /* the tensor's, as Hugging Face calls it; owned */
    int layer;          /* -1 outside the layers */
    int kind;           /* SP_Q .. SP_NORM2 inside a layer, else -1 */
    int64_t rows, cols; /* (out, in) of a matrix; (n, 1) of a norm weight */
    sp_dtype dtype;     /* of `data`: F32, BF16 or F16 */
    /* the stored values, borrowed from the checkpoint's mapping or from `copy`; NULL for
     * a model without a checkpoint */
    const void *data;
    void *copy; /* the stored bytes, where they could not be mapped; owned */
    /* F32 values that replace `data`: trained, or a private copy (sp_model_own) */
    float *own;
} sp_param;

/* All parameters of a model of this configuration in canonical order, without values,
 * F32; *n gets their number. The caller frees each name and the array. */
SP_MUST_CHECK sp_param *sp_param_list(const sp_config *c, size_t *n);

/* Number of values. */
static inline size_t sp_numel(const sp_param *p)
{
    return (size_t)p->rows * (size_t)p->cols;
}

/* The weight as a product takes it. */
static inline sp_mat sp_param_matrix(const sp_param *p)
{
    return p->own ? (sp_mat){p->own, SP_F32} : (sp_mat){p->data, p->dtype};
}

/* F32 values first .. first+n-1: in place where they are F32, else widened into scratch
 * (n floats). Valid as long as both are. */
const float *sp_param_part(const sp_param *p, size_t first, size_t n, float *scratch);
/* The same for all of them. */
const float *sp_param_values(const sp_param *p, float *scratch);

#endif
