/* test_text.c - text files: whole or not at all, and a full disk is seen. */
#include "io/text.h"

#include "base/base.h"

#include "child.h"
#include "files.h"

#include <fcntl.h>

static void appears_whole(void **state)
{
    (void)state;
    sp_text t;
    size_t n;
    sp_text_open(&t, "x.json");
    fputs("{}\n", t.f);
    assert_int_equal(access("x.json", F_OK), -1);
    sp_text_finish(&t);
    char *s = get_file("x.json", &n);
    assert_string_equal(s, "{}\n");
    free(s);
    assert_int_equal(entries(), 1);
}

static int to_stdout(void *path)
{
    sp_text t;
    sp_text_open(&t, path);
    fputs("hello", t.f);
    sp_text_finish(&t);
    printf(", world"); /* it is still open */
    fflush(stdout);
    return 0;
}

static void standard_output(void **state)
{
    (void)state;
    assert_string_equal(sp_child_run(to_stdout, NULL).out, "hello, world");
    assert_string_equal(sp_child_run(to_stdout, "-").out, "hello, world");
}

/* Text of so many bytes to a device that is full: more than stdio's buffer shows while it is
 * written, less shows at the end. */
static int to_full_device(void *size)
{
    sp_text t;
    sp_text_open(&t, "/dev/full");
    for (int i = 0; i < *(int *)size; i++) fputc('x', t.f);
    sp_text_finish(&t);
    return 0;
}

static void full_device_is_seen(void **state)
{
    (void)state;
    int sizes[] = {1, 100000};
    for (int i = 0; i < 2; i++) {
        sp_child c = sp_child_run(to_full_device, &sizes[i]);
        assert_int_equal(c.code, SP_ESYSTEM);
        assert_string_equal(c.err, "sp: /dev/full: No space left on device\n");
    }
}

static int stdout_to_full_device(void *arg)
{
    (void)arg;
    dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
    return to_stdout(NULL);
}

static void full_standard_output_is_seen(void **state)
{
    (void)state;
    sp_child c = sp_child_run(stdout_to_full_device, NULL);
    assert_int_equal(c.code, SP_ESYSTEM);
    assert_string_equal(c.err, "sp: standard output: No space left on device\n");
}

static int to_directory(void *arg)
{
    (void)arg;
    sp_text t;
    sp_text_open(&t, ".");
    return 0;
}

static void directory_is_refused(void **state)
{
    (void)state;
    sp_child c = sp_child_run(to_directory, NULL);
    assert_int_equal(c.code, SP_ESYSTEM);
    assert_string_equal(c.err, "sp: .: is a directory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(appears_whole), IN_DIR(standard_output), IN_DIR(full_device_is_seen),
        IN_DIR(full_standard_output_is_seen), IN_DIR(directory_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
