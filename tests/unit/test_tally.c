/* test_tally.c - counts, rates and their intervals. */
#include "eval/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static void near(double x, double y) { assert_true(fabs(x - y) < 5e-5); }

static void test_wilson(void **state)
{
    (void)state;
    sp_rate r = sp_wilson(10, 100); /* (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n) */
    near(r.rate, .1), near(r.lo, .05523), near(r.hi, .17437);
    r = sp_wilson(0, 20);
    near(r.rate, 0), near(r.lo, 0), near(r.hi, .16113);
    r = sp_wilson(20, 20);
    near(r.rate, 1), near(r.lo, .83887), near(r.hi, 1);
    r = sp_wilson(0, 0);
    near(r.hi, 0);
}

static void test_tally(void **state)
{
    (void)state;
    sp_err e = {0};
    json_t *items = json_loads(
        "[{\"label\":\"comply\",\"match\":true,\"g\":\"a\"},{\"label\":\"refuse\",\"g\":1},"
        "{\"label\":\"refuse\",\"match\":false,\"g\":\"a\"},{\"label\":\"degenerate\"}]",
        0, NULL);
    json_t *sum = sp_tally(items, "g", &e), *by = json_object_get(sum, "by");
    assert_int_equal(json_integer_value(json_object_get(sum, "n")), 4);
    assert_int_equal(json_integer_value(json_object_get(sum, "refuse")), 2);
    near(json_real_value(json_object_get(json_object_get(sum, "asr"), "rate")), .25);
    near(json_real_value(json_object_get(json_object_get(sum, "match_rate"), "rate")), .5);
    assert_int_equal(json_object_size(by), 3);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(by, "a"), "n")), 2);
    assert_null(json_object_get(json_object_get(by, "1"), "match_rate"));
    json_decref(sum);
    json_object_set_new(json_array_get(items, 0), "g", json_real(.1 + .2));
    json_object_set_new(json_array_get(items, 1), "g", json_real(.3));
    sum = sp_tally(items, "g", &e); /* close to each other, but not one group */
    assert_int_equal(json_object_size(json_object_get(sum, "by")), 4);
    json_decref(sum);
    json_object_set_new(json_array_get(items, 1), "label", json_string("maybe"));
    assert_null(sp_tally(items, NULL, &e));
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, "unknown label \"maybe\"");
    json_decref(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wilson),
        cmocka_unit_test(test_tally),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
