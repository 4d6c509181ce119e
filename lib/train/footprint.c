/* footprint.c - see footprint.h.
 *
 * What stays for the whole run is added to the largest of what three stages need beside it:
 *
 *     head        the head's weights and logits
 *     layers      one layer's weights and its gradients
 *     embedding   those gradients, which are still there, and per example the embedding's weights
 */
#include "train/footprint.h"

#include "engine/acts.h"
#include "engine/head.h"
#include "train/batch.h"
#include "train/kept.h"
#include "train/order.h"

/* Bytes of one layer. */
typedef struct {
    uint64_t weights;   /* as stored */
    uint64_t gradients; /* of what is in scope */
    uint64_t largest;   /* gradient of a parameter */
} layer_bytes;

/* Bytes of a parameter in the dtype of the checkpoint, which are mapped while it is in use. */
static uint64_t stored_bytes(const sp_param *p) { return sp_numel(p) * sp_dtype_size(p->dtype); }

/* Add up the nine parameters of layer 0. All layers have the same shapes, so it stands for any
 * other. */
static layer_bytes measure_layer(const sp_model *m, bool all)
{
    layer_bytes b = {0, 0, 0};
    for (int k = 0; k < SP_PER_LAYER; k++) {
        const sp_param *p = sp_layer_param(m, 0, k);
        uint64_t gradient = sp_numel(p) * sizeof(float);
        b.weights += stored_bytes(p);
        if (sp_in_scope(all, k)) b.gradients += gradient;
        b.largest = SP_MAX(b.largest, gradient);
    }
    return b;
}

/* Bytes that stay from the forward to the backward pass: the layers + 1 hidden states (N, hidden),
 * the gradient d of the same size, the kept activations, the shared set, and a layer's scratch.
 * `kept` is what the sets take if all layers keep theirs, but no more than is granted. */
static uint64_t passing_bytes(const sp_model *m, int64_t tokens, int64_t longest)
{
    int64_t chunk = SP_MIN(tokens, SP_MAX(longest, SP_CHUNK));
    uint64_t layers = (uint64_t)m->cfg.layers,
             states = (uint64_t)tokens * (uint64_t)m->cfg.hidden * sizeof(float),
             kept = SP_MIN(sp_kept_limit(SP_KEEP), layers * sp_acts_bytes(&m->cfg, tokens));
    return (layers + 2) * states + sp_acts_bytes(&m->cfg, chunk) + kept +
           sp_work_bytes(&m->cfg, chunk);
}

/* The stages follow one another, so only the largest of the three counts. A layer's gradients stay
 * allocated after its stage, which is why they are part of the embedding's stage as well. */
uint64_t sp_footprint(const sp_model *m, bool all, bool per_example, int64_t tokens,
                      int64_t longest)
{
    layer_bytes layer = measure_layer(m, all);
    /* one example's gradient of one parameter; head and embedding add theirs up in another */
    uint64_t one = per_example ? layer.largest : 0, rows = all ? one : 0,
             /* the gradient of the whole vocabulary, unless it comes by rows */
        vocab = all && !per_example ? sp_numel(m->head) * sizeof(float) : 0,
             head = stored_bytes(m->head) + sp_head_bytes(m, tokens) + rows,
             embed = all && per_example ? stored_bytes(m->embed) : 0;
    return passing_bytes(m, tokens, longest) + one + vocab +
           SP_MAX(SP_MAX(head, layer.gradients + layer.weights), layer.gradients + rows + embed);
}
