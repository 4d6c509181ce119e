/* kept.c - see kept.h.
 *
 * Sets are numbered from the topmost layer down, chunk by chunk:
 *
 *     i = (layers - 1 - l) * chunks + chunk
 *
 * The first n_sets of these numbers have a set of their own and all others use the shared one. That
 * needs no table, and it gives the memory to the layers that the backward pass reaches first.
 *
 * Invariant: every set, the shared one included, has room for `tokens` tokens.
 */
#include "train/kept.h"

#include "base/capacity.h"

#include <stdlib.h>

struct sp_kept {
    uint64_t bytes;         /* granted */
    int64_t tokens;         /* that a set has room for */
    int64_t layers, chunks; /* of the batch at hand */
    /* the set of all layer and chunk pairs whose number is n_sets or more */
    sp_acts *shared;
    /* (n_sets) owned, by number */
    sp_acts **sets;
    int64_t n_sets;
};

/* An eighth leaves the rest to weights, optimizer state and hidden states. */
uint64_t sp_kept_limit(uint64_t asked) { return SP_MIN(asked, sp_capacity_memory() / 8); }

sp_kept *sp_kept_new(uint64_t bytes)
{
    sp_kept *k = sp_xcalloc(1, sizeof *k);
    k->bytes = bytes;
    return k;
}

/* Free all sets, the shared one too, but keep the grant. */
static void drop_sets(sp_kept *k)
{
    for (int64_t i = 0; i < k->n_sets; i++) sp_acts_free(k->sets[i]);
    free(k->sets);
    sp_acts_free(k->shared);
    k->sets = NULL;
    k->shared = NULL;
    k->n_sets = 0;
}

void sp_kept_free(sp_kept *k)
{
    if (!k) return;
    drop_sets(k);
    free(k);
}

/* Larger sets replace all old ones. Otherwise sets are only added, as many as the grant allows and
 * the batch can use. */
void sp_kept_reserve(sp_kept *k, const sp_model *m, int64_t tokens, int64_t chunks)
{
    if (tokens > k->tokens) {
        drop_sets(k);
        k->tokens = tokens;
        k->shared = sp_acts_new(&m->cfg, tokens);
    }
    k->layers = m->cfg.layers;
    k->chunks = chunks;
    int64_t fit = (int64_t)(sp_kept_limit(k->bytes) / sp_acts_bytes(&m->cfg, k->tokens)),
            n = SP_MIN(fit, k->layers * chunks);
    if (n <= k->n_sets) return;
    k->sets = sp_xrealloc(k->sets, (size_t)n * sizeof *k->sets);
    while (k->n_sets < n) k->sets[k->n_sets++] = sp_acts_new(&m->cfg, k->tokens);
}

sp_kept_set sp_kept_of(const sp_kept *k, int64_t l, int64_t chunk)
{
    int64_t i = (k->layers - 1 - l) * k->chunks + chunk;
    return i < k->n_sets ? (sp_kept_set){k->sets[i], true} : (sp_kept_set){k->shared, false};
}
