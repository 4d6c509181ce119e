/* test_degenerate.c - text that is no language, by its reason, and text that looks like it but is
 * not. */
#include "eval/degenerate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdint.h>
#include <string.h>

static void expect_degenerate(const char *text, size_t n, const char *why)
{
    const char *got = sp_degenerate(text, n);
    if (!got || strcmp(got, why))
        print_error("\"%.60s\": %s, expected %s\n", text, got ? got : "(fine)", why);
    assert_non_null(got);
    assert_string_equal(got, why);
}

static void each_reason(void **state)
{
    (void)state;
    static const char *const loops[] = {
        "the the the the the the the the the",
        "I think so. I think so. I think so. I think so. I think so.",
        "Well: go there and go there and go there and go there and go there and go there and",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "okokokokokokokokokokokokokokokokokokokokokokokokokokokokokokokok",
        NULL};
    expect_degenerate("", 0, "empty");
    expect_degenerate(" \n\t ", 4, "empty");
    expect_degenerate("... !!", 6, "no words");
    expect_degenerate("Sure !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", 46, "no words");
    expect_degenerate("\xe2\x80\xa6\xe2\x80\xa6", 6, "no words");
    expect_degenerate("\x01\x02\xff\xfe good", 9, "unprintable");
    expect_degenerate("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd ok", 12, "unprintable");
    const char *soup = "ab\xd0\xbc\xe6\x9d\xb1 cd\xd0\xb8\xe4\xba\xac ef\xd1\x80\xe6\x9d\xb1 "
                       "gh\xd0\xbc\xe4\xba\xac";
    expect_degenerate(soup, strlen(soup), "mixed scripts");
    for (size_t i = 0; loops[i]; i++) expect_degenerate(loops[i], strlen(loops[i]), "loop");
}

/* A loop that wanders: no fixed period, but the same four phrases over and over. */
static void wandering_loop(void **state)
{
    (void)state;
    static const char *const phrase[] = {"go to the blue mill now ", "take it from the old man ",
                                         "say it once more to me "};
    char text[4000] = "";
    for (uint32_t i = 0, x = 1; i < 60; i++, x = x * 1664525u + 1013904223u)
        strcat(text, phrase[(x >> 16) % 3]);
    expect_degenerate(text, strlen(text), "loop");
}

/* Repetition, rulers, figures and several scripts that sound text has too. */
static void sound_text(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "42",
        "-",
        "No. No, no, no.",
        "\xe6\x9d\xb1\xe4\xba\xac",
        "---------------------------------------------------------------- a ruler is one mark",
        "2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30",
        "10000000000000000000000000",
        "The Russian word for peace is \xd0\xbc\xd0\xb8\xd1\x80, the Greek one is "
        "\xce\xb5\xce\xb9\xcf\x81\xce\xae\xce\xbd\xce\xb7, and both are short.",
        "a, b, a, b, a, b: six letters, but most of the sentence goes on with other words",
        NULL};
    for (size_t i = 0; texts[i]; i++) {
        const char *why = sp_degenerate(texts[i], strlen(texts[i]));
        if (i == 1) assert_string_equal(why, "no words");
        else if (why) fail_msg("\"%s\": %s", texts[i], why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason),
        cmocka_unit_test(wandering_loop),
        cmocka_unit_test(sound_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
