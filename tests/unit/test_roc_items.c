/* test_roc_items.c - lines of margins to sides, and the same items in another file. */
#include "eval/roc_items.h"

#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static const sp_set_names sets[SP_SIDES] = {{{"bad", "worse"}, 2}, {{"good"}, 1}};

/* Add a line of JSON to m. */
static int add(sp_roc_items *m, const char *line, sp_err *e)
{
    json_t *obj = json_loads(line, JSON_ALLOW_NUL, NULL);
    assert_non_null(obj);
    return sp_roc_items_add(m, obj, e);
}

/* The margins of these lines, which end with NULL. */
static sp_roc_items read_lines(const char *file, const char *const *lines)
{
    sp_err e = {0};
    sp_roc_items m = {.file = file, .sets = sets};
    for (; *lines; lines++) assert_int_equal(add(&m, *lines, &e), 0);
    return m;
}
#define LINES(file, ...) read_lines(file, (const char *[]){__VA_ARGS__, NULL})

#define BAD(margin, id)  "{\"set\":\"bad\",\"id\":" id ",\"margin\":" margin "}"
#define GOOD(margin, id) "{\"set\":\"good\",\"id\":" id ",\"margin\":" margin "}"

static void lines_go_to_their_sides(void **state)
{
    (void)state;
    sp_err e = {0};
    sp_roc_items m =
        LINES("a", BAD("1", "1"), "{\"set\":\"worse\",\"margin\":2.5}", "{\"set\":\"other\"}",
              "{\"set\":\"bad\\u0000\"}", GOOD("3", "null"), "{\"set\":\"good\",\"margin\":-4}");
    assert_int_equal(sp_roc_items_count(&m, SP_HARMFUL), 2);
    assert_int_equal(sp_roc_items_count(&m, SP_HARMLESS), 2);
    assert_int_equal(sp_roc_items_check(&m, &e), 0);
    sp_roc r;
    assert_int_equal(sp_roc_items_roc(&m, &m, &r, &e), 0);
    assert_true(r.sorted[SP_HARMFUL][0] == 1 && r.sorted[SP_HARMFUL][1] == 2.5);
    assert_true(r.sorted[SP_HARMLESS][0] == -4 && r.sorted[SP_HARMLESS][1] == 3);
    assert_true(r.auc == .5);
    sp_roc_free(&r);
    sp_roc_items_free(&m);
}

static void bad_lines(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"margin\":1}", "no \"set\", a string"},
        {"{\"margin\":1,\"set\":3}", "no \"set\", a string"},
        {"{\"set\":\"bad\",\"id\":3}", "no \"margin\""},
        {BAD("null", "3"), "\"margin\" is no number; a finite number is expected"},
        {GOOD("\"1\"", "3"), "\"margin\" is no number; a finite number is expected"},
        {GOOD("1", "[3]"), "\"id\" is neither a string nor a number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sp_err e = {0};
        sp_roc_items m = {.file = "a", .sets = sets};
        assert_int_equal(add(&m, cases[i][0], &e), -1);
        assert_int_equal(e.code, SP_EINPUT);
        assert_string_equal(e.msg, cases[i][1]);
        sp_roc_items_free(&m);
    }
}

static void a_side_without_items(void **state)
{
    (void)state;
    sp_err e = {0};
    sp_roc_items m = LINES("a", GOOD("1", "1"), "{\"set\":\"x\"}", "{\"set\":\"x\"}");
    assert_int_equal(sp_roc_items_check(&m, &e), -1);
    assert_string_equal(e.msg, "a: no line of a set of harmful requests: found [\"good\",\"x\"], "
                               "expected [\"bad\",\"worse\"]");
    sp_roc_items_free(&m);
    e = (sp_err){0};
    m = LINES("a", BAD("1", "1"));
    for (char line[] = "{\"set\":\"x0\"}"; line[9] <= '9'; line[9]++)
        assert_int_equal(add(&m, line, &e), 0);
    assert_int_equal(sp_roc_items_check(&m, &e), -1);
    assert_string_equal(
        e.msg, "a: no line of a set of harmless requests: found [\"bad\",\"x0\",\"x1\",\"x2\","
               "\"x3\",\"x4\",\"x5\",\"x6\"], expected [\"good\"]"); /* eight of eleven */
    sp_roc_items_free(&m);
}

/* The placements of b must come in the order of a's items, wherever b has them. */
static void items_are_found_by_id(void **state)
{
    (void)state;
    sp_err e = {0};
    sp_roc r;
    sp_roc_items a =
        LINES("a", BAD("1", "1"), BAD("2", "\"1\""), BAD("3", "1"), GOOD("2", "1"), GOOD("9", "2"));
    sp_roc_items b =
        LINES("b", GOOD("9", "2"), BAD("7", "\"1\""), GOOD("2", "1"), BAD("1", "1"), BAD("4", "1"));
    assert_int_equal(sp_roc_items_roc(&b, &a, &r, &e), 0);
    assert_true(r.placement[SP_HARMFUL][0] == 1);  /* margin 1, the first with id 1 */
    assert_true(r.placement[SP_HARMFUL][1] == .5); /* 7 */
    assert_true(r.placement[SP_HARMFUL][2] == .5); /* 4, the second with id 1 */
    assert_true(r.placement[SP_HARMLESS][0] == 1. / 3 && r.placement[SP_HARMLESS][1] == 1);
    sp_roc_free(&r);
    sp_roc_items_free(&a), sp_roc_items_free(&b);
}

static void items_that_differ(void **state)
{
    (void)state;
    static const char *const other[][2] = {
        {GOOD("1", "8"), "b: no item set \"good\", id 7, which a has"},
        {"{\"set\":\"good\",\"margin\":1}", "b: no item set \"good\", id 7, which a has"},
        {GOOD("1", "7.0"), "b: no item set \"good\", id 7, which a has"},
    };
    sp_roc r;
    sp_roc_items a = LINES("a", BAD("1", "1"), GOOD("1", "7"));
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        sp_err e = {0};
        sp_roc_items b = LINES("b", BAD("1", "1"), other[i][0]);
        assert_int_equal(sp_roc_items_roc(&b, &a, &r, &e), -1);
        assert_string_equal(e.msg, other[i][1]);
        sp_roc_items_free(&b);
    }
    sp_err e = {0};
    sp_roc_items b = LINES("b", BAD("1", "1"), GOOD("1", "7"), GOOD("2", "7"));
    assert_int_equal(sp_roc_items_roc(&b, &a, &r, &e), -1);
    assert_string_equal(e.msg, "a: no item set \"good\", id 7, number 2, which b has");
    sp_roc_items_free(&a), sp_roc_items_free(&b);
    e = (sp_err){0};
    a = LINES("a", BAD("1", "1"), "{\"set\":\"good\",\"margin\":1}",
              "{\"set\":\"good\",\"margin\":1}");
    b = LINES("b", BAD("1", "1"), "{\"set\":\"good\",\"margin\":1}");
    assert_int_equal(sp_roc_items_roc(&b, &a, &r, &e), -1);
    assert_string_equal(e.msg, "b: no item set \"good\", number 2, which a has");
    sp_roc_items_free(&a), sp_roc_items_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_go_to_their_sides), cmocka_unit_test(bad_lines),
        cmocka_unit_test(a_side_without_items),    cmocka_unit_test(items_are_found_by_id),
        cmocka_unit_test(items_that_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
