/* queue.c - see queue.h.
 *
 * Three counters hold the state: ended <= begun <= posted <= ended + depth. Job number i lies in
 * slot i % depth. Jobs [ended, begun) are being worked on or have been, and wait for their turn to
 * be finished; jobs [begun, posted) wait for a thread.
 *
 * An example with depth = 3 and two threads, the caller and one helper:
 *
 *     time      1        2        3        4        5        6         7
 *     caller    post 0   post 1   post 2   work 1   work 2   work 2    finish 2   post 3
 *     helper                      work 0   work 0   work 0   finish 0, finish 1
 *     posted    1        2        3        3        3        3         3          4
 *     begun     0        0        1        2        3        3         3          3
 *     ended     0        0        0        0        0        2         3          3
 *
 * At 4 the caller wants a slot, but all three are taken: it works on job 1. At 5 job 1 is done, but
 * it may not be finished before job 0: the caller marks it and goes on with job 2. At 6 the helper
 * has done job 0, finishes it, and then job 1, whose turn it is. At 7 there is nobody before job 2:
 * the caller finishes it, gets slot 0, and posts job 3 in it.
 */
#include "base/queue.h"

#include "base/base.h"

#include <omp.h>
#include <pthread.h>
#include <stdlib.h>

struct sp_queue {
    sp_jobs jobs;
    pthread_mutex_t lock;          /* guards all below; given up while callbacks run */
    pthread_cond_t job_posted;     /* helpers wait for it */
    pthread_cond_t job_ended;      /* the caller waits for it */
    uint64_t posted, begun, ended; /* how many jobs, see above */
    bool *done;                    /* by slot: its job has been worked on, but not finished */
    bool finishing;                /* a thread is in finish_due */
    bool closed;                   /* helpers are to return */
    pthread_t *helpers;
    int n_helpers;
};

sp_queue *sp_queue_new(const sp_jobs *jobs)
{
    sp_queue *q = sp_xcalloc(1, sizeof *q);
    q->jobs = *jobs;
    q->done = sp_xcalloc(jobs->depth, sizeof *q->done);
    q->helpers = sp_xcalloc((size_t)jobs->threads, sizeof *q->helpers);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->job_posted, NULL);
    pthread_cond_init(&q->job_ended, NULL);
    return q;
}

/* Finish the jobs whose turn it is: the oldest, if it is done, and those done after it. Where
 * another thread is here already, leave them to it: it looks at `done` again after each job, with
 * the lock held, so it cannot miss the one that was just marked. Lock held. */
static void finish_due(sp_queue *q)
{
    if (q->finishing) return;
    q->finishing = true;
    for (size_t slot; q->done[slot = q->ended % q->jobs.depth];) {
        pthread_mutex_unlock(&q->lock);
        q->jobs.finish(q->jobs.ctx, slot);
        pthread_mutex_lock(&q->lock);
        q->done[slot] = false;
        q->ended++;
        pthread_cond_signal(&q->job_ended);
    }
    q->finishing = false;
}

/* Work on the oldest job that waits for a thread (there must be one). Lock held. */
static void work_one(sp_queue *q, int thread)
{
    size_t slot = q->begun++ % q->jobs.depth;
    pthread_mutex_unlock(&q->lock);
    q->jobs.work(q->jobs.ctx, slot, thread);
    pthread_mutex_lock(&q->lock);
    q->done[slot] = true;
    finish_due(q);
}

typedef struct {
    sp_queue *q;
    int thread;
} helper;

/* What a helping thread does: jobs, until the queue is closed. */
static void *help(void *arg)
{
    helper h = *(helper *)arg;
    sp_queue *q = h.q;
    free(arg);
    omp_set_num_threads(1); /* OpenMP loops in work() would start a team in each helper */
    pthread_mutex_lock(&q->lock);
    while (!q->closed)
        if (q->begun < q->posted) work_one(q, h.thread);
        else pthread_cond_wait(&q->job_posted, &q->lock);
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

/* Where no thread can be had, fewer do the work. Lock held. */
static void start_helper(sp_queue *q)
{
    helper *h = sp_xmalloc(sizeof *h);
    *h = (helper){q, q->n_helpers + 1};
    if (pthread_create(&q->helpers[q->n_helpers], NULL, help, h) == 0) q->n_helpers++;
    else free(h);
}

/* Return when no more than `most` jobs are under way. Until then work, and wait only where no job
 * waits for a thread. */
static void work_down_to(sp_queue *q, uint64_t most)
{
    pthread_mutex_lock(&q->lock);
    while (q->posted - q->ended > most)
        if (q->begun < q->posted) work_one(q, 0);
        else pthread_cond_wait(&q->job_ended, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

size_t sp_queue_slot(sp_queue *q)
{
    work_down_to(q, q->jobs.depth - 1);
    return q->posted % q->jobs.depth;
}

void sp_queue_post(sp_queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (q->posted++ > 0 && q->n_helpers < q->jobs.threads - 1) start_helper(q);
    pthread_cond_signal(&q->job_posted);
    pthread_mutex_unlock(&q->lock);
}

void sp_queue_drain(sp_queue *q) { work_down_to(q, 0); }

void sp_queue_free(sp_queue *q)
{
    if (!q) return;
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->job_posted);
    pthread_mutex_unlock(&q->lock);
    for (int i = 0; i < q->n_helpers; i++) pthread_join(q->helpers[i], NULL);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->job_posted);
    pthread_cond_destroy(&q->job_ended);
    free(q->helpers);
    free(q->done);
    free(q);
}
