/* test_target.c - an output appears under its name complete or not at all; links stay links,
 * devices are written directly. */
#include "io/target.h"

#include "base/base.h"

#include "child.h"
#include "files.h"

#include <fcntl.h>

static sp_target begin(const char *path)
{
    sp_err e = {0};
    sp_target t;
    if (sp_target_open(&t, path, &e) < 0) fail_msg("%s", e.msg);
    assert_int_equal(write(t.fd, "new", 3), 3);
    return t;
}

static void assert_content(const char *path, const char *want)
{
    size_t n;
    char *s = get_file(path, &n);
    assert_string_equal(s, want);
    free(s);
}

static void renamed_when_it_is_whole(void **state)
{
    (void)state;
    sp_err e = {0};
    put_file("x", "old", 3);
    sp_target t = begin("x"), second = begin("x"); /* two at a time do not meet */
    assert_content("x", "old");
    assert_int_equal(entries(), 3);
    assert_int_equal(sp_target_close(&t, true, &e), 0);
    assert_content("x", "new");
    sp_target_abort(&second);
    assert_int_equal(entries(), 1);
}

/* What is finished is forgotten: the list of temporary files does not fill up. */
static void many_one_after_another(void **state)
{
    (void)state;
    sp_err e = {0};
    for (int i = 0; i < 100; i++) {
        sp_target t = begin("x");
        if (i % 2) sp_target_abort(&t);
        else assert_int_equal(sp_target_close(&t, true, &e), 0);
    }
    assert_int_equal(entries(), 1);
}

static void removed_when_it_failed(void **state)
{
    (void)state;
    sp_err e = {0};
    put_file("x", "old", 3);
    sp_target t = begin("x");
    assert_int_equal(sp_target_close(&t, false, &e), -1);
    assert_int_equal(e.code, SP_OK); /* whoever failed has said why */
    assert_content("x", "old");
    assert_int_equal(entries(), 1);
    mkdir("d", 0777);
    t = begin("d/x");
    assert_int_equal(rename("d", "elsewhere"), 0);
    assert_int_equal(sp_target_close(&t, true, &e), -1);
    assert_int_equal(e.code, SP_ESYSTEM);
    assert_string_equal(e.msg, "d/x: No such file or directory");
}

static int die(void *arg)
{
    (void)arg;
    begin("x");
    sp_die(SP_EINPUT, "bad");
}

static void removed_when_the_program_dies(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(die, NULL).code, SP_EINPUT);
    assert_int_equal(entries(), 0);
}

static void links_stay_links(void **state)
{
    (void)state;
    sp_err e = {0};
    struct stat st;
    mkdir("d", 0777);
    put_file("d/real", "old", 3);
    assert_int_equal(symlink("d/real", "link"), 0);
    sp_target t = begin("link");
    assert_int_equal(sp_target_close(&t, true, &e), 0);
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_content("d/real", "new");
}

static void devices_are_written_directly(void **state)
{
    (void)state;
    sp_err e = {0};
    struct stat st;
    sp_target t = begin("/dev/null");
    assert_null(t.tmp);
    assert_int_equal(sp_target_close(&t, true, &e), 0);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sp_target_open(&t, i ? "-" : NULL, &e), 0);
        assert_int_equal(t.fd, STDOUT_FILENO);
        assert_string_equal(t.name, "standard output");
        assert_int_equal(sp_target_close(&t, true, &e), 0);
    }
    assert_true(fcntl(STDOUT_FILENO, F_GETFD) >= 0); /* still open */
}

static void open_errors(void **state)
{
    (void)state;
    static const char *const paths[] = {"no/such/dir", "."};
    static const char *const want[] = {"no/such/dir: No such file or directory",
                                       ".: is a directory"};
    for (int i = 0; i < 2; i++) {
        sp_err e = {0};
        sp_target t;
        assert_int_equal(sp_target_open(&t, paths[i], &e), -1);
        assert_int_equal(e.code, SP_ESYSTEM);
        assert_string_equal(e.msg, want[i]);
        sp_target_abort(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(renamed_when_it_is_whole),
        IN_DIR(many_one_after_another),
        IN_DIR(removed_when_it_failed),
        IN_DIR(removed_when_the_program_dies),
        IN_DIR(links_stay_links),
        IN_DIR(devices_are_written_directly),
        IN_DIR(open_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
