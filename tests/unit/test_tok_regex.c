/* test_tok_regex.c - searches from a place on, with what lies before it in sight; texts that are
 * not UTF-8; patterns that are not valid, or run away. */
#include "text/tok/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static tok_regex *compile(const char *pattern)
{
    sp_err e = {0};
    tok_regex *re = tok_regex_new(pattern, strlen(pattern), &e);
    if (!re) fail_msg("%s", e.msg);
    return re;
}

static void check(const char *pattern, const char *s, size_t at, int rc, size_t from, size_t to)
{
    tok_regex *re = compile(pattern);
    tok_matcher *m = tok_matcher_new(strlen(s));
    sp_err e = {0};
    size_t got_from = 99, got_to = 99;
    assert_int_equal(tok_regex_find(re, m, s, strlen(s), at, &got_from, &got_to, &e), rc);
    if (rc == 1) {
        assert_int_equal(got_from, from);
        assert_int_equal(got_to, to);
    }
    tok_matcher_free(m);
    tok_regex_free(re);
}

static void find(void **state)
{
    (void)state;
    check("b+", "abba", 0, 1, 1, 3);
    check("b+", "abba", 2, 1, 2, 3);
    check("b+", "abba", 3, 0, 0, 0);
    check("(?<=a)b", "ab", 1, 1, 1, 2); /* looks back before `at` */
    check("a\\Kb", "ab", 0, 1, 1, 2);
    check("(?=b)", "ab", 0, 1, 1, 1); /* empty */
    check("\\p{L}+", "1\xC3\xA9z", 0, 1, 1, 4);
    check("\\p{L}+", "\xFF\xC3\xA9\xFFz", 0, 1, 1, 3); /* bytes that are no UTF-8 never match */
    check("(?i)X", "x", 0, 1, 0, 1);
    check(".", "", 0, 0, 0, 0);
}

static void starts(void **state)
{
    (void)state;
    tok_regex *re = compile("\\w");
    assert_true(tok_regex_starts(re, "\xC3\xA9", 2));
    assert_false(tok_regex_starts(re, " a", 2));
    assert_false(tok_regex_starts(re, "", 0));
    tok_regex_free(re);
    tok_regex_free(NULL);
}

static void invalid(void **state)
{
    (void)state;
    sp_err e = {0};
    assert_null(tok_regex_new("a(b", 3, &e));
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, "pattern \"a(b\": missing closing parenthesis at byte 3");
}

/* A pattern that takes exponential time is stopped, with a message. */
static void runaway(void **state)
{
    (void)state;
    tok_regex *re = compile("^(a+)+c"); /* the ways to cut a run of a double with each letter */
    char s[200];
    memset(s, 'a', sizeof s);
    memcpy(s + sizeof s - 2, "!c", 2);
    tok_matcher *m = tok_matcher_new(sizeof s);
    sp_err e = {0};
    size_t from, to;
    assert_int_equal(tok_regex_find(re, m, s, sizeof s, 0, &from, &to, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_non_null(strstr(e.msg, "the pre-tokenizer's pattern gives up on this text"));
    tok_matcher_free(m);
    tok_regex_free(re);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(find), cmocka_unit_test(starts),
                                       cmocka_unit_test(invalid), cmocka_unit_test(runaway)};
    return cmocka_run_group_tests_name("tok_regex", tests, NULL, NULL);
}
