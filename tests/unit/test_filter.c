/* test_filter.c - another program as a filter: what it prints, how it ends, and who waits for whom.
 */
#include "eval/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* n objects {"i": 0} .. */
static json_t *objects(int n)
{
    json_t *a = json_array();
    for (int i = 0; i < n; i++) json_array_append_new(a, json_pack("{s:i}", "i", i));
    return a;
}

static void lines_in_lines_out(void **state)
{
    (void)state;
    sp_err e = {0};
    json_t *in = objects(3), *out = sp_filter("cat", in, &e);
    assert_true(json_equal(in, out));
    json_decref(out);
    out = sp_filter("wc -l | sed 's/.*/{\"lines\":&}/'", in, &e); /* it reads all, answers once */
    assert_int_equal(json_array_size(out), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(out, 0), "lines")), 3);
    json_decref(out);
    out = sp_filter("cat > /dev/null", in, &e);
    assert_int_equal(json_array_size(out), 0);
    json_decref(out);
    json_decref(in);
}

/* Far more than a pipe holds, in both directions, in either order. */
static void nobody_waits_for_ever(void **state)
{
    (void)state;
    sp_err e = {0};
    json_t *in = objects(40000), *out = sp_filter("cat", in, &e);
    assert_int_equal(json_array_size(out), 40000);
    json_decref(out);
    out = sp_filter("yes '{}' | head -n 30000; cat", in, &e);
    assert_int_equal(json_array_size(out), 70000);
    json_decref(out);
    json_decref(in);
}

static void refuse(const char *command, int code, const char *message)
{
    sp_err e = {0};
    json_t *in = objects(2);
    assert_null(sp_filter(command, in, &e));
    assert_int_equal(e.code, code);
    assert_string_equal(e.msg, message);
    json_decref(in);
}

static void how_it_fails(void **state)
{
    (void)state;
    refuse("cat; exit 7", SP_EINPUT, "cat; exit 7: exit status 7");
    refuse("kill -9 $$", SP_EINPUT, "kill -9 $$: killed by signal 9");
    refuse("echo '{}'; echo hello", SP_EINPUT,
           "echo '{}'; echo hello: line 2 of its output is not a JSON object");
    refuse("echo '[1]'", SP_EINPUT, "echo '[1]': line 1 of its output is not a JSON object");
    refuse("exec /no/such 2>/dev/null", SP_EINPUT, "exec /no/such 2>/dev/null: exit status 127");
}

static void what_it_says_is_merged_in(void **state)
{
    (void)state;
    sp_err e = {0};
    json_t *items = objects(2),
           *want = json_loads("[{\"i\":0,\"x\":1},{\"i\":1,\"x\":1}]", 0, NULL);
    assert_int_equal(sp_filter_update("sed 's/.*/{\"x\":1}/'", items, &e), 0);
    assert_true(json_equal(items, want));
    assert_int_equal(sp_filter_update("sed 's/.*/{\"x\":2}/' | head -n 1", items, &e), -1);
    assert_true(strstr(e.msg, "1 lines out for 2 lines in") != NULL);
    assert_true(json_equal(items, want)); /* as they were */
    json_decref(items);
    json_decref(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_in_lines_out),
        cmocka_unit_test(nobody_waits_for_ever),
        cmocka_unit_test(how_it_fails),
        cmocka_unit_test(what_it_says_is_merged_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
