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
    sp_tinfo flat = {.rank = 1, .shape = {4096, 11008}};
    assert_false(sp_same_shape(&flat, &t));
    assert_false(sp_same_shape(&t, &flat));
}

static void sizes(void **state)
{
    (void)state;
    sp_tinfo t = {.dtype = SP_F16, .rank = 3, .shape = {4, 5, 6}};
    assert_true(sp_tinfo_size(&t));
    assert_int_equal(t.numel, 120);
    assert_int_equal(t.nbytes, 240);
    t.rank = 0;
    assert_true(sp_tinfo_size(&t));
    assert_int_equal(t.numel, 1);
    t = (sp_tinfo){.dtype = SP_F64, .rank = 2, .shape = {0, INT64_MAX}};
    assert_true(sp_tinfo_size(&t));
    assert_int_equal(t.nbytes, 0);
    t.shape[0] = 4;
    assert_false(sp_tinfo_size(&t)); /* the product of the shape does not fit */
    t = (sp_tinfo){.dtype = SP_F64, .rank = 1, .shape = {INT64_MAX / 2}};
    assert_false(sp_tinfo_size(&t)); /* its bytes do not */
    t.dtype = SP_U8;
    assert_true(sp_tinfo_size(&t));
    t.shape[0] = -1;
    assert_false(sp_tinfo_size(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
