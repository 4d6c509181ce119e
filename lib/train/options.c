/* options.c - see options.h.
 *
 * The fingerprint is compared as text, so that a message about a state of another run can show
 * both. Options that cannot change the result (state, log, scratch, save_every) are left out: a run
 * may be resumed with others. Reals are printed with 17 digits, which tell any two doubles apart.
 */
#include "train/options.h"

#include "base/hash.h"

#include <inttypes.h>
#include <string.h>

/* Digest of ids and labels, so that a change of template or of the scored tokens counts as well. */
static uint64_t hash_examples(const sp_examples *d)
{
    uint64_t h = SP_HASH0;
    for (size_t i = 0; i < d->n; i++) {
        size_t bytes = (size_t)d->ex[i].n * sizeof(int32_t);
        h = sp_hash(sp_hash(h, d->ex[i].ids, bytes), d->ex[i].labels, bytes);
    }
    return h;
}

/* Digest of the main data, then of each term's data, kind and weight. Lists are hashed on their own
 * first, so that examples cannot pass from one list to the next unnoticed. */
static uint64_t hash_data(const sp_examples *data, const sp_tune_opt *o)
{
    uint64_t part = hash_examples(data), h = sp_hash(SP_HASH0, &part, sizeof part);
    for (size_t i = 0; i < o->n_terms; i++) {
        const sp_term *t = &o->terms[i];
        part = hash_examples(&t->data);
        h = sp_hash(h, &part, sizeof part);
        h = sp_hash(h, &t->kind, sizeof t->kind);
        h = sp_hash(h, &t->weight, sizeof t->weight);
    }
    return h;
}

/* Digest of the names and the first 4096 bytes of every parameter. That is enough to tell
 * checkpoints of one shape apart without reading all of a large model. */
static uint64_t hash_model(const sp_model *m)
{
    uint64_t h = SP_HASH0;
    for (size_t i = 0; i < m->n; i++) {
        const sp_param *p = &m->params[i];
        size_t bytes = sp_numel(p) * (p->own ? sizeof(float) : sp_dtype_size(p->dtype));
        h = sp_hash(sp_hash(h, p->name, strlen(p->name)), p->own ? (const void *)p->own : p->data,
                    SP_MIN(bytes, 4096));
    }
    return h;
}

char *sp_tune_fingerprint(const sp_model *m, const sp_examples *data, const sp_tune_opt *o,
                          int64_t steps)
{
    return sp_xasprintf(
        "model %016" PRIx64 " data %016" PRIx64
        " ascend %d loss %d npo-beta %.17g weight %.17g fraction %.17g "
        "optimizer %d betas %.17g %.17g eps %.17g wd %.17g lr %.17g max-loss %.17g schedule %d "
        "warmup %" PRId64 " steps %" PRId64 " batch %" PRId64 " accumulate %" PRId64
        " shuffle %d all %d mean %d moments %s seed %" PRIu64,
        hash_model(m), hash_data(data, o), o->ascend, o->loss, o->npo_beta, o->weight, o->fraction,
        o->optim.kind, o->optim.beta1, o->optim.beta2, o->optim.eps, o->optim.weight_decay, o->lr,
        o->max_loss, o->schedule, o->warmup, steps, o->batch, o->accumulate, o->shuffle, o->all,
        o->mean, sp_dtype_name(o->moments), o->seed);
}
