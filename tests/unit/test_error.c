/* test_error.c - errors that are handed on, errors that end the program, and what is said when. */
#include "base/error.h"

#include "base/base.h"

#include "child.h"

#include <setjmp.h>
#include <cmocka.h>

static void first_error_wins(void **state)
{
    (void)state;
    sp_err e = {0};
    assert_int_equal(sp_fail(&e, SP_EINPUT, "x.st: %d", 7), -1);
    assert_int_equal(sp_fail(&e, SP_ESYSTEM, "later"), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, "x.st: 7");
    assert_int_equal(sp_fail(NULL, SP_EINPUT, "nobody listens"), -1);
}

static void long_message_is_cut(void **state)
{
    (void)state;
    sp_err e = {0};
    char text[5000];
    memset(text, 'm', sizeof text - 1);
    text[sizeof text - 1] = 0;
    sp_fail(&e, SP_EINPUT, "%s", text);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
}

static void no_control_characters(void **state)
{
    (void)state;
    sp_err e = {0};
    sp_fail(&e, SP_EINPUT, "near '\x1b[31m\x7f\x01\t\n\xC3\xA9'");
    assert_string_equal(e.msg, "near '?[31m??\t\n\xC3\xA9'");
}

static void last_words(void) { fputs("last", stderr); }

static int die(void *before)
{
    sp_tool = "sp-x";
    if (before) sp_on_die(last_words);
    sp_die(SP_EINPUT, "in.st: tensor \"%s\"", "x");
}

static void death_speaks(void **state)
{
    (void)state;
    sp_child c = sp_child_run(die, NULL);
    assert_int_equal(c.code, SP_EINPUT);
    assert_string_equal(c.err, "sp-x: in.st: tensor \"x\"\n");
    assert_string_equal(c.out, "");
    c = sp_child_run(die, "hook");
    assert_int_equal(c.code, SP_EINPUT);
    assert_string_equal(c.err, "sp-x: in.st: tensor \"x\"\nlast");
}

static int die_of(void *e) { sp_die_err(e); }

static void death_of_an_error(void **state)
{
    (void)state;
    sp_err e = {SP_EUSAGE, "50% of it"}, none = {0};
    sp_child c = sp_child_run(die_of, &e);
    assert_int_equal(c.code, SP_EUSAGE);
    assert_string_equal(c.err, "sp: 50% of it\n");
    c = sp_child_run(die_of, &none);
    assert_int_equal(c.code, SP_ESYSTEM);
    assert_string_equal(c.err, "sp: unknown error\n");
}

static int quiet_and_loud(void *verbosity)
{
    sp_verbosity = *(int *)verbosity;
    sp_warn("w");
    sp_note("n");
    return 0;
}

static void verbosity(void **state)
{
    (void)state;
    const char *want[] = {"", "sp: w\n", "sp: w\nsp: n\n"};
    for (int v = 0; v < 3; v++) assert_string_equal(sp_child_run(quiet_and_loud, &v).err, want[v]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_wins),      cmocka_unit_test(long_message_is_cut),
        cmocka_unit_test(no_control_characters), cmocka_unit_test(death_speaks),
        cmocka_unit_test(death_of_an_error),     cmocka_unit_test(verbosity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
