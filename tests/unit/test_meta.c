/* test_meta.c - the list of metadata. */
#include "tensor/meta.h"

#include "files.h"

static void metadata(void **state)
{
    (void)state;
    sp_meta m = {0};
    for (int i = 0; i < 100; i++) {
        char k[16];
        snprintf(k, sizeof k, "k%d", i);
        sp_meta_set(&m, k, "old");
        sp_meta_set(&m, k, k);
    }
    assert_int_equal(m.n, 100);
    assert_string_equal(sp_meta_get(&m, "k77"), "k77");
    assert_null(sp_meta_get(&m, "k100"));
    sp_meta_free(&m);
    assert_int_equal(m.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
