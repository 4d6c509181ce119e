/* param.c - see param.h.
 *
 * A new family of models whose layers have other weights starts here: names (suffixes), shapes
 * (inside_layer), and the enum in param.h.
 *
 * Shapes follow from the configuration alone, so the list is complete before any file is opened,
 * and a checkpoint is checked against it. A name in layer 3 is model.layers.3.SUFFIX.weight.
 */
#include "engine/param.h"

#include "base/memory.h"
#include "tensor/idle.h"
#include "tensor/vec.h"

/* clang-format off */
static const char *const suffixes[SP_PER_LAYER] = {
    [SP_Q] = "self_attn.q_proj", [SP_K] = "self_attn.k_proj", [SP_V] = "self_attn.v_proj", [SP_O] = "self_attn.o_proj",
    [SP_GATE] = "mlp.gate_proj", [SP_UP] = "mlp.up_proj", [SP_DOWN] = "mlp.down_proj",
    [SP_NORM1] = "input_layernorm", [SP_NORM2] = "post_attention_layernorm",
};
/* clang-format on */

/* Make a parameter (rows, cols) that belongs to no layer: without values, as all parameters of this
 * module. Its name is a copy, which it owns. */
static sp_param outside_layers(const char *name, int64_t rows, int64_t cols)
{
    return (sp_param){.name = sp_xstrdup(name),
                      .layer = -1,
                      .kind = -1,
                      .rows = rows,
                      .cols = cols,
                      .dtype = SP_F32};
}

/* Make weight `kind` of a layer, without values; it owns its name. */
static sp_param inside_layer(const sp_config *c, int layer, int kind)
{
    /* widths: all query heads, all key/value heads, residual stream, inside of the MLP */
    int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim, h = c->hidden, f = c->mlp;
    const int64_t shapes[SP_PER_LAYER][2] = {
        [SP_Q] = {q, h},    [SP_K] = {kv, h},    [SP_V] = {kv, h},
        [SP_O] = {h, q},    [SP_GATE] = {f, h},  [SP_UP] = {f, h},
        [SP_DOWN] = {h, f}, [SP_NORM1] = {h, 1}, [SP_NORM2] = {h, 1},
    };
    return (sp_param){.name = sp_xasprintf("model.layers.%d.%s.weight", layer, suffixes[kind]),
                      .layer = layer,
                      .kind = kind,
                      .rows = shapes[kind][0],
                      .cols = shapes[kind][1],
                      .dtype = SP_F32};
}

sp_param *sp_param_list(const sp_config *c, size_t *n)
{
    /* outside the layers: embedding, final norm and, unless it is tied, the head */
    *n = (size_t)(c->layers * SP_PER_LAYER + (c->tied ? 2 : 3));
    sp_param *list = sp_xcalloc(*n, sizeof *list), *p = list;
    *p++ = outside_layers(SP_EMBED_NAME, c->vocab, c->hidden);
    for (int layer = 0; layer < c->layers; layer++)
        for (int kind = 0; kind < SP_PER_LAYER; kind++) *p++ = inside_layer(c, layer, kind);
    *p++ = outside_layers("model.norm.weight", c->hidden, 1);
    if (!c->tied) *p = outside_layers(SP_HEAD_NAME, c->vocab, c->hidden);
    return list;
}

const float *sp_param_part(const sp_param *p, size_t first, size_t n, float *scratch)
{
    if (p->own) return p->own + first;
    if (p->dtype == SP_F32) return (const float *)p->data + first;
    const char *bytes = p->data;
    sp_to_f32(scratch, bytes + first * sp_dtype_size(p->dtype), p->dtype, n);
    return scratch;
}

const float *sp_param_values(const sp_param *p, float *scratch)
{
    return sp_param_part(p, 0, sp_numel(p), scratch);
}
