/* test_restart.c - the restart that sets environment variables: all at once, once, with the same
 * arguments, and none that the user has set.
 *
 * The program under test is this one: with --start as first argument it is a tool that asks for two
 * variables and then says what it finds. STARTS counts how often it was started.
 */
#include "child.h"
#include "cli/main.h"
#include "cli/restart.h"

#include "base/base.h"
#include <setjmp.h>
#include <cmocka.h>

static const char *get(const char *name) { return getenv(name) ? getenv(name) : "unset"; }

static int tool(int argc, char **argv)
{
    char starts[16];
    snprintf(starts, sizeof starts, "%d", atoi(get("STARTS")) + 1);
    setenv("STARTS", starts, 1);
    sp_restart_want("SP_TEST_A", "a");
    sp_restart_want("SP_TEST_B", "b");
    sp_restart_want("SP_TEST_C", NULL);
    sp_start(argc, argv); /* wants GOMP_SPINCOUNT */
    printf("starts %s, %s %s %s, spin %s, last %s", starts, get("SP_TEST_A"), get("SP_TEST_B"),
           get("SP_TEST_C"), get("GOMP_SPINCOUNT"), argv[argc - 1]);
    return sp_finish();
}

static int start(void *variables)
{
    unsetenv("GOMP_SPINCOUNT"), unsetenv("OMP_WAIT_POLICY"), unsetenv("STARTS");
    for (char **v = variables; *v; v++) putenv(*v);
    execl("/proc/self/exe", "test", "--start", "one", "a b", NULL);
    return 99;
}

/* What the tool says when it is started with these variables in its environment; they end with
 * NULL, and everything else that matters is unset. */
static sp_child start_with(const char *const *variables)
{
    return sp_child_run(start, (void *)(uintptr_t)variables);
}

#define START(...) start_with((const char *const[]){__VA_ARGS__})

static void all_variables_in_one_restart(void **state)
{
    (void)state;
    sp_child c = START(NULL);
    assert_int_equal(c.code, 0);
    assert_string_equal(c.out, "starts 2, a b unset, spin 1000, last a b");
}

static void the_users_values_stand(void **state)
{
    (void)state;
    assert_string_equal(START("SP_TEST_A=x", NULL).out, "starts 2, x b unset, spin 1000, last a b");
    assert_string_equal(START("SP_TEST_A=", "SP_TEST_B=", "GOMP_SPINCOUNT=5", NULL).out,
                        "starts 1,   unset, spin 5, last a b");
}

static void a_wait_policy_stands(void **state)
{
    (void)state;
    assert_string_equal(START("OMP_WAIT_POLICY=active", NULL).out,
                        "starts 2, a b unset, spin unset, last a b");
    assert_string_equal(START("OMP_WAIT_POLICY=active", "SP_TEST_A=1", "SP_TEST_B=2", NULL).out,
                        "starts 1, 1 2 unset, spin unset, last a b");
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--start")) return tool(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_variables_in_one_restart),
        cmocka_unit_test(the_users_values_stand),
        cmocka_unit_test(a_wait_policy_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
