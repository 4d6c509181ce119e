/* test_read_file.c - whole files of every size, with NULs in them, from a pipe; and those that are
 * not there or cannot be read. */
#include "io/read_file.h"

#include "files.h"

#include <fcntl.h>

static void sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 4095, 4096, 65535, 65536, 65537, 300000};
    char *p = sp_xmalloc(300000);
    for (size_t i = 0; i < 300000; i++) p[i] = (char)(i * 7 / 3);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *got;
        size_t n = 99;
        sp_err e = {0};
        put_file("x", p, sizes[i]);
        assert_int_equal(sp_read_file(".", "x", &got, &n, &e), 1);
        assert_int_equal(n, sizes[i]);
        assert_memory_equal(got, p, n);
        assert_int_equal(got[n], 0);
        free(got);
    }
    free(p);
}

/* A pipe tells no size, and gives what it has in pieces. */
static void pipes(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("p", 0600), 0);
    pid_t child = fork();
    if (child == 0) {
        FILE *f = fopen("p", "w");
        for (int i = 0; i < 200000; i++) fputc('a' + i % 26, f);
        fclose(f);
        _exit(0);
    }
    char *got;
    size_t n;
    sp_err e = {0};
    assert_int_equal(sp_read_file(".", "p", &got, &n, &e), 1);
    assert_int_equal(n, 200000);
    for (size_t i = 0; i < n; i++) assert_int_equal(got[i], 'a' + i % 26);
    free(got);
}

static void none(void **state)
{
    (void)state;
    char *got = (char *)1;
    size_t n;
    sp_err e = {0};
    assert_int_equal(sp_read_file(".", "none", &got, &n, &e), 0);
    assert_null(got);
    assert_int_equal(sp_read_file("none", "x", &got, &n, &e), 0);
    put_file("x", "a", 1);
    assert_int_equal(sp_read_file("x", "y", &got, &n, &e), 0); /* below a file */
    assert_int_equal(e.code, 0);
    assert_int_equal(sp_read_file("/", "tmp", &got, &n, &e), -1);
    assert_null(got);
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, "//tmp: Is a directory");
    e = (sp_err){0};
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(sp_read_file(".", "loop", &got, &n, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_non_null(strstr(e.msg, "./loop: "));
}

/* A byte order mark is no part of the text; what is no text of ours is refused, and so is a link
 * to nothing: a file that should be there is not absent. */
static void foreign_files(void **state)
{
    (void)state;
    char *got;
    size_t n;
    sp_err e = {0};
    put_file("bom", "\xEF\xBB\xBF{}", 5);
    assert_int_equal(sp_read_file(".", "bom", &got, &n, &e), 1);
    assert_int_equal(n, 2);
    assert_string_equal(got, "{}");
    free(got);
    put_file("bom", "\xEF\xBB\xBF", 3);
    assert_int_equal(sp_read_file(".", "bom", &got, &n, &e), 1);
    assert_int_equal(n, 0);
    free(got);
    put_file("lfs", "version https://git-lfs.github.com/spec/v1\n", 43);
    assert_int_equal(sp_read_file(".", "lfs", &got, &n, &e), -1);
    assert_null(got);
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, "./lfs: is a Git LFS pointer");
    e = (sp_err){0};
    assert_int_equal(symlink("../blobs/none", "link"), 0);
    assert_int_equal(sp_read_file(".", "link", &got, &n, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, "./link: is a link to ../blobs/none, which is not there");
}

static void json_files(void **state)
{
    (void)state;
    json_t *j;
    sp_err e = {0};
    put_file("x", "\xEF\xBB\xBF{\"a\":1}\n", 11);
    assert_int_equal(sp_read_json("x", 0, &j, &e), 1);
    assert_int_equal(json_integer_value(json_object_get(j, "a")), 1);
    json_decref(j);
    assert_int_equal(sp_read_json("none", 0, &j, &e), 0);
    assert_null(j);
    assert_int_equal(e.code, 0);
    put_file("x", "{\n\n\"a\" 1}", 9);
    assert_int_equal(sp_read_json("x", 0, &j, &e), -1);
    assert_null(j);
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, "x: line 3: ");
    e = (sp_err){0};
    put_file("x", "{\"a\":1,\"a\":2}", 13);
    assert_int_equal(sp_read_json("x", JSON_REJECT_DUPLICATES, &j, &e), -1);
    assert_message(e, "duplicate");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_test_dir, drop_test_dir)
    const struct CMUnitTest tests[] = {TEST(sizes), TEST(pipes), TEST(none), TEST(foreign_files),
                                       TEST(json_files)};
    return cmocka_run_group_tests_name("read_file", tests, NULL, NULL);
}
