/* kv.h - the cache of keys and values: those of earlier tokens, so that generation
 * computes each token once.
 *
 * It has room for n_seq sequences ("slots"), `cap` positions each, in every layer.
 * Position p lies in row p % cap: a ring, in which a new position overwrites the one
 * `cap` before it. With a sliding window, cap = window + the longest chunk that is
 * appended at once is enough; otherwise cap = the longest sequence.
 */
#ifndef SP_KV_H
#define SP_KV_H

#include "engine/config.h"
#include "engine/pack.h"

typedef struct {
    int64_t layers, n_seq, heads, cap, head_dim; /* heads: key/value heads */
    float *k, *v; /* (layers, n_seq, heads, cap, head_dim): a head's positions in a row,
                     as attention reads them */
} sp_kv;

/* Make an empty cache for a model of this configuration. */
void sp_kv_alloc(sp_kv *kv, const sp_config *c, int64_t n_seq, int64_t cap);
void sp_kv_free(sp_kv *kv);
/* Bytes that sp_kv_alloc takes. */
uint64_t sp_kv_bytes(const sp_config *c, int64_t n_seq, int64_t cap);

/* Where row 0 of a head of a slot in layer l begins, in floats from kv->k and kv->v. */
int64_t sp_kv_offset(const sp_kv *kv, int64_t l, int64_t slot, int64_t head);

/* Append k and v (N, heads * head_dim) of a pack's tokens to layer l, at their positions.
 * Sequence s of the pack lives in slot[s]; slot NULL = s. */
void sp_kv_append(sp_kv *kv, int64_t l, const sp_pack *p, const int64_t *slot,
                  const float *k, const float *v);

#endif
