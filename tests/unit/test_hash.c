/* test_hash.c - 64-bit FNV-1a against its published test vectors, whole and in pieces. */
#include "base/hash.h"

#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>

static void published_vectors(void **state)
{
    (void)state;
    assert_true(sp_hash(SP_HASH0, "", 0) == 0xcbf29ce484222325ull);
    assert_true(sp_hash(SP_HASH0, "a", 1) == 0xaf63dc4c8601ec8cull);
    assert_true(sp_hash(SP_HASH0, "foobar", 6) == 0x85944171f73967e8ull);
}

static void in_pieces(void **state)
{
    (void)state;
    assert_true(sp_hash(sp_hash(SP_HASH0, "foo", 3), "bar", 3) == 0x85944171f73967e8ull);
    assert_true(sp_hash(12345, "x", 0) == 12345);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(published_vectors),
                                       cmocka_unit_test(in_pieces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
