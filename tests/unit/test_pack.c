/* test_pack.c - lengths and positions of packed sequences. */
#include "engine/pack.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static const int64_t start[] = {0, 2, 6, 9};

static void from_the_beginning(void **state)
{
    (void)state;
    const sp_pack p = {3, start, NULL, 9};
    const int64_t lengths[] = {2, 4, 3};
    for (int s = 0; s < 3; s++) {
        assert_int_equal(sp_pack_len(&p, s), lengths[s]);
        assert_int_equal(sp_pack_pos0(&p, s), 0);
    }
    assert_int_equal(sp_pack_reach(&p), 4);
}

/* The longest sequence need not be the longest piece of this pack. */
static void continued(void **state)
{
    (void)state;
    const int64_t pos0[] = {10, 3, 0};
    const sp_pack p = {3, start, pos0, 9};
    assert_int_equal(sp_pack_pos0(&p, 1), 3);
    assert_int_equal(sp_pack_reach(&p), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_beginning),
        cmocka_unit_test(continued),
    };
    return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
