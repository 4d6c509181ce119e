/* feed.c - see feed.h.
 *
 * An epoch is shuffled by sorting its examples by random keys. A key is a pure function of (seed,
 * epoch, example), so that a resumed run finds the order of any epoch without the ones before it.
 * One epoch's order is held at a time and made again when a step of another epoch is asked for.
 */
#include "train/feed.h"

#include "base/philox.h"

#include <stdlib.h>

/* An example and the key that decides its place in the epoch. */
typedef struct {
    uint64_t key;
    size_t index;
} keyed;

/* qsort comparison by key. Equal keys fall back to the index, because qsort is not stable; with all
 * keys 0 this gives the order of the file. */
static int by_key(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

void sp_feed_open(sp_feed *f, const sp_examples *data, size_t per_step, bool shuffle, uint64_t seed)
{
    /* epoch -1 is never asked for, so that the first step makes an order */
    *f = (sp_feed){.data = data,
                   .per_step = per_step ? SP_MIN(per_step, data->n) : data->n,
                   .shuffle = shuffle,
                   .seed = seed,
                   .epoch = -1,
                   .order = sp_xarray(data->n, sizeof *f->order)};
}

void sp_feed_close(sp_feed *f) { free(f->order); }

int64_t sp_feed_steps(const sp_feed *f)
{
    return (int64_t)((f->data->n + f->per_step - 1) / f->per_step);
}

/* Make f->order the order of this epoch, unless it is that already. Needs memory for n keys during
 * the call. */
static void set_epoch(sp_feed *f, int64_t epoch)
{
    if (f->epoch == epoch) return;
    size_t n = f->data->n;
    keyed *k = sp_xarray(n, sizeof *k);
    for (size_t i = 0; i < n; i++)
        k[i] = (keyed){f->shuffle ? sp_rand_u64(f->seed, (uint64_t)epoch, i) : 0, i};
    qsort(k, n, sizeof *k, by_key);
    for (size_t i = 0; i < n; i++) f->order[i] = k[i].index;
    free(k);
    f->epoch = epoch;
}

/* Step s is the (s % steps)-th part of epoch s / steps. The last part of an epoch is cut off at the
 * end of the data: no step takes examples of two epochs. */
const size_t *sp_feed_step(sp_feed *f, int64_t s, size_t *n)
{
    int64_t steps = sp_feed_steps(f);
    set_epoch(f, s / steps);
    size_t at = (size_t)(s % steps) * f->per_step;
    *n = SP_MIN(f->per_step, f->data->n - at);
    return f->order + at;
}
