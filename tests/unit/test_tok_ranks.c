/* test_tok_ranks.c - the tree of ranks against a plain scan, for every size around its fan, under
 * random changes, with and without the hint where to look. */
#include "text/tok/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

static uint64_t rng = 1;
static unsigned draw(unsigned n)
{
    return (unsigned)((rng = rng * 6364136223846793005u + 1442695040888963407u) >> 33) % n;
}

static int64_t plain_first(const uint32_t *rank, size_t m)
{
    int64_t best = -1;
    for (size_t i = 0; i < m; i++)
        if (rank[i] != TOK_NO_RANK && (best < 0 || rank[i] < rank[best])) best = (int64_t)i;
    return best;
}

static void check_tree(tok_ranks *r, size_t m, unsigned kinds)
{
    uint32_t *rank = malloc(m * sizeof *rank);
    tok_ranks_reset(r, m);
    for (size_t i = 0; i < m; i++) rank[i] = r->level[0][i] = draw(3) ? draw(kinds) : TOK_NO_RANK;
    tok_ranks_build(r, m);
    for (int k = 0; k < 60; k++) {
        int64_t first = plain_first(rank, m);
        assert_int_equal(tok_ranks_first(r, 0, 0), first);
        if (first >= 0) /* any hint that is not right of it, in its line or an earlier one */
            assert_int_equal(tok_ranks_first(r, rank[first], draw((unsigned)first + 1)), first);
        size_t i = draw((unsigned)m);
        rank[i] = draw(2) ? draw(kinds) : TOK_NO_RANK;
        tok_ranks_set(r, i, rank[i]);
    }
    /* take away the first again and again */
    for (int64_t i; (i = plain_first(rank, m)) >= 0;) {
        assert_int_equal(tok_ranks_first(r, rank[i], (size_t)i), i);
        tok_ranks_set(r, (size_t)i, rank[i] = TOK_NO_RANK);
    }
    assert_int_equal(tok_ranks_first(r, 0, 0), -1);
    free(rank);
}

static void sizes(void **state)
{
    (void)state;
    static const size_t m[] = {1, 2, 15, 16, 17, 255, 256, 257, 1000, 4096, 4097};
    tok_ranks r = {0};
    for (size_t i = 0; i < sizeof m / sizeof *m; i++)
        for (unsigned kinds = 1; kinds <= 1000; kinds *= 10) check_tree(&r, m[i], kinds);
    check_tree(&r, 3, 2); /* smaller than before, in the same memory */
    tok_ranks_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes)};
    return cmocka_run_group_tests_name("tok_ranks", tests, NULL, NULL);
}
