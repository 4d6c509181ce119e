/* queue.h - an ordered pipeline with a bounded queue: jobs are posted in order, worked on
 * by several threads at once, and finished in order.
 *
 * A job lives in one of `depth` slots, which the caller keeps: post, work and finish only
 * pass their numbers around. Whoever posts fills a slot (reads a pipe into it, say); work
 * makes something of it, alone with its slot; finish sees slot after slot in the order
 * they were posted, one at a time (and writes it). The caller works too whenever it would
 * have to wait, so `threads` threads are busy and with one thread there is no other than
 * the caller's.
 */
#ifndef SP_QUEUE_H
#define SP_QUEUE_H

#include "base/base.h"

typedef struct sp_queue sp_queue;

/* work gets the number of the thread it runs on, 0 <= thread < threads, for scratch
 * memory. Helping threads start with the second job. */
typedef struct {
    void (*work)(void *ctx, size_t slot, int thread);
    void (*finish)(void *ctx, size_t slot);
    void *ctx;
    size_t depth;
    int threads;
} sp_jobs;

sp_queue *sp_queue_new(const sp_jobs *jobs);
/* The slot of the next job, once it is free; fill it, then post. One caller at a time. */
size_t sp_queue_slot(sp_queue *q);
void sp_queue_post(sp_queue *q);
/* Return when every job posted has been finished. */
void sp_queue_drain(sp_queue *q);
/* End the helping threads, after the jobs they are at; what else was posted is forgotten.
 * NULL is allowed. */
void sp_queue_free(sp_queue *q);

#endif
