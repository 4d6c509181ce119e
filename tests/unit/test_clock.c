/* test_clock.c - sp_now counts seconds of the clock that is never set. */
#include "base/clock.h"

#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>
#include <unistd.h>

static void is_the_monotonic_clock(void **state)
{
    (void)state;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double late = sp_now() - (double)t.tv_sec - (double)t.tv_nsec / 1e9;
    assert_true(late >= -1e-6 && late < 1);
}

static void a_nap_takes_its_time(void **state)
{
    (void)state;
    double t0 = sp_now();
    usleep(50000);
    double took = sp_now() - t0;
    assert_true(took >= 0.05 && took < 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_the_monotonic_clock),
                                       cmocka_unit_test(a_nap_takes_its_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
