/* test_lines.c - JSON lines: numbers and digest with blank lines between, the last line without its
 * end, and every complaint with the line it is about. */
#include "text/lines.h"

#include "base/hash.h"

#include "files.h"

static void reading(void **state)
{
    (void)state;
    static const char text[] = "\n {\"a\":1}\r\n\t \n{\"a\":2}\n\n{\"a\":\"x\\u0000\"}";
    sp_err e = {0};
    json_t *obj;
    put_file("x", text, sizeof text - 1);
    sp_lines *l = sp_lines_open("x", &e);
    assert_non_null(l);
    assert_int_equal(sp_lines_number(l), 0);
    static const size_t numbers[] = {2, 4, 6};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sp_lines_next(l, &obj, &e), 1);
        assert_int_equal(sp_lines_number(l), numbers[i]);
        if (i < 2) assert_int_equal(json_integer_value(json_object_get(obj, "a")), i + 1);
        else assert_int_equal(json_string_length(json_object_get(obj, "a")), 2);
        json_decref(obj);
        if (i == 0) assert_true(sp_lines_digest(l) == sp_hash(SP_HASH0, text, 11));
    }
    assert_int_equal(sp_lines_next(l, &obj, &e), 0);
    assert_null(obj);
    assert_int_equal(sp_lines_next(l, &obj, &e), 0);
    assert_true(sp_lines_digest(l) == sp_hash(SP_HASH0, text, sizeof text - 1));
    sp_lines_close(l);
    sp_lines_close(NULL);
}

/* It is no part of the first line, but of the digest. */
static void byte_order_mark(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF{\"a\":1}\n";
    sp_err e = {0};
    json_t *obj;
    put_file("x", text, sizeof text - 1);
    sp_lines *l = sp_lines_open("x", &e);
    assert_int_equal(sp_lines_next(l, &obj, &e), 1);
    json_decref(obj);
    assert_int_equal(sp_lines_next(l, &obj, &e), 0);
    assert_true(sp_lines_digest(l) == sp_hash(SP_HASH0, text, sizeof text - 1));
    sp_lines_close(l);
    put_file("x", "\xEF\xBB\xBF\n\n", 5);
    l = sp_lines_open("x", &e);
    assert_int_equal(sp_lines_next(l, &obj, &e), 0);
    sp_lines_close(l);
    put_file("x", "{}\n\xEF\xBB\xBF{}\n", 9); /* in front of the file alone */
    l = sp_lines_open("x", &e);
    assert_int_equal(sp_lines_next(l, &obj, &e), 1);
    json_decref(obj);
    assert_int_equal(sp_lines_next(l, &obj, &e), -1);
    sp_lines_close(l);
}

static void nothing(void **state)
{
    (void)state;
    sp_err e = {0};
    json_t *obj;
    put_file("x", "\n  \n", 4);
    sp_lines *l = sp_lines_open("x", &e);
    assert_int_equal(sp_lines_next(l, &obj, &e), 0);
    assert_int_equal(sp_lines_number(l), 2);
    sp_lines_close(l);
}

static void complaints(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"[1]", "x: line 1: a JSON array: JSON lines are wanted"},
        {"\n\n[\n{}\n]\n", "x: line 3: a JSON array: JSON lines"},
        {"{\n \"a\": 1\n}\n", "x: line 1: the object goes on in the "
                              "next line: JSON lines are wanted"},
        {"\xEF\xBB\xBF{\"a\":1,\n", "x: line 1: the object goes on"},
        {"\x1F\x8B\x08\n\n", "x: not JSON lines but a gzip file"},
        {"\xFF\xFE{", "x: not JSON lines but text in UTF-16"},
        {"\n3\n", "x: line 2: '[' or '{' expected near '3'"},
        {"{\"a\":1} {}", "x: line 1: end of file expected"},
        {"{\"a\":", "x: line 1: "},
        {"{\"a\":\"\xFF\"}", "x: line 1: "}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_err e = {0};
        json_t *obj;
        put_file("x", rows[i][0], strlen(rows[i][0]));
        sp_lines *l = sp_lines_open("x", &e);
        assert_int_equal(sp_lines_next(l, &obj, &e), -1);
        assert_null(obj);
        assert_int_equal(e.code, SP_EINPUT);
        if (strncmp(e.msg, rows[i][1], strlen(rows[i][1])))
            fail_msg("\"%s\", expected \"%s\"", e.msg, rows[i][1]);
        sp_lines_close(l);
    }
}

static void no_file(void **state)
{
    (void)state;
    sp_err e = {0};
    assert_null(sp_lines_open("none", &e));
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, "none: No such file or directory");
    e = (sp_err){0};
    assert_int_equal(symlink("nowhere", "link"), 0);
    assert_null(sp_lines_open("link", &e));
    assert_message(e, "link: is a link to nowhere, which is not there");
    e = (sp_err){0};
    assert_null(sp_lines_open("/tmp", &e));
    assert_string_equal(e.msg, "/tmp: is a directory");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_test_dir, drop_test_dir)
    const struct CMUnitTest tests[] = {TEST(reading), TEST(byte_order_mark), TEST(nothing),
                                       TEST(complaints), TEST(no_file)};
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
