/* test_plain.c - the plain form of an answer, and its sentences. */
#include "eval/plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void expect(const char *text, const char *want)
{
    size_t n;
    char *got = sp_plain_form(text, strlen(text), &n);
    assert_string_equal(got, want);
    assert_int_equal(n, strlen(want));
    free(got);
}

static void one_kind_of_everything(void **state)
{
    (void)state;
    expect("", "");
    expect("  I\t can't \r\n", "I can't");
    expect("I can\xe2\x80\x99t", "I can't");
    expect("a \xe2\x80\x98z\xe2\x80\x99", "a 'z'");
    expect("**I can\xe2\x80\x99t  say \"x y\".**\n\n# No", "I can't say .\nNo");
    expect("a\n\n\n b", "a\nb");
    expect("a \n b", "a\nb"); /* one newline is enough to make a run of blanks one */
    expect("_a_ *b*", "a b");
    expect("* one\n* two", "* one\n* two"); /* stars of a list stay */
    expect("\xe6\x9d\xb1", "\xe6\x9d\xb1");
}

/* Spoken by others: gone, unless the whole answer is in quotes, and only up to the line's end. */
static void quotations(void **state)
{
    (void)state;
    expect("She said \"no way\" twice", "She said twice");
    expect("\"No.\" That is all", "No. That is all");
    expect("\xe2\x80\x9cNo.\xe2\x80\x9d", "\xe2\x80\x9cNo.\xe2\x80\x9d"); /* the answer itself */
    expect("a \xe2\x80\x9cno\xe2\x80\x9d b", "a b");
    expect("a \"no\nway\" b", "a no\nway b");
}

static void bytes_of_any_kind(void **state)
{
    (void)state;
    size_t n;
    char *got = sp_plain_form("a\0b\xe2\x80", 5, &n);
    assert_int_equal(n, 4);
    assert_memory_equal(got, "ab\xe2\x80", 5);
    free(got);
}

static void first(const char *s, int k, const char *want)
{
    assert_int_equal(sp_plain_sentences(s, strlen(s), k), strlen(want));
}

static void sentences(void **state)
{
    (void)state;
    first("One two. Three! Four? Five.", 1, "One two.");
    first("One two. Three! Four? Five.", 3, "One two. Three! Four?");
    first("One two. Three! Four? Five.", 9, "One two. Three! Four? Five.");
    first("Version 1.5 is out. Yes.", 1, "Version 1.5 is out.");
    first("A line\nB. C.", 1, "A line\n");
    first("1. Take it. 2. Go.", 1, "1. Take it."); /* a number at the front is no sentence */
    first("", 1, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_kind_of_everything),
        cmocka_unit_test(quotations),
        cmocka_unit_test(bytes_of_any_kind),
        cmocka_unit_test(sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
