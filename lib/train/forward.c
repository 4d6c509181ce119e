/* forward.c - see forward.h. */
#include "train/forward.h"

#include "engine/embed.h"
#include "engine/layer.h"
#include "engine/residency.h"

/* Layer l of every chunk: y = layer(x), both (N, hidden); y may be x. */
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

void sp_forward_keep(sp_model *m, const sp_batch *b, float *x, sp_kept *k)
{
    forward_layers(m, b, x, (size_t)(b->n * m->cfg.hidden), k);
}

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
