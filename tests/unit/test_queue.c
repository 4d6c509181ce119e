/* test_queue.c - the ordered queue: every job once, finished in order and one at a time, never more
 * under way than there are slots. */
#include "base/queue.h"

#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_DEPTH 9

typedef struct {
    uint64_t job[MAX_DEPTH];  /* the number of the job in each slot */
    uint64_t made[MAX_DEPTH]; /* what work made of it */
    atomic_int busy[8];       /* by thread number */
    atomic_int finishing, worked, wrong;
    atomic_ullong finished;
    int threads, nap; /* every nap-th job takes a while */
    pthread_t main;
} bench;

static void work(void *ctx, size_t slot, int thread)
{
    bench *b = ctx;
    if (thread < 0 || thread >= b->threads || atomic_fetch_add(&b->busy[thread], 1)) b->wrong++;
    if ((thread == 0) != !!pthread_equal(pthread_self(), b->main)) b->wrong++;
    if (b->nap && b->job[slot] % (uint64_t)b->nap == 0) usleep(300);
    b->made[slot] = 3 * b->job[slot] + 1;
    b->worked++;
    b->busy[thread]--;
}

static void finish(void *ctx, size_t slot)
{
    bench *b = ctx;
    if (atomic_fetch_add(&b->finishing, 1)) b->wrong++;
    if (b->job[slot] != b->finished || b->made[slot] != 3 * b->finished + 1) b->wrong++;
    /* now the others run into the end of the queue */
    if (b->nap && b->finished % 7 == 3) usleep(200);
    b->finished++;
    b->finishing--;
}

static void post(sp_queue *q, bench *b, uint64_t from, uint64_t to, size_t depth)
{
    for (uint64_t i = from; i < to; i++) {
        size_t slot = sp_queue_slot(q);
        assert_in_range(i - b->finished, 0, depth - 1);
        assert_in_range(slot, 0, depth - 1);
        b->job[slot] = i;
        b->made[slot] = 0;
        sp_queue_post(q);
    }
}

static void in_order(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 5; threads += 2)
        for (size_t depth = 1; depth <= MAX_DEPTH; depth += 4)
            for (int nap = 0; nap < 7; nap += 3) {
                bench b = {.threads = threads, .nap = nap, .main = pthread_self()};
                sp_queue *q = sp_queue_new(&(sp_jobs){work, finish, &b, depth, threads});
                post(q, &b, 0, 300, depth);
                sp_queue_drain(q);
                assert_int_equal(b.finished, 300);
                post(q, &b, 300, 301, depth); /* and it goes on */
                sp_queue_drain(q);
                assert_int_equal(b.finished, 301);
                assert_int_equal(b.worked, 301);
                assert_int_equal(b.wrong, 0);
                sp_queue_free(q);
            }
}

/* Jobs that wait for a partner end only if two of them are worked on at a time. */
typedef struct {
    pthread_barrier_t pair;
    int finished;
} partners;

static void meet(void *ctx, size_t slot, int thread)
{
    (void)slot, (void)thread;
    pthread_barrier_wait(&((partners *)ctx)->pair);
}

static void count(void *ctx, size_t slot) { (void)slot, ((partners *)ctx)->finished++; }

static void side_by_side(void **state)
{
    (void)state;
    partners p = {0};
    pthread_barrier_init(&p.pair, NULL, 2);
    sp_queue *q = sp_queue_new(&(sp_jobs){meet, count, &p, 4, 2});
    for (int i = 0; i < 40; i++) {
        assert_in_range(sp_queue_slot(q), 0, 3);
        sp_queue_post(q);
    }
    sp_queue_drain(q);
    assert_int_equal(p.finished, 40);
    sp_queue_free(q);
    pthread_barrier_destroy(&p.pair);
}

/* Given up in the middle: what is under way ends, nothing hangs, and what is finished is a
 * beginning. */
static void given_up(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        bench b = {.threads = threads, .nap = 2, .main = pthread_self()};
        sp_queue *q = sp_queue_new(&(sp_jobs){work, finish, &b, 5, threads});
        post(q, &b, 0, 25, 5);
        sp_queue_free(q);
        assert_in_range(b.finished, 20, 25);
        assert_int_equal(b.wrong, 0);
    }
    sp_queue *idle = sp_queue_new(&(sp_jobs){work, finish, NULL, 2, 3});
    sp_queue_drain(idle);
    sp_queue_free(idle);
    sp_queue_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_order), cmocka_unit_test(side_by_side),
                                       cmocka_unit_test(given_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
