/* test_command.c - the name of the program and its command line, as a shell would have to read it.
 */
#include "base/command.h"

#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>

#define SET(...)                                              \
    do {                                                      \
        char *argv[] = {__VA_ARGS__, NULL};                   \
        sp_command_set(sizeof argv / sizeof *argv - 1, argv); \
    } while (0)

static void before_it_is_set(void **state)
{
    (void)state;
    assert_string_equal(sp_command_line(), "sp");
}

static void words_are_quoted(void **state)
{
    (void)state;
    SET("/opt/bin/sp-x", "top", "a b", "it's", "", "--rate=.5", "$HOME", "a+b:c,d@e%");
    assert_string_equal(sp_tool, "sp-x");
    assert_string_equal(sp_command_line(),
                        "sp-x top 'a b' 'it'\\''s' '' --rate=.5 '$HOME' a+b:c,d@e%");
}

static void the_last_one_counts(void **state)
{
    (void)state;
    SET("sp-y");
    assert_string_equal(sp_tool, "sp-y");
    assert_string_equal(sp_command_line(), "sp-y");
    sp_command_set(0, (char *[]){NULL});
    assert_string_equal(sp_tool, "sp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(before_it_is_set),
                                       cmocka_unit_test(words_are_quoted),
                                       cmocka_unit_test(the_last_one_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
