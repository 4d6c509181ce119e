/* kv.c - see kv.h.
 *
 * With cap = 4, a slot's rows of one head after positions 0 .. 5 have been appended:
 *
 *     row         0   1   2   3
 *     position    4   5   2   3        0 and 1 have been overwritten
 *
 * Rows are never initialised: attention reads only positions that have been appended.
 *
 * A row has head_dim floats. From the outside in, the order is layer, slot, head, row: attention
 * reads the rows of one head, which therefore lie side by side.
 */
#include "engine/kv.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void sp_kv_alloc(sp_kv *kv, const sp_config *c, int64_t n_seq, int64_t cap)
{
    size_t n = (size_t)(c->layers * n_seq * c->kv_heads * cap * c->head_dim);
    *kv = (sp_kv){c->layers, n_seq, c->kv_heads, cap, c->head_dim, sp_xfloats(n), sp_xfloats(n)};
}

uint64_t sp_kv_bytes(const sp_config *c, int64_t n_seq, int64_t cap)
{
    return 2 * sizeof(float) * (uint64_t)(c->layers * c->kv_heads * c->head_dim) *
           (uint64_t)(n_seq * cap);
}

void sp_kv_free(sp_kv *kv)
{
    free(kv->k);
    free(kv->v);
    *kv = (sp_kv){0};
}

int64_t sp_kv_offset(const sp_kv *kv, int64_t l, int64_t slot, int64_t head)
{
    return ((l * kv->n_seq + slot) * kv->heads + head) * kv->cap * kv->head_dim;
}

void sp_kv_append(sp_kv *kv, int64_t l, const sp_pack *p, const int64_t *slot, const float *k,
                  const float *v)
{
    int64_t d = kv->head_dim; /* a token's heads lie side by side in k and v, apart in the cache */
    for (int64_t s = 0; s < p->n_seq; s++)
        for (int64_t t = 0; t < sp_pack_len(p, s); t++)
            for (int64_t h = 0; h < kv->heads; h++) {
                int64_t row = (sp_pack_pos0(p, s) + t) % kv->cap;
                int64_t to = sp_kv_offset(kv, l, slot ? slot[s] : s, h) + row * d;
                int64_t from = ((p->start[s] + t) * kv->heads + h) * d;
                memcpy(kv->k + to, k + from, (size_t)d * sizeof *k);
                memcpy(kv->v + to, v + from, (size_t)d * sizeof *v);
            }
}
