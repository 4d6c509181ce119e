/* test_tok_vocab.c - pieces short and long, many of them, alike but for one byte; ids with gaps;
 * every clash. And the table that vocabulary and merges share: filled, huge or not. */
#include "text/tok/vocab.h"

#include "text/tok/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Piece number i: all have the bytes of i in them, some at the end, some before a long tail. */
static size_t piece(unsigned i, char out[64])
{
    static const char tail[] = "abcdefghijklmnopqrstuvwxyz";
    return (size_t)snprintf(out, 64, "%u%.*s", i, (int)(i % 23), tail);
}

static void many(void **state)
{
    (void)state;
    enum { N = 50000 };
    tok_vocab v = {0};
    sp_err e = {0};
    char s[64];
    assert_int_equal(tok_vocab_find(&v, "a", 1), -1); /* before there is a table */
    tok_vocab_prefetch(&v, "a", 1);
    for (unsigned i = 0; i < N; i++) {
        size_t n = piece(i, s);
        if (tok_vocab_add(&v, s, n, 2 * i + 1, &e)) fail_msg("%s", e.msg);
    }
    assert_int_equal(v.n, 2 * N);
    assert_int_equal(v.used, N);
    assert_true(v.slots >= 2 * N && !(v.slots & (v.slots - 1)));
    for (unsigned i = 0; i < N; i++) {
        size_t n = piece(i, s);
        tok_vocab_prefetch(&v, s, n);
        assert_int_equal(tok_vocab_find(&v, s, n), 2 * i + 1);
        assert_true(tok_str_is(tok_vocab_piece(&v, (int32_t)(2 * i + 1)), s, n));
        assert_true(tok_vocab_has(&v, 2 * i + 1));
        assert_false(tok_vocab_has(&v, 2 * i)); /* a gap */
        s[n - 1]++;
        if (n < 3) continue;
        assert_true(tok_vocab_find(&v, s, n) != (int32_t)(2 * i + 1));
    }
    assert_false(tok_vocab_has(&v, -1));
    assert_false(tok_vocab_has(&v, 2 * N));
    tok_vocab_free(&v);
}

/* Pieces that differ in one byte only, at every place, and in their length only. */
static void alike(void **state)
{
    (void)state;
    tok_vocab v = {0};
    sp_err e = {0};
    uint32_t id = 0;
    for (size_t n = 0; n <= 20; n++)
        for (size_t at = 0; at <= n; at++) { /* at = n: none differs */
            char s[20] = {0};
            if (at < n) s[at] = 1;
            assert_int_equal(tok_vocab_add(&v, s, n, id++, &e), 0);
        }
    id = 0;
    for (size_t n = 0; n <= 20; n++)
        for (size_t at = 0; at <= n; at++) {
            char s[20] = {0};
            if (at < n) s[at] = 1;
            assert_int_equal(tok_vocab_find(&v, s, n), id++);
        }
    tok_vocab_free(&v);
}

static void clash(tok_vocab *v, const char *s, uint32_t id, const char *why)
{
    sp_err e = {0};
    size_t n = v->n, used = v->used;
    assert_int_equal(tok_vocab_add(v, s, strlen(s), id, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, why);
    assert_true(v->n == n && v->used == used);
}

static void clashes(void **state)
{
    (void)state;
    tok_vocab v = {0};
    sp_err e = {0};
    assert_int_equal(tok_vocab_add(&v, "a", 1, 3, &e), 0);
    assert_int_equal(tok_vocab_add(&v, "a", 1, 3, &e), 0); /* the same again */
    assert_int_equal(v.used, 1);
    clash(&v, "a", 4, "piece \"a\" has the ids 3 and 4");
    clash(&v, "b", 3, "id 3 belongs to two pieces, \"b\" is the second");
    clash(&v, "b", TOK_MAX_ID, "piece \"b\": id 4194304 is beyond the limit of 4194304");
    assert_int_equal(tok_vocab_add(&v, "b", 1, TOK_MAX_ID - 1, &e), 0);
    tok_vocab_free(&v);
    assert_int_equal(v.n, 0);
}

static void tables(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 100, (2u << 20) / 16, (2u << 20) / 16 + 1};
    for (size_t i = 0; i < 4; i++)
        for (int byte = 0; byte < 256; byte += 255) {
            unsigned char *p = tok_table_new(sizes[i], 16, byte);
            for (size_t k = 0; k < 16 * sizes[i]; k++) assert_int_equal(p[k], byte);
            free(p);
        }
    /* keys that follow each other begin in all slots, about equally often */
    int hits[64] = {0};
    for (uint64_t k = 0; k < 6400; k++) hits[tok_home(k, 64)]++;
    for (int i = 0; i < 64; i++) assert_in_range(hits[i], 50, 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many), cmocka_unit_test(alike),
                                       cmocka_unit_test(clashes), cmocka_unit_test(tables)};
    return cmocka_run_group_tests_name("tok_vocab", tests, NULL, NULL);
}
