/* test_batch.c - how examples become a batch: shifted targets, and coefficients that make the loss
 * the mean it claims to be. */

#include "train/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

/* Scored after the shift: 2, 1 and 3 tokens; the label at position 0 of the second predicts
 * nothing. */
static int32_t ids[3][4] = {{1, 2, 3, 4}, {5, 6, 7, 0}, {8, 9, 10, 11}};
static int32_t labels[3][4] = {{-100, -100, 3, 4}, {5, -100, 7, 0}, {-100, 9, 10, 11}};
static sp_example examples[3] = {
    {4, ids[0], labels[0]}, {3, ids[1], labels[1]}, {4, ids[2], labels[2]}};
static const sp_examples data = {.n = 3, .ex = examples};

static void targets_are_shifted(void **state)
{
    (void)state;
    const int32_t want_ids[] = {8, 9, 10, 11, 1, 2, 3, 4, 5, 6, 7},
                  want[] = {9, 10, 11, -1, -1, 3, 4, -1, -1, 7, -1};
    const size_t order[] = {2, 0, 1};
    sp_batch b;
    sp_batch_make(&b, &data, order, 3, SP_MEAN_TOKEN);
    assert_int_equal(b.n_seq, 3);
    assert_int_equal(b.n, 11);
    assert_int_equal(b.scored, 6);
    assert_true(b.start[0] == 0 && b.start[1] == 4 && b.start[2] == 8 && b.start[3] == 11);
    assert_memory_equal(b.ids, want_ids, sizeof want_ids);
    assert_memory_equal(b.target, want, sizeof want);
    for (int64_t t = 0; t < b.n; t++) assert_true((b.coef[t] != 0) == (b.target[t] >= 0));
    sp_batch_free(&b);
}

/* Coefficient of each scored token of the three examples. */
static void expect(sp_mean mean, double weight, double a, double b, double c)
{
    const double want[] = {a, b, c};
    sp_seq seqs[3];
    sp_batch batch;
    sp_seqs_of(seqs, &data, NULL, 3, mean, weight, false);
    sp_batch_pack(&batch, seqs, 3);
    for (int64_t s = 0; s < 3; s++)
        for (int64_t t = batch.start[s]; t < batch.start[s + 1]; t++)
            if (batch.target[t] >= 0) assert_true(fabs((double)batch.coef[t] - want[s]) < 1e-7);
    sp_batch_free(&batch);
}

static void means(void **state)
{
    (void)state;
    expect(SP_MEAN_TOKEN, 1, 1. / 6, 1. / 6, 1. / 6);
    expect(SP_MEAN_EXAMPLE, 1, 1. / 6, 1. / 3, 1. / 9);
    expect(SP_MEAN_OWN, 1, 1. / 2, 1, 1. / 3);
    expect(SP_MEAN_TOKEN, -2, -1. / 3, -1. / 3, -1. / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(targets_are_shifted),
                                       cmocka_unit_test(means)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
