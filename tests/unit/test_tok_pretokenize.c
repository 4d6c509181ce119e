/* test_tok_pretokenize.c - space prefixes in every scheme, cutting in every behaviour, byte-level
 * words. */
#include "tok_help.h"

#define WORDS  "▁ a ▁a b ▁b"
#define MERGES "[\"▁ a\",\"▁ b\"]"

static void metaspace(void **state)
{
    (void)state;
    static const struct {
        /* "a b", "<s>a b", and "a b" under the two flags */
        const char *parts, *plain, *after, *inside, *joined;
    } rows[] = {
        {RAW META("\"prepend_scheme\":\"always\",", "true"), "▁a|▁b", "<s>|▁a|▁b", "▁a|▁b", "a|▁b"},
        {RAW META("\"prepend_scheme\":\"first\",", "true"), "▁a|▁b", "<s>|a|▁b", "a|▁b", "a|▁b"},
        {RAW META("\"prepend_scheme\":\"never\",", "false"), "a|▁b", "<s>|a|▁b", "a|▁b", "a|▁b"},
        {RAW META("\"add_prefix_space\":true,", "false"), "▁a|▁b", "<s>|▁a|▁b", "▁a|▁b", "a|▁b"},
        {RAW META("\"add_prefix_space\":false,", "true"), "a|▁b", "<s>|a|▁b", "a|▁b", "a|▁b"},
        {RAW "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
             "\"prepend\":\"▁\"},{"
             "\"type\":\"Replace\",\"pattern\":"
             "{\"String\":\" \"},\"content\":\"▁\"}]},",
         "▁a|▁b", "<s>|▁a|▁b", "▁a|▁b", "a|▁b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_tok *t = make(rows[i].parts, "", WORDS, MERGES);
        check(t, "a b", 0, rows[i].plain);
        check(t, "<s>a b", 0, rows[i].after);
        check(t, "a b", SP_TOK_INSIDE, rows[i].inside);
        check(t, "a b", SP_TOK_JOINED, rows[i].joined);
        check(t, "", 0, "");
        check(t, " b", SP_TOK_JOINED, "▁b");
        sp_tok_close(t);
    }
    sp_tok *t = make(RAW META("", "true"), "", WORDS, MERGES);
    check(t, "  a ", 0, "▁|▁a|▁");
    check(t, "▁a", 0, "▁a");
    sp_tok_close(t);
}

static void splitting(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"Isolated", "a|-|-|b|-"},
                                          {"Removed", "a|b"},
                                          {"MergedWithPrevious", "a-|-|b-"},
                                          {"MergedWithNext", "a|-|-b|-"},
                                          {"Contiguous", "a|--|b|-"}};
    for (size_t i = 0; i < 5; i++)
        for (int re = 0; re < 2; re++) {
            char *parts =
                sp_xasprintf(RAW "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"%s\":\"-\"},"
                                 "\"behavior\":\"%s\",\"invert\":false},",
                             re ? "Regex" : "String", rows[i][0]);
            sp_tok *t = make(parts, "\"ignore_merges\":true,", "a b - -- a- b- -b", "[]");
            check(t, "a--b-", 0, rows[i][1]);
            sp_tok_close(t);
            free(parts);
        }
    sp_tok *t = make(
        RAW "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[ab]+\"},\"behavior\":"
            "\"Removed\",\"invert\":true},",
        "\"ignore_merges\":true,", "a ab", "[]");
    check(t, "x ab-a", 0, "ab|a");
    sp_tok_close(t);
}

static void byte_level(void **state)
{
    (void)state;
    const char *parts = "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true},"
                        "\"decoder\":{\"type\":\"ByteLevel\"},";
    sp_tok *t = make(parts, "\"ignore_merges\":true,", "Ġa a 's Ċ Ã © ð Ģ", "[]");
    check(t, "a a's", 0, " a| a|'s");
    sp_ids ids = {0};
    sp_err e = {0};
    assert_int_equal(sp_tok_encode(t, "é\xF0", 3, SP_TOK_JOINED, &ids, &e), 0);
    assert_int_equal(ids.n, 3);
    assert_int_equal(ids.ids[0], sp_tok_id(t, "Ã"));
    assert_int_equal(ids.ids[1], sp_tok_id(t, "©"));
    assert_int_equal(ids.ids[2], sp_tok_id(t, "ð"));
    char *text = sp_tok_decode(t, ids.ids, 3, false, NULL);
    assert_string_equal(text, "é\xEF\xBF\xBD");
    free(text);
    sp_ids_free(&ids);
    sp_tok_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(metaspace), cmocka_unit_test(splitting),
                                       cmocka_unit_test(byte_level)};
    return cmocka_run_group_tests_name("tok_pretokenize", tests, make_temp, drop_temp);
}
