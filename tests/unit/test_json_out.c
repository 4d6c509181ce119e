/* test_json_out.c - text that is not UTF-8 becomes valid JSON; one object a line. */
#include "text/json_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t n;
        const char *want;
        size_t want_n;
    } rows[] = {{"", 0, "", 0},
                {"a\0b", 3, "a\0b", 3},
                {"\xC3\xA9", 2, "\xC3\xA9", 2},
                {"a\xFFz", 3, "a\xEF\xBF\xBDz", 5},
                {"\xFF\xFF\xFF", 3, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", 9},
                {"\xE2\x96", 2, "\xEF\xBF\xBD", 3}, /* a character cut off */
                {"\xC0\x80", 2, "\xEF\xBF\xBD\xEF\xBF\xBD", 6}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *j = sp_json_text(rows[i].s, rows[i].n);
        assert_non_null(j);
        assert_int_equal(json_string_length(j), rows[i].want_n);
        assert_memory_equal(json_string_value(j), rows[i].want, rows[i].want_n);
        json_decref(j);
    }
}

static void lines(void **state)
{
    (void)state;
    char *out;
    size_t n;
    FILE *f = open_memstream(&out, &n);
    json_t *o = json_pack("{s:i,s:f,s:[s]}", "z", 1, "a", 0.1, "m", "x\ny");
    sp_json_write_line(f, o);
    sp_json_write_line(f, json_object_get(o, "a"));
    fclose(f);
    assert_string_equal(out, "{\"z\":1,\"a\":0.1,\"m\":[\"x\\ny\"]}\n0.1\n");
    json_decref(o);
    free(out);
}

/* Numbers come out as they came in, in the fewest digits that say so. */
static void reals(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"1686286924.844282", "1686286924.844282"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"0.1", "0.1"},
        {"0.333333333333333", "0.333333333333333"},
        {"0.3333333333333333", "0.3333333333333333"},
        {"1e-05", "1e-5"},
        {"1E+22", "1e22"},
        {"1.5e+300", "1.5e300"},
        {"5e-324", "4.94065645841247e-324"}, /* the same number */
        {"1.7976931348623157e308", "1.7976931348623157e308"},
        {"100.0", "100.0"},
        {"-0.0", "-0.0"},
        {"1e5", "100000.0"},
        {"9007199254740993", "9007199254740993"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *in = json_loads(rows[i][0], JSON_DECODE_ANY, NULL);
        assert_non_null(in);
        char *out = sp_json_line(in);
        assert_string_equal(out, rows[i][1]);
        json_t *back = json_loads(out, JSON_DECODE_ANY, NULL);
        assert_true(json_equal(in, back));
        json_decref(in);
        json_decref(back);
        free(out);
    }
}

static void structures(void **state)
{
    (void)state;
    static const char *const rows[] = {"{}", "[]", "[[],{},[{\"a\":[]}]]",
                                       "{\"b\":1,\"a\":{\"z\":null,\"y\":[true,false,0.5]}}",
                                       "{\"\\\"\\n\":\"\\u0000\\t/\xC3\xA9\"}"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *in = json_loads(rows[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        char *out = sp_json_line(in);
        assert_string_equal(out, rows[i]);
        json_decref(in);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(lines),
                                       cmocka_unit_test(reals), cmocka_unit_test(structures)};
    return cmocka_run_group_tests_name("json_out", tests, NULL, NULL);
}
