/* queue.h - jobs that several threads work on at once, and that are finished one after
 * another in the order in which they were posted.
 *
 * A job goes through three steps:
 *     the caller fills a slot with what the job needs (bytes read from a pipe, say) and
 *     posts it;
 *     work(slot) makes something of it, on any thread, while no other thread touches that
 *     slot;
 *     finish(slot) takes the result (writes it to a file, say). One job is finished at a
 *     time, in order.
 * The queue only passes around the numbers of the slots, 0 .. depth - 1; what is in them
 * is the caller's. At most `depth` jobs are under way: posted, but not yet finished.
 *
 *     sp_queue *q = sp_queue_new(&(sp_jobs){work, finish, ctx, depth, threads});
 *     while (there is more) {
 *         size_t slot = sp_queue_slot(q);
 *         fill(slot);
 *         sp_queue_post(q);
 *     }
 *     sp_queue_drain(q);
 *     sp_queue_free(q);
 *
 * The caller's thread counts as one of `threads`: it works on jobs too whenever it would
 * have to wait. With threads = 1 no other thread is started.
 */
#ifndef SP_QUEUE_H
#define SP_QUEUE_H

#include "base/error.h"

#include <stddef.h>

typedef struct sp_queue sp_queue;

typedef struct {
    /* `thread` tells which thread this is: 0 = the caller's, else 1 .. threads - 1. Two
     * calls at a time never have the same number, so it may index scratch memory. */
    void (*work)(void *ctx, size_t slot, int thread);
    void (*finish)(void *ctx, size_t slot);
    void *ctx;    /* passed to both */
    size_t depth; /* slots, at least 1; more than `threads`, for all to be busy */
    int threads;  /* at least 1 */
} sp_jobs;

/* *jobs is copied; the result goes to sp_queue_free. A thread more is started with every
 * job from the second on, until there are enough; where none can be had, fewer work. */
SP_MUST_CHECK sp_queue *sp_queue_new(const sp_jobs *jobs);

/* The slot for the next job, once it is free: fill it, then call sp_queue_post. These and
 * sp_queue_drain are for one thread, the one that called sp_queue_new. */
SP_MUST_CHECK size_t sp_queue_slot(sp_queue *q);
void sp_queue_post(sp_queue *q);

/* Return when every job posted has been finished. More may be posted after that. */
void sp_queue_drain(sp_queue *q);

/* End the helping threads and free q (NULL is allowed). Jobs that are being worked on
 * still end; other jobs that were posted are forgotten, some of them unfinished. */
void sp_queue_free(sp_queue *q);

#endif
