/* test_feed.c - examples dealt out in steps. */
#include "train/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

static const sp_examples five = {.n = 5};

/* The indices of steps from .. end-1, steps apart by a bar. */
static const char *deal(sp_feed *f, int64_t from, int64_t end)
{
    static char out[200];
    char *to = out;
    for (int64_t s = from; s < end; s++) {
        size_t n;
        const size_t *at = sp_feed_step(f, s, &n);
        for (size_t i = 0; i < n; i++) *to++ = (char)('0' + at[i]);
        *to++ = '|';
    }
    *to = 0;
    return out;
}

static void in_order(void **state)
{
    (void)state;
    sp_feed f;
    sp_feed_open(&f, &five, 2, false, 1);
    assert_int_equal(sp_feed_steps(&f), 3);
    assert_string_equal(deal(&f, 0, 6), "01|23|4|01|23|4|");
    assert_string_equal(deal(&f, 4, 5), "23|");
    sp_feed_close(&f);
    sp_feed_open(&f, &five, 0, false, 1); /* all */
    assert_string_equal(deal(&f, 0, 2), "01234|01234|");
    sp_feed_close(&f);
    sp_feed_open(&f, &five, 8, false, 1); /* more than there are */
    assert_string_equal(deal(&f, 0, 2), "01234|01234|");
    sp_feed_close(&f);
    sp_feed_open(&f, &five, 5, false, 1);
    assert_int_equal(sp_feed_steps(&f), 1);
    sp_feed_close(&f);
}

/* Every epoch is a permutation, of its own; it depends on seed and epoch alone. */
static void shuffled(void **state)
{
    (void)state;
    char epoch[20][8];
    int distinct = 0;
    sp_feed f, late;
    sp_feed_open(&f, &five, 5, true, 3);
    for (int e = 0; e < 20; e++) {
        strcpy(epoch[e], deal(&f, e, e + 1));
        for (char c = '0'; c < '5'; c++) assert_non_null(strchr(epoch[e], c));
        bool is_new = true;
        for (int k = 0; k < e; k++) is_new &= strcmp(epoch[e], epoch[k]) != 0;
        distinct += is_new;
    }
    assert_true(distinct > 14); /* of 120 */
    sp_feed_open(&late, &five, 2, true, 3);
    char *steps = epoch[7], want[12];
    snprintf(want, sizeof want, "%.2s|%.2s|%.1s|", steps, steps + 2, steps + 4);
    assert_string_equal(deal(&late, 21, 24), want);
    sp_feed_close(&late);
    sp_feed_open(&late, &five, 5, true, 4); /* another seed */
    int same = 0;
    for (int e = 0; e < 20; e++) same += !strcmp(deal(&late, e, e + 1), epoch[e]);
    assert_true(same < 5);
    sp_feed_close(&late);
    sp_feed_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_order), cmocka_unit_test(shuffled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
