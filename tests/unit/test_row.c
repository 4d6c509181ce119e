/* test_row.c - the form of a row, two forms at once, and the tokens that a mask leaves. */
#include "text/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

/* The form of `text`, or -1 with its message checked. */
static int form_of(const char *text, const char *message)
{
    sp_row_form form = SP_ROW_IDS;
    sp_err e = {0};
    json_t *row = json_loads(text, 0, NULL);
    assert_non_null(row);
    int rc = sp_row_form_of(row, &form, &e);
    json_decref(row);
    if (!rc) return (int)form;
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, message);
    return -1;
}

static void forms(void **state)
{
    (void)state;
    assert_int_equal(form_of("{\"input_ids\":[1]}", ""), SP_ROW_IDS);
    assert_int_equal(form_of("{\"input_ids\":[1],\"text\":\"a\",\"prompt\":\"b\"}", ""),
                     SP_ROW_IDS);
    assert_int_equal(form_of("{\"text\":\"a\",\"response\":\"b\"}", ""), SP_ROW_TEXT);
    assert_int_equal(form_of("{\"text\":\"a\",\"prompt\":null,\"system\":null}", ""), SP_ROW_TEXT);
    assert_int_equal(form_of("{\"input_ids\":null,\"text\":null,\"prompt\":\"a\"}", ""),
                     SP_ROW_TURNS);
    assert_int_equal(form_of("{\"messages\":[]}", ""), SP_ROW_TURNS);
    assert_int_equal(form_of("{}", ""), SP_ROW_TURNS);
    assert_int_equal(form_of("{\"text\":\"a\",\"prompt\":\"b\",\"response\":\"c\"}",
                             "both \"prompt\" and \"text\": which of them is meant?"),
                     -1);
    assert_int_equal(form_of("{\"messages\":[],\"text\":\"a\"}",
                             "both \"messages\" and \"text\": which of them is meant?"),
                     -1);
    assert_int_equal(form_of("{\"messages\":[],\"prompt\":\"a\"}",
                             "both \"prompt\" and \"messages\": which of them is meant?"),
                     -1);
    assert_int_equal(form_of("{\"text\":\"a\",\"system\":\"b\"}",
                             "both \"system\" and \"text\": which of them is meant?"),
                     -1);
}

/* The span of a row of five ids, as from * 10 + to, or -1 with its message checked. */
static int span(const char *text, const char *message)
{
    size_t from, to;
    sp_err e = {0};
    json_t *row = json_loads(text, 0, NULL);
    assert_non_null(row);
    int rc = sp_row_span(row, 5, &from, &to, &e);
    json_decref(row);
    if (!rc) return (int)(from * 10 + to);
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, message);
    return -1;
}

static void masks(void **state)
{
    (void)state;
    assert_int_equal(span("{}", ""), 5);
    assert_int_equal(span("{\"attention_mask\":null}", ""), 5);
    assert_int_equal(span("{\"attention_mask\":[1,1,1,1,1]}", ""), 5);
    assert_int_equal(span("{\"attention_mask\":[1,1,1,0,0]}", ""), 3);
    assert_int_equal(span("{\"attention_mask\":[0,0,1,1,1]}", ""), 25);
    assert_int_equal(span("{\"attention_mask\":[false,true,true,0,0]}", ""), 13);
    assert_int_equal(span("{\"attention_mask\":[0,0,0,0,0]}", ""), 55);
    static const char length[] = "\"attention_mask\" is not a list as long as \"input_ids\"";
    assert_int_equal(span("{\"attention_mask\":[1,1,1,1]}", length), -1);
    assert_int_equal(span("{\"attention_mask\":1}", length), -1);
    assert_int_equal(
        span("{\"attention_mask\":[1,1,0,1,1]}", "\"attention_mask\" has zeros between ones"), -1);
    static const char third[] = "\"attention_mask\"[2] is neither 0 nor 1";
    assert_int_equal(span("{\"attention_mask\":[1,1,2,2,3]}", third), -1);
    assert_int_equal(span("{\"attention_mask\":[1,1,0.5,1,1]}", third), -1);
}

static void positions(void **state)
{
    (void)state;
    static const char packed[] = "\"position_ids\" do not go up by one: several texts in one row?";
    assert_int_equal(span("{\"position_ids\":[0,1,2,3,4]}", ""), 5);
    assert_int_equal(span("{\"position_ids\":[0,1,2,0,1]}", packed), -1);
    assert_int_equal(span("{\"position_ids\":[0,1,2]}", packed), -1);
    /* those of padding may be anything */
    assert_int_equal(span("{\"attention_mask\":[0,0,1,1,1],\"position_ids\":[1,1,0,1,2]}", ""), 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms), cmocka_unit_test(masks),
                                       cmocka_unit_test(positions)};
    return cmocka_run_group_tests_name("row", tests, NULL, NULL);
}
