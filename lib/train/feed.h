/* feed.h - a data set dealt out in steps, epoch after epoch.
 *
 * Five examples, two a step: three steps an epoch, the last of which takes what is left.
 *
 *     step        0    1   2  |  3    4   5
 *     in order    0 1  2 3  4 |  0 1  2 3  4
 *     shuffled    3 0  4 2  1 |  1 4  0 3  2
 */
#ifndef SP_FEED_H
#define SP_FEED_H

#include "base/base.h"
#include "text/examples.h"

typedef struct {
    const sp_examples *data; /* borrowed */
    size_t per_step;         /* examples, but for an epoch's last step */
    bool shuffle;
    uint64_t seed;
    int64_t epoch; /* that `order` holds, -1 = none yet */
    size_t *order; /* [data->n] example by example */
} sp_feed;

/* per_step 0, or more than there are, means all examples. With shuffle, each epoch's
 * order is a function of (seed, epoch) alone. Release with sp_feed_close. */
void sp_feed_open(sp_feed *f, const sp_examples *data, size_t per_step, bool shuffle,
                  uint64_t seed);
void sp_feed_close(sp_feed *f);

int64_t sp_feed_steps(const sp_feed *f); /* of an epoch */

/* Indices of the examples of step s (from 0, through all epochs), *n of them; valid until
 * the next call. */
const size_t *sp_feed_step(sp_feed *f, int64_t s, size_t *n);

#endif
