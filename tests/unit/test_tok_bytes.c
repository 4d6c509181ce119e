/* test_tok_bytes.c - strings with NULs in them, buffers that grow, replacing. */
#include "text/tok/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void strings(void **state)
{
    (void)state;
    tok_str s = tok_str_make("a\0b", 3), none = tok_str_make(NULL, 0);
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "a\0b\0", 4);
    assert_string_equal(none.p, "");
    assert_true(tok_str_is(s, "a\0b", 3));
    assert_false(tok_str_is(s, "a\0c", 3));
    assert_false(tok_str_is(s, "a\0b", 2));
    assert_int_equal(TOK_STR("ab").n, 2);
    tok_str_free(&s);
    tok_str_free(&none);
    assert_null(s.p);
    assert_int_equal(s.n, 0);
}

static void growing(void **state)
{
    (void)state;
    tok_buf b = {0};
    for (int i = 0; i < 1000; i++) tok_buf_add(&b, &(char){(char)i}, 1);
    tok_buf_add(&b, NULL, 0);
    assert_int_equal(b.n, 1000);
    for (int i = 0; i < 1000; i++) assert_int_equal(b.p[i], (char)i);
    tok_buf_free(&b);
    assert_null(b.p);
}

static void replacing(void **state)
{
    (void)state;
    static const struct {
        const char *s, *from, *to, *want;
    } rows[] = {{"a b c", " ", "▁", "a▁b▁c"}, {"aaaa", "aa", "b", "bb"}, {"aaa", "aa", "b", "ba"},
                {"abc", "abc", "", ""},       {"abc", "x", "y", "abc"},  {"", "x", "y", ""},
                {"xabx", "x", "xx", "xxabxx"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tok_buf b = {0};
        tok_buf_add(&b, ">", 1); /* it appends */
        tok_buf_replace(&b, rows[i].s, strlen(rows[i].s),
                        (tok_str){rows[i].from, strlen(rows[i].from)},
                        (tok_str){rows[i].to, strlen(rows[i].to)});
        assert_int_equal(b.n, 1 + strlen(rows[i].want));
        assert_memory_equal(b.p + 1, rows[i].want, b.n - 1);
        tok_buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(strings), cmocka_unit_test(growing),
                                       cmocka_unit_test(replacing)};
    return cmocka_run_group_tests_name("tok_bytes", tests, NULL, NULL);
}
