/* test_tok_load_spm.c - tokenizer.model: pieces of all types, settings, ranks by score, and what is
 * refused. */
#include "tok_help.h"

typedef struct {
    const char *s;
    float score;
    int type; /* 1 normal, 2 unknown, 3 control, 4 user-defined, 6 byte */
} row;

/* Settings: model_type = BPE; normalizer identity, remove_extra_whitespaces = false. */
#define BPE      "\x12\x02\x18\x02"
#define IDENTITY "\x1A\x0C\x0A\x08identity\x20\x00"

/* A file of pieces (the last has no text), with the n bytes of settings behind them. */
static sp_tok *open_model(const row *rows, const char *settings, size_t n, sp_err *e)
{
    char *data;
    size_t size;
    FILE *f = open_memstream(&data, &size);
    for (; rows->s; rows++) {
        size_t len = strlen(rows->s);
        fprintf(f, "\x0A%c\x0A%c%s\x15", (int)(len + 9), (int)len, rows->s);
        fwrite(&rows->score, 4, 1, f);
        fprintf(f, "\x18%c", rows->type);
    }
    fwrite(settings, 1, n, f);
    fclose(f);
    sp_tok *t = sp_tok_from_spm(data, size, e);
    free(data);
    return t;
}

static const row usual[] = {
    {"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {"=>", 0, 4}, {"▁a", -1, 1},
    {"ab", 0, 1},    {"▁", -2, 1},  {"a", -3, 1},   {"b", -4, 1}, {0}};

static sp_tok *open_bpe(const row *rows)
{
    sp_err e = {0};
    sp_tok *t = open_model(rows, BPE IDENTITY, sizeof BPE IDENTITY - 1, &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

static void check_ids(const sp_tok *t, const char *text, int flags, const int32_t *want, size_t n)
{
    sp_ids ids = {0};
    sp_err e = {0};
    assert_int_equal(sp_tok_encode(t, text, strlen(text), flags, &ids, &e), 0);
    assert_int_equal(ids.n, n);
    assert_memory_equal(ids.ids, want, n * sizeof *want);
    sp_ids_free(&ids);
}
#define CHECK_IDS(t, text, flags, ...)                  \
    check_ids(t, text, flags, (int32_t[]){__VA_ARGS__}, \
              sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void pieces(void **state)
{
    (void)state;
    sp_tok *t = open_bpe(usual);
    /* "ab" outbids "▁a"; unknown characters fuse */
    CHECK_IDS(t, "ab=>a a xy</s>", SP_TOK_SPECIAL, 1, 6, 5, 3, 7, 4, 6, 0, 2);
    /* user-defined pieces are text, control pieces are not */
    CHECK_IDS(t, "=></s>", SP_TOK_NO_LITERALS, 6, 3, 0);
    assert_true(sp_tok_is_special(t, 1));
    assert_false(sp_tok_is_special(t, 3));
    assert_int_equal(sp_tok_bos(t), 1);
    assert_int_equal(sp_tok_eos(t), 2);
    char *text = sp_tok_decode(t, (int32_t[]){4, 6, 7}, 3, false, NULL);
    assert_string_equal(text, "a a"); /* without the space that encoding put first */
    free(text);
    sp_tok_close(t);
}

static void bytes(void **state)
{
    (void)state;
    static const row rows[] = {{"<unk>", 0, 2}, {"<0xC3>", 0, 6}, {"<0xA9>", 0, 6},
                               {"a", 0, 1},     {"▁", 0, 1},      {0}};
    sp_tok *t = open_bpe(rows);
    CHECK_IDS(t, "éa", 0, 4, 1, 2, 3);
    CHECK_IDS(t, "êa", 0, 4, 0, 3); /* one of its bytes has no piece */
    sp_tok_close(t);
}

/* add_dummy_prefix = false; bos_id = 2, eos_id = 9 (there is none). */
static void settings(void **state)
{
    (void)state;
    static const char file[] = "\x12\x08\x18\x02\xC8\x02\x02\xD0\x02\x09"
                               "\x1A\x0E\x0A\x08identity\x18\x00\x20\x00";
    sp_err e = {0};
    sp_tok *t = open_model(usual, file, sizeof file - 1, &e);
    if (!t) fail_msg("%s", e.msg);
    CHECK_IDS(t, "a a", SP_TOK_SPECIAL, 2, 7, 4);
    assert_int_equal(sp_tok_bos(t), 2);
    assert_int_equal(sp_tok_eos(t), -1);
    char *text = sp_tok_decode(t, (int32_t[]){4, 6, 7}, 3, false, NULL);
    assert_string_equal(text, " a a");
    free(text);
    sp_tok_close(t);
}

static void refuses(const char *file, size_t n, const char *why)
{
    sp_err e = {0};
    assert_null(open_model(usual, file, n, &e));
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, why);
}
#define REFUSES(file, why) refuses(file, sizeof file - 1, why)

static void refused(void **state)
{
    (void)state;
    REFUSES("", "model type unigram is not supported");
    REFUSES("\x12\x02\x18\x03", "model type word is not supported");
    REFUSES("\x12\x02\x18\x04", "model type char is not supported");
    REFUSES(BPE "\x1A\x10\x0A\x08nmt_nfkc\x12\x02xx\x20\x00",
            "normalizer \"nmt_nfkc\" is not supported");
    REFUSES(BPE, "normalizer: remove_extra_whitespaces is not supported");
    REFUSES("\x12\x05\x18\x02\xC0\x01\x01\x1A\x02\x20\x00",
            "normalizer: spaces other than as a prefix sign are not supported");
    REFUSES(BPE "\x1A\x04\x20\x00\x28\x00",
            "normalizer: spaces other than as a prefix sign are not supported");
    REFUSES("\x12\x04\x18\x02\xC0\x01", "not a sentencepiece model, or damaged");
    REFUSES("\x0A\x02\x0A\x00", "piece 9 is damaged");
    REFUSES("\x0A\x03\x0A\x01\xFF", "piece 9 is damaged");
    REFUSES("\x0A\x05\x0A\x01z\x18\x05", "piece 9: type 5 is not supported");
    REFUSES("\x0A\x05\x0A\x01z\x18\x07", "piece 9: type 7 is not supported");
    REFUSES("\x0A\x08\x0A\x01z\x15\xFF\xFF\xFF\x7F", "piece 9: its score is not a number");
    REFUSES("\x0A\x03\x0A\x01"
            "a",
            "piece \"a\" has the ids 7 and 9");
    sp_err e = {0};
    assert_null(open_model((row[]){{0}}, BPE IDENTITY, sizeof BPE IDENTITY - 1, &e));
    assert_string_equal(e.msg, "not a sentencepiece model, or damaged");
}

/* The higher score goes first, whatever the order in the file. */
static void scores(void **state)
{
    (void)state;
    static const row low[] = {{"<unk>", 0, 2}, {"▁", -3, 1},  {"a", -3, 1},  {"b", -3, 1},
                              {"c", -3, 1},    {"ab", -2, 1}, {"bc", -1, 1}, {0}},
                     high[] = {{"<unk>", 0, 2}, {"▁", -3, 1},  {"a", -3, 1},  {"b", -3, 1},
                               {"c", -3, 1},    {"ab", -1, 1}, {"bc", -2, 1}, {0}};
    sp_tok *t = open_bpe(low);
    CHECK_IDS(t, "abc", 0, 1, 2, 6);
    sp_tok_close(t);
    t = open_bpe(high);
    CHECK_IDS(t, "abc", 0, 1, 5, 4);
    sp_tok_close(t);
}

/* Pieces of one score have one rank, and of their merges the leftmost goes first: the first "ab"
 * makes "xab" possible, which lies left of the next "ab" and of every "abx". With ranks of their
 * own the pieces would go in the order of the file; so the answer must be the same for each order.
 */
static void equal_scores(void **state)
{
    (void)state;
    static const char *const orders[][3] = {
        {"ab", "xab", "abx"}, {"ab", "abx", "xab"}, {"abx", "ab", "xab"}, {"xab", "abx", "ab"}};
    for (size_t k = 0; k < 4; k++) {
        const row rows[] = {{"<unk>", 0, 2},
                            {"<s>", 0, 3},
                            {"</s>", 0, 3},
                            {"▁", -3, 1},
                            {"x", -3, 1},
                            {"a", -3, 1},
                            {"b", -3, 1},
                            {orders[k][0], -1, 1},
                            {orders[k][1], -1, 1},
                            {orders[k][2], -1, 1},
                            {0}};
        sp_tok *t = open_bpe(rows);
        int32_t xab = sp_tok_id(t, "xab");
        char text[91] = "";
        for (size_t n = 1; n <= 30; n++) { /* by scanning, and by the tree */
            sp_ids ids = {0};
            sp_err e = {0};
            strcat(text, "xab");
            assert_int_equal(sp_tok_encode(t, text, 3 * n, 0, &ids, &e), 0);
            assert_int_equal(ids.n, n + 1);
            for (size_t i = 1; i <= n; i++) assert_int_equal(ids.ids[i], xab);
            sp_ids_free(&ids);
        }
        sp_tok_close(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces),   cmocka_unit_test(bytes),
                                       cmocka_unit_test(settings), cmocka_unit_test(refused),
                                       cmocka_unit_test(scores),   cmocka_unit_test(equal_scores)};
    return cmocka_run_group_tests_name("tok_load_spm", tests, NULL, NULL);
}
