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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(lines)};
    return cmocka_run_group_tests_name("json_out", tests, NULL, NULL);
}
