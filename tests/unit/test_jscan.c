/* test_jscan.c - the cursor over JSON: walking, unescaping, numbers at their limits, passing over
 * values; and on random values, that it agrees with jansson about strings and ends. */
#include "text/jscan.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static char text[400];
static sp_js over(const char *s)
{
    strcpy(text, s);
    return (sp_js){text, text + strlen(text)};
}

static void walking(void **state)
{
    (void)state;
    sp_js s = over(" \n[ 1 ,\t2]x");
    bool first = true;
    uint32_t v = 0;
    assert_true(sp_js_take(&s, '['));
    assert_int_equal(sp_js_step(&s, ']', &first), 1);
    assert_true(sp_js_uint(&s, &v) && v == 1);
    assert_int_equal(sp_js_step(&s, ']', &first), 1);
    assert_true(sp_js_uint(&s, &v) && v == 2);
    assert_int_equal(sp_js_step(&s, ']', &first), 0);
    assert_int_equal(sp_js_peek(&s), 'x');
    assert_false(sp_js_take(&s, ']'));
    assert_true(sp_js_take(&s, 'x'));
    assert_int_equal(sp_js_peek(&s), 0);
    s = over("[1 2]"), first = true;
    assert_true(sp_js_take(&s, '[') && sp_js_step(&s, ']', &first) == 1 && sp_js_uint(&s, &v));
    assert_int_equal(sp_js_step(&s, ']', &first), -1); /* no comma */
    s = over("[1,"), first = true;
    assert_true(sp_js_take(&s, '[') && sp_js_step(&s, ']', &first) == 1 && sp_js_uint(&s, &v));
    assert_int_equal(sp_js_step(&s, ']', &first), -1); /* the text ends */
    s = over("]"), first = true;
    assert_int_equal(sp_js_step(&s, ']', &first), 0);
}

static void strings(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL = bad */
        size_t n;
    } rows[] = {{"\"\"", "", 0},
                {"\"a b\"", "a b", 3},
                {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
                {"\"\\u0041\\u00e9\\u2581\"", "A\xC3\xA9\xE2\x96\x81", 6},
                {"\"\\u0000\"", "\0", 1},
                {"\"\\ud83d\\uDE42\"", "\xF0\x9F\x99\x82", 4},
                {"\"\xC3\xA9\"", "\xC3\xA9", 2},
                {"\"a", NULL, 0},
                {"a\"", NULL, 0},
                {"\"\\x\"", NULL, 0},
                {"\"\\u00g0\"", NULL, 0},
                {"\"\\u00", NULL, 0},
                {"\"\\", NULL, 0},
                {"\"\\ud83d\"", NULL, 0},
                {"\"\\ud83dx\"", NULL, 0},
                {"\"\\ud83d\\u0041\"", NULL, 0},
                {"\"\\ude42\"", NULL, 0},
                {"\"\xFF\"", NULL, 0},
                {"\"\xC3\"", NULL, 0},
                {"\"a\nb\"", NULL, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_js s = over(rows[i].in);
        size_t n = 99;
        const char *got = sp_js_string(&s, &n);
        if (!got != !rows[i].out) fail_msg("row %zu", i);
        if (!got) continue;
        assert_int_equal(n, rows[i].n);
        assert_memory_equal(got, rows[i].out, n);
        assert_ptr_equal(s.p, s.end);
    }
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool ok;
        uint32_t v;
    } rows[] = {{"0", true, 0},
                {" 17]", true, 17},
                {"4294967295", true, UINT32_MAX},
                {"4294967296", false, 0},
                {"-1", false, 0},
                {"x", false, 0},
                {"", false, 0},
                {"99999999999999999999999", false, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_js s = over(rows[i].in);
        uint32_t v = 0;
        assert_int_equal(sp_js_uint(&s, &v), rows[i].ok);
        if (rows[i].ok) assert_int_equal(v, rows[i].v);
    }
}

static void skipping(void **state)
{
    (void)state;
    static const struct {
        const char *in, *value; /* NULL = it does not end */
        int64_t count;
    } rows[] = {{" 12, 3", "12", 1},
                {"\"a,]\\\"b\", 3", "\"a,]\\\"b\"", 1},
                {"[]", "[]", 1},
                {"[1,[2,3],{\"a\":4,\"b\":5}] x", "[1,[2,3],{\"a\":4,\"b\":5}]", 3},
                {"{\"a\":1,\"b\":\"}\"}", "{\"a\":1,\"b\":\"}\"}", 2},
                {"true]", "true", 1},
                {"[1", NULL, 0},
                {"\"a", NULL, 0},
                {"\"a\\\"", NULL, 0},
                {",", NULL, 0},
                {"]", NULL, 0},
                {"12", NULL, 0},
                {"", NULL, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_js s = over(rows[i].in);
        char *from;
        int64_t count = sp_js_skip(&s, &from);
        assert_int_equal(count, rows[i].value ? rows[i].count : -1);
        if (!rows[i].value) continue;
        assert_int_equal(s.p - from, strlen(rows[i].value));
        assert_memory_equal(from, rows[i].value, strlen(rows[i].value));
    }
}

static uint64_t rng = 1;
static unsigned draw(unsigned n)
{
    return (unsigned)((rng = rng * 6364136223846793005u + 1442695040888963407u) >> 33) % n;
}

/* A random value; strings of all kinds of characters. */
static json_t *random_value(int depth)
{
    if (depth == 0 || !draw(3)) {
        char s[40];
        size_t n = draw(10), o = 0;
        static const char *const parts[] = {"a", "\"", "\\",   "\n", "\x01",
                                            "é", "▁",  "🙂", ",",  "]"};
        for (size_t i = 0; i < n; i++) o += (size_t)sprintf(s + o, "%s", parts[draw(10)]);
        return draw(2) ? json_stringn(s, o) : json_integer(draw(1000));
    }
    json_t *v = draw(2) ? json_array() : json_object();
    for (unsigned i = 0, n = draw(5); i < n; i++) {
        char key[12];
        snprintf(key, sizeof key, "%u", i);
        if (json_is_array(v)) json_array_append_new(v, random_value(depth - 1));
        else json_object_set_new(v, key, random_value(depth - 1));
    }
    return v;
}

static void random_values(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        json_t *v = random_value(3);
        size_t flags = draw(2) ? JSON_ENSURE_ASCII : JSON_INDENT(2);
        char *dump = json_dumps(v, JSON_ENCODE_ANY | flags), *from,
             *twice = sp_xasprintf("%s ]", dump);
        sp_js s = {twice, twice + strlen(twice)};
        int64_t count = sp_js_skip(&s, &from);
        size_t size = json_is_array(v) ? json_array_size(v) : json_object_size(v);
        assert_int_equal(count, size ? size : 1);
        while (s.p[-1] == ' ') s.p--; /* behind a number */
        assert_int_equal(s.p - from, strlen(dump));
        s = (sp_js){twice, twice + strlen(twice)};
        if (json_is_string(v)) {
            size_t n;
            const char *got = sp_js_string(&s, &n);
            assert_int_equal(n, json_string_length(v));
            assert_memory_equal(got, json_string_value(v), n);
        }
        free(twice);
        free(dump);
        json_decref(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(walking), cmocka_unit_test(strings),
                                       cmocka_unit_test(numbers), cmocka_unit_test(skipping),
                                       cmocka_unit_test(random_values)};
    return cmocka_run_group_tests_name("jscan", tests, NULL, NULL);
}
