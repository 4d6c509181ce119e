/* test_members.c - members of a JSON object: what is taken, what is absent, what is refused and how
 * the message names it.
 */
#include "engine/members.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static sp_err e;

static sp_members parse(const char *text)
{
    json_error_t why;
    json_t *obj = json_loads(text, 0, &why);
    assert_non_null(obj);
    e = (sp_err){0};
    return (sp_members){"file.json", obj, &e};
}

static void done(sp_members *r) { json_decref((json_t *)r->obj); }

static void refused(const char *message)
{
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, message);
    e = (sp_err){0};
}

static void whole_numbers(void **state)
{
    (void)state;
    int64_t x = -1;
    sp_members r = parse("{\"a\":7,\"null\":null,\"real\":7.0,\"text\":\"7\"}");
    assert_int_equal(sp_member_int(&r, "a", 0, 1, 7, &x), 0);
    assert_int_equal(x, 7);
    assert_int_equal(sp_member_int(&r, "null", 5, 1, 9, &x), 0);
    assert_int_equal(x, 5);
    assert_int_equal(sp_member_int(&r, "absent", 1, 1, 9, &x), 0);
    assert_int_equal(x, 1);
    assert_int_equal(sp_member_int(&r, "absent", 0, 1, 9, &x), -1);
    refused("file.json: \"absent\" is missing");
    assert_int_equal(sp_member_int(&r, "a", 0, 1, 6, &x), -1);
    refused("file.json: \"a\" must be a whole number in 1..6");
    assert_int_equal(sp_member_int(&r, "a", 0, 8, 9, &x), -1);
    refused("file.json: \"a\" must be a whole number in 8..9");
    assert_int_equal(sp_member_int(&r, "real", 0, 1, 9, &x), -1);
    refused("file.json: \"real\" must be a whole number in 1..9");
    assert_int_equal(sp_member_int(&r, "text", 0, 1, 9, &x), -1);
    done(&r);
}

static void truths(void **state)
{
    (void)state;
    bool x = false;
    sp_members r = parse("{\"yes\":true,\"no\":false,\"null\":null,\"text\":\"true\"}");
    assert_true(sp_member_bool(&r, "yes", false, &x) == 0 && x);
    assert_true(sp_member_bool(&r, "no", true, &x) == 0 && !x);
    assert_true(sp_member_bool(&r, "null", true, &x) == 0 && x);
    assert_true(sp_member_bool(&r, "absent", false, &x) == 0 && !x);
    assert_int_equal(sp_member_bool(&r, "text", false, &x), -1);
    refused("file.json: \"text\" must be true or false");
    done(&r);
}

static void positive_numbers(void **state)
{
    (void)state;
    double x = 0;
    sp_members r =
        parse("{\"a\":0.5,\"whole\":3,\"zero\":0,\"below\":-1,\"text\":\"1\",\"null\":null}");
    assert_true(sp_member_positive(&r, "a", 0, &x) == 0 && x == 0.5);
    assert_true(sp_member_positive(&r, "whole", 0, &x) == 0 && x == 3);
    assert_true(sp_member_positive(&r, "null", 2, &x) == 0 && x == 2);
    static const char *const bad[] = {"zero", "below", "text", "absent"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sp_member_positive(&r, bad[i], 0, &x), -1);
        assert_non_null(strstr(e.msg, "must be a positive number"));
        assert_non_null(strstr(e.msg, bad[i]));
        e = (sp_err){0};
    }
    done(&r);
}

/* Off, or private by its name, or known: nothing to say. */
static void unknown_members(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b"};
    sp_members r = parse("{\"a\":1,\"b\":[2],\"off\":false,\"null\":null,\"_private\":1,"
                         "\"none\":[],\"nothing\":{}}");
    assert_int_equal(sp_members_known(&r, keys, 2), 0);
    assert_int_equal(sp_members_known(&r, keys, 1), -1);
    refused("file.json: \"b\" is not supported: it might change the arithmetic "
            "(--ignore-config b lets it pass)");
    done(&r);
    r = parse("{\"zero\":0}");
    assert_int_equal(sp_members_known(&r, keys, 2), -1);
    done(&r);
    e = (sp_err){0};
    assert_int_equal(sp_members_known(&(sp_members){"f", NULL, &e}, keys, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(truths),
        cmocka_unit_test(positive_numbers),
        cmocka_unit_test(unknown_members),
    };
    return cmocka_run_group_tests_name("members", tests, NULL, NULL);
}
