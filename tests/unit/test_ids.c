/* test_ids.c - lists of ids that grow, to JSON and back, and lists that are refused. */
#include "text/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void round_trip(void **state)
{
    (void)state;
    sp_ids a = {0}, b = {0};
    sp_err e = {0};
    for (int32_t i = 0; i < 1000; i++) sp_ids_push(&a, i * i);
    json_t *j = sp_ids_to_json(a.ids, a.n);
    assert_int_equal(json_array_size(j), 1000);
    sp_ids_push(&b, 7); /* it appends */
    assert_int_equal(sp_ids_from_json(j, 0, 1000, 999 * 999 + 1, &b, &e), 0);
    assert_int_equal(b.n, 1001);
    for (int32_t i = 0; i < 1000; i++) assert_int_equal(b.ids[i + 1], i * i);
    json_decref(j);
    sp_ids_free(&a);
    sp_ids_free(&b);
    assert_null(a.ids);
    assert_int_equal(a.n, 0);
}

static void parts(void **state)
{
    (void)state;
    sp_ids ids = {0};
    sp_err e = {0};
    json_t *j = json_loads("[99,4,5,-1]", 0, NULL);
    assert_int_equal(sp_ids_from_json(j, 1, 3, 10, &ids, &e), 0); /* the others are not looked at */
    assert_int_equal(ids.n, 2);
    assert_int_equal(ids.ids[0], 4);
    assert_int_equal(ids.ids[1], 5);
    assert_int_equal(sp_ids_from_json(j, 1, 4, 10, &ids, &e), -1);
    json_decref(j);
    sp_ids_free(&ids);
}

static void refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"{}", "token ids are not an array"},
                                          {"[1,2.5]", "token id 1 is not a whole number"},
                                          {"[\"1\"]", "token id 0 is not a whole number"},
                                          {"[0,10]", "token id 10 is outside 0..9"},
                                          {"[-1]", "token id -1 is outside 0..9"},
                                          {"[4294967297]", "token id 4294967297 is outside 0..9"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *j = json_loads(rows[i][0], 0, NULL);
        sp_ids ids = {0};
        sp_err e = {0};
        assert_int_equal(sp_ids_from_json(j, 0, SIZE_MAX, 10, &ids, &e), -1);
        assert_int_equal(e.code, SP_EINPUT);
        assert_string_equal(e.msg, rows[i][1]);
        sp_ids_free(&ids);
        json_decref(j);
    }
    sp_err e = {0};
    assert_int_equal(sp_ids_from_json(NULL, 0, 0, 10, &(sp_ids){0}, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(parts),
                                       cmocka_unit_test(refused)};
    return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
