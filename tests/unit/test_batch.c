/* test_batch.c - how examples become a batch: shifted targets, and coefficients that make the loss
 * the mean it claims to be. */

#include "train/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Scored after the shift: 2, 1 and 3 tokens; the label at position 0 of the second predicts
 * nothing. */
static int32_t ids[3][4] = {{1, 2, 3, 4}, {5, 6, 7, 0}, {8, 9, 10, 11}};
static int32_t labels[3][4] = {{-100, -100, 3, 4}, {5, -100, 7, 0}, {-100, 9, 10, 11}};
static sp_example examples[3] = {
    {4, ids[0], labels[0], false}, {3, ids[1], labels[1], false}, {4, ids[2], labels[2], false}};
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

/* ---- chunks --------------------------------------------------------------------------- */

/* "first+n_seq@token ..." of every chunk of a batch of sequences of these lengths. */
static void expect_chunks(const int64_t *lengths, size_t n, int64_t largest, const char *want)
{
    int64_t start[16] = {0};
    char got[200] = "";
    for (size_t s = 0; s < n; s++) start[s + 1] = start[s] + lengths[s];
    sp_batch b = {.n_seq = (int64_t)n, .n = start[n], .start = start};
    sp_chunk c;
    int64_t seen = 0;
    for (sp_chunk_open(&c, &b); sp_chunk_next(&c);) {
        assert_int_equal(c.number, seen++);
        snprintf(got + strlen(got), sizeof got - strlen(got), "%d+%d@%d ", (int)c.first,
                 (int)c.pack.n_seq, (int)c.at);
        assert_int_equal(c.pack.start[0], 0);
        assert_int_equal(c.pack.n, c.pack.start[c.pack.n_seq]);
        for (int64_t s = 0; s < c.pack.n_seq; s++)
            assert_int_equal(sp_pack_len(&c.pack, s), lengths[c.first + s]);
    }
    sp_chunk_close(&c);
    assert_string_equal(got, want);
    sp_chunk_counts counts = sp_chunk_count(&b);
    assert_int_equal(counts.n, seen);
    assert_int_equal(counts.largest, largest);
}

/* Whole sequences as long as they fit together; a longer one alone, at the end too. */
static void chunks_of_whole_sequences(void **state)
{
    (void)state;
    expect_chunks((int64_t[]){5}, 1, 5, "0+1@0 ");
    expect_chunks((int64_t[]){1024, 1024, 1}, 3, 2048, "0+2@0 2+1@2048 ");
    expect_chunks((int64_t[]){1024, 1025, 1}, 3, 1026, "0+1@0 1+2@1024 ");
    expect_chunks((int64_t[]){3, 5000, 3, 4}, 4, 5000, "0+1@0 1+1@3 2+2@5003 ");
    expect_chunks((int64_t[]){2048, 2049}, 2, 2049, "0+1@0 1+1@2048 ");
    expect_chunks(NULL, 0, 1, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(targets_are_shifted),
                                       cmocka_unit_test(means),
                                       cmocka_unit_test(chunks_of_whole_sequences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
