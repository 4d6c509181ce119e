/* test_must.c - calls that succeed or end the program: with which status and message. */
#include "child.h"
#include "cli/must.h"
#include "files.h"

#include <stdarg.h>
#include <stddef.h>

static int seen;

static int count(void *self, json_t *obj, sp_err *e)
{
    int *refused = self;
    bool bad = json_object_get(obj, "bad");
    seen++;
    json_decref(obj);
    if (!bad) return 0;
    ++*refused;
    return sp_fail(e, SP_EINPUT, "it is bad");
}

static int each(void *path)
{
    int refused = 0;
    sp_must_each(path, count, &refused);
    printf("%d", seen);
    fflush(stdout);
    return 0;
}

static void expect_each(const char *content, int code, const char *out, const char *err)
{
    put_file("in.jsonl", content, strlen(content));
    sp_child c = sp_child_run(each, "in.jsonl");
    assert_int_equal(c.code, code);
    assert_string_equal(c.out, out);
    if (!strstr(c.err, err)) fail_msg("\"%s\" does not hold \"%s\"", c.err, err);
}

static void each_object_of_a_file(void **state)
{
    (void)state;
    expect_each("{\"a\":1}\n{\"a\":2}\n\n{}", 0, "3", "");
    expect_each("{\"a\":1}\n{\"bad\":2}\n{}\n", SP_EINPUT, "", "in.jsonl: line 2: it is bad");
    expect_each("{\"a\":1}\n[1]\n", SP_EINPUT, "", "in.jsonl: line 2");
    expect_each("", SP_EINPUT, "", "in.jsonl: no lines");
    sp_child c = sp_child_run(each, "nowhere.jsonl");
    assert_int_equal(c.code, SP_EINPUT);
    assert_non_null(strstr(c.err, "nowhere.jsonl: No such file"));
}

static void expect_written(const char *json, const char *want)
{
    size_t n;
    json_t *o = json_loads(json, 0, NULL);
    sp_must_write("out.jsonl", o);
    char *got = get_file("out.jsonl", &n);
    assert_string_equal(got, want);
    free(got);
    json_decref(o);
}

static void objects_as_lines(void **state)
{
    (void)state;
    expect_written("{\"b\": 1, \"a\": [1, 2]}", "{\"b\":1,\"a\":[1,2]}\n");
    expect_written("[{\"b\": 1}, {}]", "{\"b\":1}\n{}\n");
    expect_written("[]", "");
}

static int fails(void *arg)
{
    sp_err e = {0};
    sp_must(*(int *)arg < 0 ? sp_fail(&e, SP_ESYSTEM, "no more") : *(int *)arg, &e);
    return 0;
}

static void an_error_ends_the_program(void **state)
{
    (void)state;
    int codes[3] = {-1, 0, 7};
    for (int i = 0; i < 3; i++) {
        sp_child c = sp_child_run(fails, &codes[i]);
        assert_int_equal(c.code, i ? 0 : SP_ESYSTEM);
        assert_int_equal(strstr(c.err, "no more") != NULL, !i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(each_object_of_a_file),
        IN_DIR(objects_as_lines),
        IN_DIR(an_error_ends_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
