/* test_tok_merges.c - every merge is found after indexing and no other; of two for one pair the
 * last counts; the filter of joints never misses. */
#include "text/tok/merges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void found(void **state)
{
    (void)state;
    enum { N = 30000 };
    tok_merges m = {0};
    tok_merges_reserve(&m, 10); /* too few: it grows */
    for (int32_t i = 0; i < N; i++) tok_merges_add(&m, i, i / 3, (uint32_t)(N - i), i + 7);
    tok_merges_index(&m);
    for (int32_t i = 0; i < N; i++) {
        const tok_merge *k = tok_merges_find(&m, i, i / 3);
        assert_non_null(k);
        assert_int_equal(k->rank, N - i);
        assert_int_equal(k->id, i + 7);
        assert_null(tok_merges_find(&m, i, i / 3 + 1));
        if (i != i / 3) assert_null(tok_merges_find(&m, i / 3, i)); /* left and right differ */
    }
    tok_merges_free(&m);
}

static void twice(void **state)
{
    (void)state;
    tok_merges m = {0};
    tok_merges_add(&m, 1, 2, 0, 3);
    tok_merges_add(&m, 1, 2, 5, 4);
    tok_merges_index(&m);
    assert_int_equal(tok_merges_find(&m, 1, 2)->rank, 5);
    assert_int_equal(tok_merges_find(&m, 1, 2)->id, 4);
    tok_merges_free(&m);
    tok_merges_index(&m); /* none at all */
    assert_null(tok_merges_find(&m, 0, 0));
    tok_merges_free(&m);
}

static void joints(void **state)
{
    (void)state;
    tok_merges m = {0};
    assert_false(tok_joins(&m, 'a', 'b'));
    tok_joins_add(&m, 'a', 'b');
    tok_joins_add(&m, 0x2581, 'x');
    tok_joins_add(&m, 0x10FFFF, 0);
    assert_true(tok_joins(&m, 'a', 'b'));
    assert_true(tok_joins(&m, 0x2581, 'x'));
    assert_true(tok_joins(&m, 0x10FFFF, 0));
    /* ASCII pairs have bits of their own: no other is set */
    for (uint32_t a = 0; a < 128; a++)
        for (uint32_t b = 0; b < 128; b++)
            assert_int_equal(tok_joins(&m, a, b), a == 'a' && b == 'b');
    int others = 0;
    for (uint32_t a = 128; a < 1128; a++) others += tok_joins(&m, a, 'x');
    assert_in_range(others, 0, 10);
    tok_merges_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(found), cmocka_unit_test(twice),
                                       cmocka_unit_test(joints)};
    return cmocka_run_group_tests_name("tok_merges", tests, NULL, NULL);
}
