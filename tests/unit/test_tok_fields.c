/* test_tok_fields.c - cutting an object: wanted values wherever they stand, inner objects, what is
 * passed over, and damage. */
#include "text/tok/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

typedef struct {
    tok_field inner[3], f[4];
    char text[200];
    sp_js s;
} bench;

static int cut(bench *b, const char *text, sp_err *e)
{
    *b = (bench){.inner = {{.name = "x"}, {.name = "y"}, {.name = NULL}},
                 .f = {{.name = "a"}, {.name = "in", .inner = b->inner}, {.name = "b"}}};
    strcpy(b->text, text);
    b->s = (sp_js){b->text, b->text + strlen(text)};
    *e = (sp_err){0};
    return tok_fields_cut(&b->s, b->f, "it", e);
}

static void is(const tok_field *f, const char *want)
{
    assert_int_equal(f->n, strlen(want));
    assert_memory_equal(f->p, want, f->n);
}

static void wanted(void **state)
{
    (void)state;
    bench b;
    sp_err e;
    assert_int_equal(cut(&b,
                         " {\"z\":{\"a\":1}, \"b\" : [1, 2, [3,4]] ,\"in\":{\"q\":\"}\",\"y\":-5},"
                         "\"aa\":0,\"a\":\"s\\\"\"} rest",
                         &e),
                     0);
    is(&b.f[0], "\"s\\\"\"");
    is(&b.f[2], "[1, 2, [3,4]]");
    assert_int_equal(b.f[2].count, 3);
    is(&b.inner[1], "-5");
    assert_null(b.inner[0].p);
    assert_int_equal(sp_js_peek(&b.s), 'r');
    json_t *j;
    assert_int_equal(tok_field_parse(&b.f[2], &j, &e), 0);
    assert_int_equal(json_array_size(j), 3);
    json_decref(j);
    assert_int_equal(tok_field_parse(&b.inner[0], &j, &e), 0); /* not there */
    assert_null(j);
    sp_js s = tok_field_cursor(&b.f[2]);
    assert_true(sp_js_take(&s, '['));
    s = tok_field_cursor(&b.inner[0]);
    assert_int_equal(sp_js_peek(&s), 0);
    assert_int_equal(cut(&b, "{\"a\":1,\"a\":2}", &e), 0); /* the last counts */
    is(&b.f[0], "2");
    assert_int_equal(cut(&b, "{}", &e), 0);
    assert_null(b.f[0].p);
}

static void damaged(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "it is not an object"},           {"[1]", "it is not an object"},
        {"{", "it: not valid JSON"},           {"{\"a\"}", "it: not valid JSON"},
        {"{\"a\":1", "it: not valid JSON"},    {"{\"a\":1 \"b\":2}", "it: not valid JSON"},
        {"{\"a\":}", "it: not valid JSON"},    {"{1:2}", "it: not valid JSON"},
        {"{\"in\":3}", "in is not an object"}, {"{\"in\":{\"x\":}}", "in: not valid JSON"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bench b;
        sp_err e;
        assert_int_equal(cut(&b, rows[i][0], &e), -1);
        assert_int_equal(e.code, SP_EINPUT);
        assert_string_equal(e.msg, rows[i][1]);
    }
    tok_field f = {.name = "v", .p = (char[]){"nul"}, .n = 3};
    json_t *j;
    sp_err e = {0};
    assert_int_equal(tok_field_parse(&f, &j, &e), -1);
    assert_null(j);
    assert_int_equal(strncmp(e.msg, "v: ", 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wanted), cmocka_unit_test(damaged)};
    return cmocka_run_group_tests_name("tok_fields", tests, NULL, NULL);
}
