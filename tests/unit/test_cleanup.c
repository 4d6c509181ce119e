/* test_cleanup.c - temporary files and directories go on every way out of a program: death,
 * signals, and when they are asked to. */
#include "base/cleanup.h"

#include "base/base.h"

#include "child.h"
#include "files.h"

#include <signal.h>

static void touch(const char *path) { put_file(path, "partial", 7); }

/* A file, and a directory with more entries than one read of it returns. */
static void make_some(void)
{
    sp_cleanup_add("out.tmp");
    sp_cleanup_add("tree.tmp");
    touch("out.tmp");
    mkdir("tree.tmp", 0777), mkdir("tree.tmp/sub", 0777), touch("tree.tmp/sub/x");
    for (int i = 0; i < 300; i++) {
        char *p = sp_xasprintf("tree.tmp/%0100d", i);
        touch(p);
        free(p);
    }
}

static int die(void *arg)
{
    (void)arg;
    make_some();
    sp_die(SP_EINPUT, "in.st: bad");
}

static void death_removes(void **state)
{
    (void)state;
    sp_child c = sp_child_run(die, NULL);
    assert_int_equal(c.code, SP_EINPUT);
    assert_string_equal(c.err, "sp: in.st: bad\n");
    assert_int_equal(entries(), 0);
}

static int killed(void *sig)
{
    sp_cleanup_on_signals();
    make_some();
    raise(*(int *)sig);
    return 99;
}

static void signals_remove_and_kill(void **state)
{
    (void)state;
    int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (int i = 0; i < 4; i++) {
        sp_child c = sp_child_run(killed, &sigs[i]);
        assert_int_equal(c.sig, sigs[i]);
        assert_string_equal(c.err, "");
        assert_int_equal(entries(), 0);
    }
}

static int hang_up_ignored(void *arg)
{
    (void)arg;
    signal(SIGHUP, SIG_IGN);
    sp_cleanup_on_signals();
    raise(SIGHUP);
    return 7;
}

static void nohup_is_respected(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(hang_up_ignored, NULL).code, 7);
}

/* sp_cleanup_run is for a process that ends: it does not free its list. So it runs in a child. */
static int run(void *arg)
{
    (void)arg;
    sp_cleanup_run();
    return 0;
}

static int drop(void *arg)
{
    sp_cleanup_add("kept"), sp_cleanup_add("gone"), touch("kept"), touch("gone");
    sp_cleanup_drop("kept");
    sp_cleanup_drop("never listed");
    return run(arg);
}

static void dropped_files_stay(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(drop, NULL).code, 0);
    assert_int_equal(access("kept", F_OK), 0);
    assert_int_equal(access("gone", F_OK), -1);
}

static void removed_files_are_dropped(void **state)
{
    (void)state;
    sp_cleanup_add("x"), touch("x");
    sp_cleanup_remove("x");
    assert_int_equal(entries(), 0);
    touch("x"); /* somebody else's */
    assert_int_equal(sp_child_run(run, NULL).code, 0);
    assert_int_equal(entries(), 1);
}

static int list_a_tree(void *arg)
{
    sp_cleanup_add("tree");
    return run(arg);
}

static void links_are_not_followed(void **state)
{
    (void)state;
    mkdir("target", 0777), touch("target/x"), mkdir("tree", 0777);
    assert_int_equal(symlink("../target", "tree/link"), 0);
    assert_int_equal(sp_child_run(list_a_tree, NULL).code, 0);
    assert_int_equal(access("target/x", F_OK), 0);
    assert_int_equal(access("tree", F_OK), -1);
}

static int list_many(void *n)
{
    for (int i = 0; i < *(int *)n; i++) {
        char *p = sp_xasprintf("%d", i);
        sp_cleanup_add(p), touch(p);
        free(p);
    }
    return 0;
}

static void the_list_is_finite(void **state)
{
    (void)state;
    int n = 64;
    assert_int_equal(sp_child_run(list_many, &n).code, 0);
    assert_int_equal(entries(), 64);
    n = 65;
    sp_child c = sp_child_run(list_many, &n);
    assert_int_equal(c.code, SP_ESYSTEM);
    assert_string_equal(c.err, "sp: too many temporary files\n");
    assert_int_equal(entries(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(death_removes),
        IN_DIR(signals_remove_and_kill),
        IN_DIR(nohup_is_respected),
        IN_DIR(dropped_files_stay),
        IN_DIR(removed_files_are_dropped),
        IN_DIR(links_are_not_followed),
        IN_DIR(the_list_is_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
