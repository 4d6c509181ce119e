/* queue.c - see queue.h.
 *
 * Three counters say everything: ended <= begun <= posted <= ended + depth. Slots [ended, begun)
 * are being worked on or wait for their turn to be finished, which the thread that completes the
 * oldest of them does for all whose turn it then is.
 */
#include "base/queue.h"

#include <omp.h>
#include <pthread.h>
#include <stdlib.h>

struct sp_queue {
    sp_jobs jobs;
    pthread_mutex_t lock;
    pthread_cond_t job, end; /* one was posted; one has ended */
    uint64_t posted, begun, ended;
    bool *done; /* by slot: worked on, not yet finished */
    bool finishing, closed;
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
    pthread_cond_init(&q->job, NULL);
    pthread_cond_init(&q->end, NULL);
    return q;
}

/* Finish those whose turn it is, unless another thread is at it and will see them. The lock is held
 * here and below, and given up while callbacks run. */
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
        pthread_cond_signal(&q->end);
    }
    q->finishing = false;
}

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

static void *help(void *arg)
{
    helper h = *(helper *)arg;
    sp_queue *q = h.q;
    free(arg);
    omp_set_num_threads(1); /* this thread is one of many already */
    pthread_mutex_lock(&q->lock);
    while (!q->closed)
        if (q->begun < q->posted) work_one(q, h.thread);
        else pthread_cond_wait(&q->job, &q->lock);
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

/* Where no thread can be had, fewer do the work. */
static void start_helper(sp_queue *q)
{
    helper *h = sp_xmalloc(sizeof *h);
    *h = (helper){q, q->n_helpers + 1};
    if (pthread_create(&q->helpers[q->n_helpers], NULL, help, h) == 0) q->n_helpers++;
    else free(h);
}

/* Until no more than `most` jobs are under way: work, and where there is nothing to work on, wait.
 */
static void reduce(sp_queue *q, uint64_t most)
{
    pthread_mutex_lock(&q->lock);
    while (q->posted - q->ended > most)
        if (q->begun < q->posted) work_one(q, 0);
        else pthread_cond_wait(&q->end, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

size_t sp_queue_slot(sp_queue *q)
{
    reduce(q, q->jobs.depth - 1);
    return q->posted % q->jobs.depth;
}

void sp_queue_post(sp_queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (q->posted++ > 0 && q->n_helpers < q->jobs.threads - 1) start_helper(q);
    pthread_cond_signal(&q->job);
    pthread_mutex_unlock(&q->lock);
}

void sp_queue_drain(sp_queue *q) { reduce(q, 0); }

void sp_queue_free(sp_queue *q)
{
    if (!q) return;
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->job);
    pthread_mutex_unlock(&q->lock);
    for (int i = 0; i < q->n_helpers; i++) pthread_join(q->helpers[i], NULL);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->job);
    pthread_cond_destroy(&q->end);
    free(q->helpers);
    free(q->done);
    free(q);
}
