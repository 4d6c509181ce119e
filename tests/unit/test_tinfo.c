/* test_tinfo.c - shapes as text and beside each other, sizes that fit and that do not. */
#include "tensor/tinfo.h"

#include "files.h"

static void shapes(void **state)
{
    (void)state;
    char s[16];
    sp_tinfo t = {.rank = 2, .shape = {4096, 11008}}, u = {.rank = 0},
             v = {.rank = 2, .shape = {4096, 11009}};
    sp_shape_str(&t, s, sizeof s);
    assert_string_equal(s, "4096x11008");
    sp_shape_str(&t, s, 6);
    assert_string_equal(s, "4096x");
    sp_shape_str(&u, s, sizeof s);
    assert_string_equal(s, "scalar");
    assert_true(sp_same_shape(&t, &t));
    assert_false(sp_same_shape(&t, &u));
    assert_false(sp_same_shape(&t, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
