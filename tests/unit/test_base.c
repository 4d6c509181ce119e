/* test_base.c - errors, checked memory, removal of temporary files on every way out, start and
 * finish. */
#include "base/base.h"
#include "base/cleanup.h"
#include "base/command.h"
#include "base/hash.h"
#include "base/progress.h"
#include "cli/main.h"
#include "child.h"

#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char dir[64]; /* a fresh directory for each test */

static char *in_dir(const char *name) { return sp_xasprintf("%s/%s", dir, name); }

static void touch(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("partial", f);
    fclose(f);
}

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/sp-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(dir); /* fails, and so does the test, when something was left behind */
}

static void start(void)
{
    char *argv[] = {"/opt/bin/sp-x", "top", "a b", "it's", "", "--rate=.5", NULL};
    sp_start(6, argv);
}

/* ---- errors --------------------------------------------------------------------------- */

static void first_error_wins(void **state)
{
    (void)state;
    sp_err e = {0};
    assert_int_equal(sp_fail(&e, SP_EINPUT, "x.st: %d", 7), -1);
    assert_int_equal(sp_fail(&e, SP_ESYSTEM, "later"), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, "x.st: 7");
    assert_int_equal(sp_fail(NULL, SP_EINPUT, "nobody listens"), -1);
}

static void long_message_is_cut(void **state)
{
    (void)state;
    sp_err e = {0};
    char text[5000];
    memset(text, 'm', sizeof text - 1);
    text[sizeof text - 1] = 0;
    sp_fail(&e, SP_EINPUT, "%s", text);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
}

static int die(void *arg)
{
    start();
    char *file = in_dir("out.tmp"), *tree = in_dir("tree.tmp"), *sub = in_dir("tree.tmp/sub"),
         *leaf = in_dir("tree.tmp/sub/x");
    sp_cleanup_add(file);
    sp_cleanup_add(tree);
    touch(file);
    mkdir(tree, 0777), mkdir(sub, 0777), touch(leaf);
    for (int i = 0; i < 300; i++) { /* more entries than one read of the directory returns */
        char *p = sp_xasprintf("%s/%0100d", tree, i);
        touch(p);
        free(p);
    }
    if (arg) raise(*(int *)arg);
    sp_die(SP_EINPUT, "in.st: tensor \"%s\"", "x");
}

static void die_speaks_and_cleans(void **state)
{
    (void)state;
    sp_child c = sp_child_run(die, NULL);
    assert_int_equal(c.code, SP_EINPUT);
    assert_string_equal(c.err, "sp-x: in.st: tensor \"x\"\n");
    assert_string_equal(c.out, "");
}

static void signals_clean_and_kill(void **state)
{
    (void)state;
    int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (int i = 0; i < 4; i++) {
        sp_child c = sp_child_run(die, &sigs[i]);
        assert_int_equal(c.sig, sigs[i]);
        assert_string_equal(c.err, "");
    }
}

static int hang_up_ignored(void *arg)
{
    (void)arg;
    signal(SIGHUP, SIG_IGN);
    start();
    raise(SIGHUP);
    return 7;
}

static void nohup_is_respected(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(hang_up_ignored, NULL).code, 7);
}

static int drop(void *arg)
{
    (void)arg;
    char *kept = in_dir("kept"), *gone = in_dir("gone");
    sp_cleanup_add(kept), sp_cleanup_add(gone), touch(kept), touch(gone);
    sp_cleanup_drop(kept);
    sp_cleanup_run();
    int rc = access(kept, F_OK) == 0 && access(gone, F_OK) < 0 ? 0 : 1;
    unlink(kept);
    return rc;
}

static void dropped_files_stay(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(drop, NULL).code, 0);
}

static int link_out(void *arg)
{
    (void)arg;
    char *target = in_dir("target"), *inside = in_dir("target/x"), *tree = in_dir("tree"),
         *link = in_dir("tree/link");
    mkdir(target, 0777), touch(inside), mkdir(tree, 0777);
    if (symlink(target, link) < 0) return 2;
    sp_cleanup_add(tree);
    sp_cleanup_run();
    int rc = access(inside, F_OK) == 0 && access(tree, F_OK) < 0 ? 0 : 1;
    unlink(inside), rmdir(target);
    return rc;
}

static void links_are_not_followed(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(link_out, NULL).code, 0);
}

static int quiet_and_loud(void *arg)
{
    start();
    sp_verbosity = *(int *)arg;
    sp_warn("w");
    sp_note("n");
    return 0;
}

static void verbosity(void **state)
{
    (void)state;
    const char *want[] = {"", "sp-x: w\n", "sp-x: w\nsp-x: n\n"};
    for (int v = 0; v < 3; v++) assert_string_equal(sp_child_run(quiet_and_loud, &v).err, want[v]);
}

/* ---- memory --------------------------------------------------------------------------- */

static int too_large(void *arg)
{
    start();
    size_t big = SIZE_MAX / 2;
    switch (*(int *)arg) {
    case 0: sp_xarray(big, 4); break;
    case 1: sp_xfloats(big); break;
    case 2: sp_xmalloc(big); break;
    case 3: sp_xcalloc(big, 4); break;
    case 4: free(sp_xrealloc(sp_xmalloc(1), big)); break;
    }
    return 0;
}

static void too_large_dies(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        sp_child c = sp_child_run(too_large, &i);
        assert_int_equal(c.code, SP_ESYSTEM);
        assert_non_null(strstr(c.err, "sp-x: out of memory ("));
    }
}

static void small_and_zero_sizes(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        float *x = sp_xfloats0(n), *y = sp_xfloats(n);
        assert_int_equal((uintptr_t)x % 64, 0);
        assert_int_equal((uintptr_t)y % 64, 0);
        for (size_t i = 0; i < n; i++) assert_true(x[i] == 0), y[i] = 1;
        free(x), free(y);
    }
    void *p[] = {sp_xmalloc(0), sp_xcalloc(0, 8), sp_xarray(0, 8), sp_xrealloc(NULL, 0)};
    for (size_t i = 0; i < sizeof p / sizeof *p; i++) assert_non_null(p[i]), free(p[i]);
    char *s = sp_xasprintf("%s-%d", "a", 5), *t = sp_xstrdup(s);
    assert_string_equal(t, "a-5");
    free(s), free(t);
}

static void product_overflow(void **state)
{
    (void)state;
    uint64_t out;
    assert_true(sp_mul(1ull << 32, (1ull << 32) - 1, &out));
    assert_true(out == (1ull << 32) * ((1ull << 32) - 1));
    assert_false(sp_mul(1ull << 32, 1ull << 32, &out));
}

/* ---- small things --------------------------------------------------------------------- */

static void hash_is_fnv1a(void **state)
{
    (void)state; /* the published test vectors of 64-bit FNV-1a */
    assert_true(sp_hash(SP_HASH0, "", 0) == 0xcbf29ce484222325ull);
    assert_true(sp_hash(SP_HASH0, "a", 1) == 0xaf63dc4c8601ec8cull);
    assert_true(sp_hash(SP_HASH0, "foobar", 6) == 0x85944171f73967e8ull);
    assert_true(sp_hash(sp_hash(SP_HASH0, "foo", 3), "bar", 3) == 0x85944171f73967e8ull);
}

static int progress(void *arg)
{
    (void)arg;
    sp_progress p;
    sp_progress_start(&p, "train", "tokens", 10);
    for (int i = 0; i <= 10; i++) sp_progress_at(&p, i);
    sp_progress_end(&p);
    return 0;
}

static void no_progress_off_a_terminal(void **state)
{
    (void)state;
    assert_string_equal(sp_child_run(progress, NULL).err, "");
}

/* ---- start and finish ----------------------------------------------------------------- */

static void command_is_quoted(void **state)
{
    (void)state;
    start();
    assert_string_equal(sp_tool, "sp-x");
    assert_string_equal(sp_command_line(), "sp-x top 'a b' 'it'\\''s' '' --rate=.5");
}

static int finish(void *arg)
{
    start();
    sp_verbosity = 2;
    const char *to = arg;
    if (to) dup2(open(to, O_WRONLY), STDOUT_FILENO);
    printf("x");
    return sp_finish();
}

static void finish_reports(void **state)
{
    (void)state;
    sp_child c = sp_child_run(finish, NULL);
    assert_int_equal(c.code, 0);
    assert_string_equal(c.out, "x");
    assert_non_null(strstr(c.err, "sp-x: version " SP_VERSION "; sp-x top 'a b'"));
    assert_non_null(strstr(c.err, "; wall "));
    assert_non_null(strstr(c.err, " s, cpu "));
    assert_non_null(strstr(c.err, " s, peak rss "));
}

static void full_device_is_seen(void **state)
{
    (void)state;
    sp_child c = sp_child_run(finish, "/dev/full");
    assert_int_equal(c.code, SP_ESYSTEM);
    assert_string_equal(c.err, "sp-x: standard output: No space left on device\n");
}

static int closed_stdout(void *arg)
{
    close(STDOUT_FILENO);
    start();
    FILE *f = fopen("/dev/null", "w");
    int reused = fileno(f) == STDOUT_FILENO;
    fclose(f);
    if (arg) printf("lost");
    return reused ? 9 : sp_finish();
}

static void closed_stdout_is_seen(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(closed_stdout, NULL).code, 0);
    assert_int_equal(sp_child_run(closed_stdout, "write").code, SP_ESYSTEM);
}

static int file_size_limit(void *arg)
{
    (void)arg;
    start();
    struct rlimit one = {1, 1};
    setrlimit(RLIMIT_FSIZE, &one);
    char *path = in_dir("limited");
    sp_cleanup_add(path);
    int fd = open(path, O_CREAT | O_WRONLY, 0666);
    ssize_t n = write(fd, "xx", 2) + write(fd, "xx", 2);
    sp_cleanup_run();
    return n == 0 ? 0 : 1; /* 1 byte, then -1 */
}

static void file_size_limit_is_an_error_not_a_signal(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(file_size_limit, NULL).code, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(first_error_wins),
        T(long_message_is_cut),
        T(die_speaks_and_cleans),
        T(signals_clean_and_kill),
        T(nohup_is_respected),
        T(dropped_files_stay),
        T(links_are_not_followed),
        T(verbosity),
        T(too_large_dies),
        T(small_and_zero_sizes),
        T(product_overflow),
        T(hash_is_fnv1a),
        T(no_progress_off_a_terminal),
        T(command_is_quoted),
        T(finish_reports),
        T(full_device_is_seen),
        T(closed_stdout_is_seen),
        T(file_size_limit_is_an_error_not_a_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
