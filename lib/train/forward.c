/* forward.c - see forward.h.
 *
 * Scoring and training run the same loop. It differs only in the distance between the input of a
 * layer and its output: 0 when the hidden states are overwritten layer after layer, N * hidden when
 * the backward pass needs each of them.
 *
 *     scoring     x[0] -> x[0] -> x[0]
 *     training    x[0] -> x[1] -> x[2]
 */
#include "train/forward.h"

#include "engine/embed.h"
#include "engine/layer.h"
#include "engine/residency.h"

/* Run layer l over every chunk: y = layer(x), both (N, hidden); y may be x. Activations go where k
 * says. The next layer is read ahead before the work begins, so that the disk is busy meanwhile. */
static void forward_layer(sp_model *m, int64_t l, const sp_batch *b, const float *x, float *y,
                          const sp_kept *k)
{
    int64_t h = m->cfg.hidden;
    sp_chunk c;
    sp_layer_prefetch(m, l + 1);
    for (sp_chunk_open(&c, b); sp_chunk_next(&c);)
        sp_layer_forward(m, l, &c.pack, x + c.at * h, y + c.at * h, NULL, NULL,
                         sp_kept_of(k, l, c.number).acts);
    sp_chunk_close(&c);
    sp_layer_release(m, l);
}

/* Layer l reads its input at x + l * stride and writes its output one stride further; with stride
 * 0 all layers work in one place. */
static void forward_layers(sp_model *m, const sp_batch *b, float *x, size_t stride,
                           const sp_kept *k)
{
    sp_embed_forward(m, b->ids, b->n, x);
    for (int64_t l = 0; l < m->cfg.layers; l++, x += stride)
        forward_layer(m, l, b, x, x + stride, k);
}

/* x (layers + 1, N, hidden): the stride is one layer's hidden states. */
void sp_forward_keep(sp_model *m, const sp_batch *b, float *x, sp_kept *k)
{
    forward_layers(m, b, x, (size_t)(b->n * m->cfg.hidden), k);
}

/* Keep no activations: a kept.h object that is granted 0 bytes has the shared set alone. */
float *sp_forward_all(sp_model *m, const sp_batch *b)
{
    sp_chunk_counts chunks = sp_chunk_count(b);
    sp_kept *none = sp_kept_new(0);
    float *x = sp_xfloats((size_t)(b->n * m->cfg.hidden));
    sp_kept_reserve(none, m, chunks.largest, chunks.n);
    forward_layers(m, b, x, 0, none);
    sp_kept_free(none);
    return x;
}
