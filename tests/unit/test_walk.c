/* test_walk.c - the walk over streams: every element once, in order, whatever the threads and the
 * kind of input; what is not there; the first of several errors. */
#include "patch/walk.h"

#include "tensor_files.h"

#include <omp.h>
#include <sys/wait.h>

/* a: two large tensors, an empty one, a scalar. b: the first in BF16, the scalar; c: the second in
 * another shape and the first. Element j of tensor i of a is 1000 i + j % 997. */
#define LONG 150001
static sp_tinfo a_tensors[] = {
    {.name = "x", .dtype = SP_F32, .rank = 1, .shape = {LONG}},
    {.name = "none", .dtype = SP_F32, .rank = 2, .shape = {3, 0}},
    {.name = "y", .dtype = SP_F32, .rank = 2, .shape = {10, 7000}},
    {.name = "s", .dtype = SP_F32, .rank = 0},
};
static const size_t a_numel[] = {LONG, 0, 70000, 1};

static float *numbers(size_t i)
{
    float *x = sp_xfloats(LONG);
    for (size_t j = 0; j < LONG; j++) x[j] = (float)(1000 * i + j % 997);
    return x;
}

static void make_inputs(int level)
{
    float *x[4];
    for (size_t i = 0; i < 4; i++) x[i] = numbers(i);
    put_tensors("a", level, a_tensors, 4, (const float *[]){x[0], x[1], x[2], x[3]});
    sp_tinfo b[] = {a_tensors[0], a_tensors[3]}, c[] = {a_tensors[2], a_tensors[0]};
    b[0].dtype = SP_BF16;
    c[0].shape[0] = 7000, c[0].shape[1] = 10;
    put_tensors("b", level, b, 2, (const float *[]){x[0], x[3]});
    put_tensors("c", level, c, 2, (const float *[]){x[2], x[0]});
    for (size_t i = 0; i < 4; i++) free(x[i]);
}

/* What a test wants to see. */
typedef struct {
    uint64_t step; /* 0: of any size up to SP_PIECE_BYTES */
    bool in_order; /* check that pieces come one after the other */
    size_t i;      /* the next piece begins here */
    uint64_t at;
    const char *fail; /* in the two pieces that hold elements 40000 and 100000 of x */
} seen;

static uint64_t step_of(const sp_piece *p, void *ctx)
{
    assert_true(p->index[0] >= 0);
    return ((seen *)ctx)->step;
}

/* out = a + 1; b and c hold what they should. */
static int add_one(const sp_piece *p, void *ctx, sp_err *e)
{
    seen *w = ctx;
    if (w->in_order && (p->i != w->i || p->at != w->at)) return sp_fail(e, SP_ESYSTEM, "order");
    if (w->in_order) {
        bool last = p->at + p->n == p->t->numel;
        w->i += last;
        w->at = last ? 0 : p->at + p->n;
    }
    if (w->step ? p->n != SP_MIN(w->step, p->t->numel - p->at) : p->n > SP_PIECE_BYTES / 4)
        return sp_fail(e, SP_ESYSTEM, "size %zu", p->n);
    bool b = p->i == 0 || p->i == 3, c = p->i == 0;
    if (p->index[0] != (int64_t)p->i || (p->index[1] >= 0) != b || (p->index[2] >= 0) != c ||
        !p->in[1] == b || !p->in[2] == c || (b && p->dtype[1] != (c ? SP_BF16 : SP_F32)))
        return sp_fail(e, SP_ESYSTEM, "inputs of %s", p->t->name);
    const float *x = p->in[0];
    float *out = p->out;
    if (c && memcmp(p->in[2], x, p->n * sizeof *x)) return sp_fail(e, SP_ESYSTEM, "input c");
    for (size_t j = 0; j < p->n; j++) out[j] = x[j] + 1;
    for (uint64_t bad = 40000; w->fail && bad <= 100000; bad += 60000)
        if (p->i == 0 && p->at <= bad && bad < p->at + p->n) {
            if (bad == 40000) usleep(20000); /* so that the other one is there first */
            return sp_fail(e, SP_EINPUT, "%s %d", w->fail, (int)bad);
        }
    return 0;
}

static void check_output(void)
{
    sp_src *s = must_open("out");
    sp_err e = {0};
    float *got = sp_xfloats(LONG);
    for (size_t i = 0; i < 4; i++) {
        float *want = numbers(i);
        assert_int_equal(sp_src_info(s, i)->numel, a_numel[i]);
        assert_int_equal(sp_src_read_f32(s, i, got, &e), 0);
        for (size_t j = 0; j < a_numel[i]; j++) assert_true(got[j] == want[j] + 1);
        free(want);
    }
    free(got);
    sp_src_close(s);
}

static const char *const abc[] = {"a", "b", "c"};

/* Walk over three inputs. */
static int run(const char *const *paths, seen *w, bool steps, sp_err *e)
{
    sp_src *in[] = {must_open(paths[0]), must_open(paths[1]), must_open(paths[2])};
    sp_dst *dst = sp_dst_open("out", a_tensors, 4, NULL, 0, e);
    assert_non_null(dst);
    sp_walk walk = {
        .in = in, .n_in = 3, .dst = dst, .fn = add_one, .ctx = w, .step = steps ? step_of : NULL};
    return sp_walk_complete(&walk, e);
}

static void every_element_once(void **state)
{
    (void)state;
    int threads = omp_get_max_threads();
    for (int level = 0; level < 2; level++) {
        make_inputs(level);
        for (int t = 1; t <= 3; t++) {
            sp_err e = {0};
            omp_set_num_threads(t);
            assert_int_equal(run(abc, &(seen){.in_order = t == 1}, false, &e), 0);
            check_output();
        }
        static const uint64_t steps[] = {1000, 65536, 150000, 1 << 30};
        for (size_t k = 0; k < 4; k++) {
            sp_err e = {0};
            seen w = {.in_order = true, .step = steps[k]};
            assert_int_equal(run(abc, &w, true, &e), 0);
            assert_int_equal(w.i, 4); /* the empty tensor was a piece too */
            check_output();
        }
    }
    omp_set_num_threads(threads);
}

/* Start a command that writes into a FIFO. */
static pid_t feed(const char *command)
{
    char *full = sp_xasprintf("(%s) > fifo", command);
    if (access("fifo", F_OK)) assert_int_equal(mkfifo("fifo", 0600), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) _exit(execlp("sh", "sh", "-c", full, NULL));
    free(full);
    return pid;
}

static void pipes(void **state)
{
    (void)state;
    make_inputs(1);
    for (int steps = 0; steps < 2; steps++) {
        sp_err e = {0};
        pid_t pid = feed("cat a");
        static const char *const paths[] = {"fifo", "b", "c"};
        assert_int_equal(run(paths, &(seen){.step = steps ? 5000 : 0}, steps, &e), 0);
        waitpid(pid, NULL, 0);
        check_output();
    }
}

static int count_inputs(const sp_piece *p, void *ctx, sp_err *e)
{
    (void)e;
    int *count = ctx;
    if (p->at == 0)
        for (int k = 0; k < 3; k++) count[k] += p->in[k] != NULL;
    assert_null(p->out);
    return 0;
}

/* Without an output in[0] leads; an input is left alone where another one lacks the tensor. */
static void inputs_that_go_with_others(void **state)
{
    (void)state;
    make_inputs(0);
    sp_src *in[] = {must_open("a"), must_open("b"), must_open("c")};
    sp_err e = {0};
    int count[3] = {0};
    sp_walk w = {.in = in, .n_in = 3, .fn = count_inputs, .ctx = count, .step = sp_walk_steps};
    assert_int_equal(sp_walk_run(&w, &e), 0);
    assert_int_equal(count[0] * 100 + count[1] * 10 + count[2], 421);
    memset(count, 0, sizeof count);
    w.with = (size_t[]){0, 2, 2}; /* b only where c is there */
    assert_int_equal(sp_walk_complete(&w, &e), 0);
    assert_int_equal(count[0] * 100 + count[1] * 10 + count[2], 411);
}

static void the_first_error_tells(void **state)
{
    (void)state;
    make_inputs(0);
    int threads = omp_get_max_threads();
    for (int t = 1; t <= 5; t += 2)
        for (int steps = 0; steps < 2; steps++) {
            sp_err e = {0};
            omp_set_num_threads(t);
            seen w = {.step = steps ? 30000 : 0, .fail = "element"};
            assert_int_equal(run(abc, &w, steps, &e), -1);
            assert_int_equal(e.code, SP_EINPUT);
            assert_string_equal(e.msg, "element 40000");
            assert_int_equal(access("out", F_OK), -1);
            assert_int_equal(entries(), 3); /* a, b, c */
        }
    omp_set_num_threads(threads);
}

/* A pipe that ends too early is noticed on the way, one that goes on only at the very end: nothing
 * is left of the output either way. */
static void damaged_inputs(void **state)
{
    (void)state;
    static const struct {
        const char *command, *message;
    } rows[] = {{"head -c 200000 b", "fifo: truncated"},
                {"cat b; echo", "fifo: data after the end"}};
    static const char *const paths[] = {"a", "fifo", "c"};
    make_inputs(0);
    for (int i = 0; i < 2; i++)
        for (int steps = 0; steps < 2; steps++) {
            sp_err e = {0};
            pid_t pid = feed(rows[i].command);
            assert_int_equal(run(paths, &(seen){.step = steps ? 9000 : 0}, steps, &e), -1);
            waitpid(pid, NULL, 0);
            assert_int_equal(e.code, SP_EINPUT);
            assert_message(e, rows[i].message);
            assert_int_equal(entries(), 4); /* a, b, c, fifo */
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(every_element_once),    IN_DIR(pipes),          IN_DIR(inputs_that_go_with_others),
        IN_DIR(the_first_error_tells), IN_DIR(damaged_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
