/* test_tok_bpe.c - merging against a plain reference, byte tokens, unknown characters, whole words.
 */
#include "tok_help.h"

/* The plain way: find the best pair, leftmost first, merge it, start again. `w` holds one piece a
 * slot. */
static size_t plain_bpe(char w[][64], size_t n, char merges[][2][64], size_t n_merges)
{
    for (;;) {
        size_t best = n_merges, at = 0;
        for (size_t i = 0; i + 1 < n; i++)
            for (size_t k = 0; k < best; k++)
                if (!strcmp(w[i], merges[k][0]) && !strcmp(w[i + 1], merges[k][1]))
                    best = k, at = i;
        if (best == n_merges) return n;
        memcpy(w[at] + strlen(w[at]), w[at + 1], strlen(w[at + 1]) + 1);
        memmove(w[at + 1], w[at + 2], (n - at - 2) * sizeof *w);
        n--;
    }
}

static uint64_t rng = 1;
static unsigned draw(unsigned n)
{
    return (unsigned)((rng = rng * 6364136223846793005u + 1442695040888963407u) >> 33) % n;
}

/* A vocabulary grown by random merges over a, b, c, e-acute; returns the number of merges, text of
 * the JSON parts in *words and *list. */
static size_t random_merges(char merges[][2][64], size_t want, bool as_lists, char **words,
                            char **list)
{
    static char piece[64][64];
    size_t n = 0, np = 4, len;
    strcpy(piece[0], "a"), strcpy(piece[1], "b"), strcpy(piece[2], "c"), strcpy(piece[3], "é");
    FILE *f = open_memstream(list, &len);
    *words = sp_xstrdup("a b c é");
    fputc('[', f);
    for (int tries = 0; n < want && tries < 1000; tries++) {
        const char *l = piece[draw((unsigned)np)], *r = piece[draw((unsigned)np)];
        bool known = false, twice = false;
        char both[128];
        snprintf(both, sizeof both, "%s%s", l, r);
        for (size_t i = 0; i < np; i++) known = known || !strcmp(piece[i], both);
        for (size_t i = 0; i < n; i++)
            twice = twice || (!strcmp(merges[i][0], l) && !strcmp(merges[i][1], r));
        if (strlen(both) > 9 || twice) continue;
        strcpy(merges[n][0], l), strcpy(merges[n][1], r);
        fprintf(f, as_lists ? "%s[\"%s\",\"%s\"]" : "%s\"%s %s\"", n ? "," : "", l, r);
        n++;
        if (known) continue;
        strcpy(piece[np++], both);
        char *more = sp_xasprintf("%s %s", *words, both);
        free(*words);
        *words = more;
    }
    fputc(']', f);
    fclose(f);
    return n;
}

static void check_random_text(const sp_tok *t, char merges[][2][64], size_t n_merges)
{
    static const char *const chars[] = {"a", "b", "c", "é"};
    static char w[300][64];
    char text[700] = "";
    size_t n = draw(8) ? draw(20) : 200 + draw(100);
    for (size_t i = 0; i < n; i++) strcpy(w[i], chars[draw(draw(3) ? 4 : 2)]), strcat(text, w[i]);
    n = plain_bpe(w, n, merges, n_merges);
    sp_ids ids = {0};
    sp_err e = {0};
    assert_int_equal(sp_tok_encode(t, text, strlen(text), 0, &ids, &e), 0);
    assert_int_equal(ids.n, n);
    for (size_t i = 0; i < n; i++) assert_int_equal(ids.ids[i], sp_tok_id(t, w[i]));
    sp_ids_free(&ids);
}

static void merging(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        static char merges[40][2][64];
        char *words, *list;
        size_t n = random_merges(merges, 4 + draw(30), round & 1, &words, &list);
        sp_tok *t = make("", "", words, list);
        for (int i = 0; i < 60; i++) check_random_text(t, merges, n);
        sp_tok_close(t);
        free(words);
        free(list);
    }
}

/* A merge of a byte token must keep the text from being cut at that character. */
static void merged_bytes(void **state)
{
    (void)state;
    sp_tok *t = make(RAW, "", "a <0xC3>a", "[[\"<0xC3>\",\"a\"]]");
    check(t,
          "\xC3"
          "a",
          0, "<0xC3>a");
    check(t, "é", 0, "<0xC3>|<0xA9>");
    sp_tok_close(t);
}

static void unknown(void **state)
{
    (void)state;
    sp_tok *t = make(RAW, "\"byte_fallback\":false,", "a", "[]");
    check(t, "xéyaz", 0, "<unk>|a|<unk>");
    sp_tok_close(t);
    t = make(RAW, "\"byte_fallback\":false,\"fuse_unk\":false,", "a", "[]");
    check(t, "xéya", 0, "<unk>|<unk>|<unk>|a");
    sp_tok_close(t);
    t = make(RAW, "\"byte_fallback\":false,\"unk_token\":null,", "a", "[]");
    check(t, "xéya", 0, "a");
    sp_tok_close(t);
}

static void whole_words(void **state)
{
    (void)state;
    sp_tok *t = make(RAW META("", "true"), "\"ignore_merges\":true,", "▁ab ▁ a b", "[]");
    check(t, "ab ba", 0, "▁ab|▁|b|a");
    sp_tok_close(t);
    t = make(RAW META("", "true"), "", "▁ab ▁ a b", "[]");
    check(t, "ab", 0, "▁|a|b");
    sp_tok_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(merging), cmocka_unit_test(merged_bytes),
                                       cmocka_unit_test(unknown), cmocka_unit_test(whole_words)};
    return cmocka_run_group_tests_name("tok_bpe", tests, make_temp, drop_temp);
}
