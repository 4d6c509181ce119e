/* test_top.c - masks of the largest numbers of streams: by tensor, by row and over all, against
 * selection in memory, from files and pipes, held in memory and in a file. */
#include "patch/top.h"

#include "base/philox.h"
#include "tensor/topk.h"

#include "tensor_files.h"

#include <math.h>
#include <sys/wait.h>

#define ROWS 30
#define COLS 50001
#define N    ((size_t)ROWS * COLS) /* enough for one pass (topk.c) */

static sp_tinfo tensors[] = {
    {.name = "large", .dtype = SP_F32, .rank = 2, .shape = {ROWS, COLS}},
    {.name = "none", .dtype = SP_F32, .rank = 2, .shape = {7, 0}},
    {.name = "half", .dtype = SP_BF16, .rank = 2, .shape = {3, 100}},
    {.name = "bits", .dtype = SP_BOOL, .rank = 1, .shape = {40}},
    {.name = "one", .dtype = SP_F32, .rank = 0},
};
enum { TENSORS = 5, LARGE = 0, HALF = 2 };
static const size_t numel[] = {N, 0, 300, 40, 1}, columns[] = {COLS, 0, 100, 40, 1};
static float *numbers[TENSORS];

/* Scores that BF16 holds exactly, so that there are ties. */
static void make_scores(int level)
{
    for (size_t i = 0; i < TENSORS; i++) {
        numbers[i] = sp_xfloats(N);
        for (size_t j = 0; j < numel[i]; j++)
            numbers[i][j] = i == 3 ? j % 2 : (float)(int)(sp_rand_unit(1, i, j) * 250) - 10;
    }
    numbers[4][0] = 3;
    put_tensors("x", level, tensors, TENSORS, (const float *const *)numbers);
}

static void free_scores(void)
{
    for (size_t i = 0; i < TENSORS; i++) free(numbers[i]);
}

/* The same by selection in memory. */
static void want_mask(uint8_t *mask, int by, double rate, size_t i)
{
    if (by == SP_TOP_MATRIX) sp_topk(mask, numbers[i], numel[i], sp_fraction(rate, numel[i]));
    for (size_t at = 0; by == SP_TOP_ROW && at < numel[i]; at += columns[i])
        sp_topk(mask + at, numbers[i] + at, columns[i], sp_fraction(rate, columns[i]));
    static float *all;
    static uint8_t *all_mask;
    size_t total = N + 341, before = 0;
    if (by != SP_TOP_GLOBAL) return;
    if (!all) all = sp_xfloats(total), all_mask = sp_xmalloc(total);
    for (size_t k = 0, at = 0; k < TENSORS; at += numel[k++]) {
        memcpy(all + at, numbers[k], numel[k] * sizeof *all);
        if (k < i) before += numel[k];
    }
    sp_topk(all_mask, all, total, sp_fraction(rate, total));
    memcpy(mask, all_mask + before, numel[i]);
}

/* Make the masks of `path` in y. 0 or -1. */
static int top(const char *path, const sp_top_opt *o, sp_err *e)
{
    sp_src *s = must_open(path);
    sp_top *t = sp_top_new(o, s, e);
    int rc = t ? 0 : -1;
    sp_tinfo masks[TENSORS];
    size_t n = sp_src_count(s);
    for (size_t i = 0; i < n; i++) masks[i] = *sp_src_info(s, i), masks[i].dtype = SP_BOOL;
    sp_dst *d = rc == 0 ? sp_dst_open("y", masks, n, NULL, 0, e) : NULL;
    if (rc == 0) rc = sp_top_write(t, d, e);
    if (rc == 0) rc = sp_dst_finish(d, e);
    else sp_dst_abort(d);
    sp_top_free(t);
    sp_src_close(s);
    return rc;
}

static void check_masks(int by, double rate)
{
    sp_src *s = must_open("y");
    uint8_t *got = sp_xmalloc(N), *want = sp_xmalloc(N);
    sp_err e = {0};
    for (size_t i = 0; i < TENSORS; i++) {
        assert_int_equal(sp_src_read(s, i, got, &e), 0);
        want_mask(want, by, rate, i);
        assert_memory_equal(got, want, numel[i]);
    }
    free(got);
    free(want);
    sp_src_close(s);
}

static void as_in_memory(void **state)
{
    (void)state;
    for (int level = 0; level < 2; level++) {
        make_scores(level);
        for (int by = SP_TOP_MATRIX; by <= SP_TOP_GLOBAL; by++)
            for (int k = 0; k < 3; k++) {
                static const double rates[] = {.03, .5, 1};
                sp_err e = {0};
                assert_int_equal(top("x", &(sp_top_opt){.rate = rates[k], .by = by}, &e), 0);
                check_masks(by, rates[k]);
            }
        free_scores();
    }
}

static pid_t feed(const char *path)
{
    if (access("fifo", F_OK)) assert_int_equal(mkfifo("fifo", 0600), 0);
    fflush(NULL);
    pid_t pid = fork();
    char *command = sp_xasprintf("cat %s > fifo", path);
    if (!pid) _exit(execlp("sh", "sh", "-c", command, NULL));
    free(command);
    return pid;
}

/* From a pipe scores are held, in a file if the memory is small. */
static void from_pipes(void **state)
{
    (void)state;
    make_scores(1);
    for (int small = 0; small < 2; small++) {
        if (small) setenv("SP_MEMORY", "0.01", 1); /* GiB: an eighth holds 300,000 scores */
        for (int by = SP_TOP_MATRIX; by <= SP_TOP_ROW; by++) {
            sp_err e = {0};
            pid_t pid = feed("x");
            assert_int_equal(top("fifo", &(sp_top_opt){.rate = .2, .by = by}, &e), 0);
            waitpid(pid, NULL, 0);
            check_masks(by, .2);
        }
    }
    unsetenv("SP_MEMORY");
    sp_err e = {0};
    pid_t pid = feed("x");
    assert_int_equal(top("fifo", &(sp_top_opt){.rate = .2, .by = SP_TOP_GLOBAL}, &e), -1);
    assert_message(e, "fifo: --by global reads the scores four times, so it needs a file");
    waitpid(pid, NULL, 0);
    free_scores();
}

static void nonfinite(void **state)
{
    (void)state;
    for (int level = 0; level < 2; level++)
        for (int where = 0; where < 2; where++) {
            size_t bad = where ? HALF : LARGE;
            make_scores(level);
            numbers[bad][77] = INFINITY, numbers[bad][99] = NAN;
            put_tensors("x", level, tensors, TENSORS, (const float *const *)numbers);
            for (int by = SP_TOP_MATRIX; by <= SP_TOP_GLOBAL; by++) {
                sp_err e = {0};
                sp_top_opt o = {.rate = .1, .by = by};
                assert_int_equal(top("x", &o, &e), -1);
                assert_int_equal(e.code, SP_EINPUT);
                char *want = sp_xasprintf("x: tensor \"%s\": holds NaN or Inf", tensors[bad].name);
                assert_message(e, want);
                free(want);
                o.allow_nonfinite = true;
                e.code = 0;
                assert_int_equal(top("x", &o, &e), 0);
                check_masks(by, .1);
            }
            free_scores();
        }
}

static void other_dtypes(void **state)
{
    (void)state;
    sp_tinfo ints = vector_of("i", SP_I32, 16);
    put_shard("x", &ints, 1);
    for (int by = SP_TOP_MATRIX; by <= SP_TOP_GLOBAL; by++) {
        sp_err e = {0};
        assert_int_equal(top("x", &(sp_top_opt){.rate = .5, .by = by}, &e), -1);
        assert_string_equal(e.msg, "x: tensor \"i\": dtype I32, expected floating point");
    }
}

/* More than a step holds: steps end with a row. */
static void long_rows(void **state)
{
    (void)state;
    enum { LONG_ROWS = 3, LONG = 2000003 };
    sp_tinfo t = {.name = "w", .dtype = SP_F32, .rank = 2, .shape = {LONG_ROWS, LONG}};
    float *x = sp_xfloats((size_t)LONG_ROWS * LONG);
    uint8_t *got = sp_xmalloc((size_t)LONG_ROWS * LONG), *want = sp_xmalloc(LONG);
    for (size_t i = 0; i < (size_t)LONG_ROWS * LONG; i++) x[i] = (float)sp_rand_unit(2, 0, i);
    put_tensors("x", 0, &t, 1, (const float *[]){x});
    sp_err e = {0};
    assert_int_equal(top("x", &(sp_top_opt){.rate = .01, .by = SP_TOP_ROW}, &e), 0);
    sp_src *s = must_open("y");
    assert_int_equal(sp_src_read(s, 0, got, &e), 0);
    for (size_t r = 0; r < LONG_ROWS; r++) {
        sp_topk(want, x + r * LONG, LONG, sp_fraction(.01, LONG));
        assert_memory_equal(got + r * LONG, want, LONG);
    }
    sp_src_close(s);
    free(x);
    free(got);
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(as_in_memory), IN_DIR(from_pipes), IN_DIR(nonfinite),
        IN_DIR(other_dtypes), IN_DIR(long_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
