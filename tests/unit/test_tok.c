/* test_tok.c - the parts of a tokenizer on vocabularies of our own: merging against a plain
 * reference, space prefixes in every scheme, added tokens with all their flags, splitting,
 * decoding, sentencepiece files, and inputs that are damaged, hostile or huge.
 */
#include "tok_help.h"

/* ---- helpers -------------------------------------------------------------------------- */

static sp_tok *open_json(const char *json, sp_err *e)
{
    char *dir = put_file("t", "tokenizer.json", json);
    sp_tok *t = sp_tok_open(dir, e);
    free(dir);
    return t;
}

static sp_tok *make(const char *parts, const char *flags, const char *words, const char *merges)
{
    sp_err e = {0};
    char *json = world_json(parts, flags, words, merges);
    sp_tok *t = open_json(json, &e);
    if (!t) fail_msg("%s", e.msg);
    free(json);
    return t;
}

/* The pieces of a text, separated by "|"; caller frees. */
static char *pieces(const sp_tok *t, const char *text, int flags)
{
    sp_ids ids = {0};
    sp_err e = {0};
    char *out = sp_xstrdup("");
    assert_int_equal(sp_tok_encode(t, text, strlen(text), flags, &ids, &e), 0);
    for (size_t i = 0; i < ids.n; i++) {
        char *s = sp_tok_decode(t, &ids.ids[i], 1, false, NULL),
             *joined = sp_xasprintf("%s%s%s", out, i ? "|" : "", s);
        free(s);
        free(out);
        out = joined;
    }
    sp_ids_free(&ids);
    return out;
}

static void check(const sp_tok *t, const char *text, int flags, const char *want)
{
    char *got = pieces(t, text, flags);
    assert_string_equal(got, want);
    free(got);
}

/* A decoder that shows pieces as they are. */
#define RAW "\"decoder\":{\"type\":\"Fuse\"},"
#define META(scheme, split)                                                                      \
    "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"▁\"," scheme "\"split\":" split \
    "},"

/* ---- merging -------------------------------------------------------------------------- */

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

/* ---- prefixes ------------------------------------------------------------------------- */

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

/* ---- added tokens --------------------------------------------------------------------- */

#define ADDED(flags)                                                                        \
    "{\"id\":1,\"content\":\"<s>\",\"special\":true},{\"id\":300,\"content\":\"<x>\"" flags \
    "},{\"id\":301,\"content\":\"<x><y>\"}"

/* With these added tokens and no others. */
static sp_tok *with_added(const char *list, const char *parts)
{
    char *json = added_json(parts, "", "a b", "[]", list);
    sp_err e = {0};
    sp_tok *t = open_json(json, &e);
    if (!t) fail_msg("%s", e.msg);
    free(json);
    return t;
}

static void added(void **state)
{
    (void)state;
    static const struct {
        const char *list, *text, *want;
    } rows[] = {
        {ADDED(""), "a<x>b<x><y>a<x><", "a|<x>|b|<x><y>|a|<x>|<0x3C>"},
        {ADDED(""), "a  <x>  b", "a|<0x20>|<0x20>|<x>|<0x20>|<0x20>|b"},
        {ADDED(",\"lstrip\":true"), "a \xE2\x80\x89<x> b", "a|<x>|<0x20>|b"},
        {ADDED(",\"rstrip\":true"), "a <x> \t\nb", "a|<0x20>|<x>|b"},
        {ADDED(",\"rstrip\":true,\"lstrip\":true"), "  <x>  <x>  ", "<x>|<x>"},
        {ADDED(",\"single_word\":true"), "<x> a<x> <x>é <x>.",
         "<x>|<0x20>|a|<0x3C>|<0x78>|<0x3E>|<0x20>|<0x3C>|<0x78>|<0x3E>|<0xC3>|<0xA9>|<0x20>|<x>|<"
         "0x2E>"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_tok *t = with_added(rows[i].list, RAW);
        check(t, rows[i].text, 0, rows[i].want);
        sp_tok_close(t);
    }
    /* only special ones are ordinary characters when literals are off */
    sp_tok *t = with_added(ADDED(""), RAW);
    check(t, "<s><x>", SP_TOK_NO_LITERALS, "<0x3C>|<0x73>|<0x3E>|<x>");
    assert_true(sp_tok_is_special(t, 1));
    assert_false(sp_tok_is_special(t, 300));
    assert_false(sp_tok_is_special(t, 1000000));
    sp_tok_close(t);
    /* a normalised token is found where normalisation makes it appear */
    t = with_added(
        "{\"id\":300,\"content\":\"b b\",\"normalized\":true}", RAW
        "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"x\"},\"content\":\"b\"},");
    check(t, "ax ba", 0, "a|b b|a");
    sp_tok_close(t);
}

static void template(void **state)
{
    (void)state;
    sp_tok *t = make(RAW "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{"
                         "\"SpecialToken\":{\"id\":\"B\"}},{"
                         "\"Sequence\":{\"id\":\"A\"}},"
                         "{\"SpecialToken\":{\"id\":\"E\"}}],\"special_tokens\":{\"B\":{\"ids\":[1]"
                         "},\"E\":{\"ids\":[2,0]}}},",
                     "", "a", "[]");
    check(t, "a", SP_TOK_SPECIAL, "<s>|a|</s>|<unk>");
    check(t, "", SP_TOK_SPECIAL, "<s>|</s>|<unk>");
    check(t, "a", 0, "a");
    assert_int_equal(sp_tok_bos(t), 1);
    assert_int_equal(sp_tok_eos(t), -1);
    sp_tok_close(t);
}

/* Who decides about BOS and EOS depends on the class that the makers load the file with. */
static void ends_by_config(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"\"tokenizer_class\":\"LlamaTokenizer\",\"add_bos_token\":true", "<s>|a"},
        {"\"tokenizer_class\":\"LlamaTokenizerFast\",\"add_bos_token\":false,\"add_eos_token\":"
         "true",
         "a|</s>"},
        {"\"tokenizer_class\":\"GemmaTokenizer\",\"add_eos_token\":true", "<s>|a|</s>"},
        {"\"tokenizer_class\":\"LlamaTokenizer\"", "<s>|a"},
        {"\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"add_bos_token\":false,\"add_eos_"
         "token\":true",
         "<s>|a"},
    };
    char *json = world_json(
        RAW
        "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
        "\"B\"}},{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"B\":{\"ids\":[1]}}},",
        "", "a", "[]");
    char *bare = world_json(RAW, "", "a", "[]");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *config =
            sp_xasprintf("{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",%s}", rows[i][0]);
        free(put_file("ends", "tokenizer.json", i ? json : bare));
        char *dir = put_file("ends", "tokenizer_config.json", config);
        sp_tok *t = open_or_fail(dir);
        check(t, "a", SP_TOK_SPECIAL, rows[i][1]);
        sp_tok_close(t);
        free(dir);
        free(config);
    }
    free(json);
    free(bare);
}

/* ---- splitting ------------------------------------------------------------------------ */

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

/* ---- decoding ------------------------------------------------------------------------- */

static void decoding(void **state)
{
    (void)state;
    sp_tok *t = world();
    static const int32_t ids[] = {1, 259, 260, 3 + 0xC3, 3 + 0xA9, 3 + 0xC3, 2, 77777, -5, 3};
    size_t len;
    char *s = sp_tok_decode(t, ids, 10, false, &len);
    assert_int_equal(len, strlen("<s> how to") + 9 + 4 + 1);
    assert_memory_equal(s, "<s> how to\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD</s>\0", len + 1);
    free(s);
    s = sp_tok_decode(t, ids, 5, true, &len);
    assert_string_equal(s, "how toé");
    free(s);
    s = sp_tok_decode(t, NULL, 0, true, &len);
    assert_string_equal(s, "");
    assert_int_equal(len, 0);
    free(s);
    sp_tok_close(t);
    t = make("", "", "a b", "[]"); /* no decoder: pieces are joined with spaces */
    s = sp_tok_decode(t, (const int32_t[]){259, 260}, 2, false, NULL);
    assert_string_equal(s, "a b");
    free(s);
    sp_tok_close(t);
    t = make("\"decoder\":{\"type\":\"Metaspace\",\"replacement\":\"▁\"},", "", "▁▁a ▁b", "[]");
    s = sp_tok_decode(t, (const int32_t[]){259, 260}, 2, false, NULL);
    assert_string_equal(s, "a b");
    free(s);
    sp_tok_close(t);
}

/* Any valid text comes back, whatever it is made of. */
static void round_trip(void **state)
{
    (void)state;
    sp_tok *t = world();
    /* "▁" itself turns into a space */
    static const char text[] = "how  to\nkill é ▁ \xF0\x9F\x99\x82 </s> <0x41>\0x";
    static const char back[] = "how  to\nkill é   \xF0\x9F\x99\x82 </s> <0x41>\0x";
    sp_ids ids = {0};
    sp_err e = {0};
    size_t len;
    assert_int_equal(sp_tok_encode(t, text, sizeof text - 1, SP_TOK_NO_LITERALS, &ids, &e), 0);
    char *s = sp_tok_decode(t, ids.ids, ids.n, true, &len);
    assert_int_equal(len, sizeof back - 1);
    assert_memory_equal(s, back, len);
    free(s);
    sp_ids_free(&ids);
    sp_tok_close(t);
}

/* ---- refusals ------------------------------------------------------------------------- */

static void refused(void **state)
{
    (void)state;
    static const char *const parts[][2] = {
        {"\"normalizer\":{\"type\":\"NFKC\"},", "normalizer \"NFKC\" is not supported"},
        {"\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a\"},\"content\":\"\"},",
         "normalizer Replace: Replace by a regular expression is not supported"},
        {"\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"\"},",
         "\"String\" is not a non-empty string"},
        {"\"normalizer\":{\"type\":\"Sequence\"},", "normalizer: Sequence without \"normalizers\""},
        {"\"normalizer\":3,", "normalizer without a type"},
        {"\"pre_tokenizer\":{\"type\":\"Digits\"},", "pre_tokenizer \"Digits\" is not supported"},
        {"\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":"
         "\"Isolated\"},",
         "pattern \"(\": missing closing parenthesis"},
        {"\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":"
         "\"Odd\"},",
         "\"behavior\" Odd is not supported"},
        {META("\"prepend_scheme\":\"often\",", "true"),
         "\"prepend_scheme\" often is not supported"},
        {"\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"ab\"},",
         "\"replacement\" is not one character"},
        {"\"decoder\":{\"type\":\"WordPiece\"},", "decoder \"WordPiece\" is not supported"},
        {"\"post_processor\":{\"type\":\"RobertaProcessing\"},",
         "post_processor \"RobertaProcessing\" is not supported"},
        {"\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]},",
         "the template has 0 texts, not one"},
        {"\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{"
         "\"id\":\"B\"}}],\"special_"
         "tokens\":{\"B\":{\"ids\":[99999]}}},",
         "bad id for \"B\""},
    };
    static const char *const flags[][2] = {
        {"\"dropout\":0.1,", "model: dropout is not supported"},
        {"\"end_of_word_suffix\":\"</w>\",", "model: end_of_word_suffix is not supported"},
        {"\"continuing_subword_prefix\":\"##\",",
         "model: continuing_subword_prefix is not supported"},
        {"\"unk_token\":\"?\",", "unk_token \"?\" is not in the vocabulary"},
        {"\"type\":\"WordLevel\",", "model \"WordLevel\" is not supported"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts + sizeof flags / sizeof *flags; i++) {
        size_t k = i - sizeof parts / sizeof *parts;
        bool part = i < sizeof parts / sizeof *parts;
        char *json = world_json(part ? parts[i][0] : "", part ? "" : flags[k][0], "a", "[]");
        const char *want = part ? parts[i][1] : flags[k][1];
        sp_err e = {0};
        assert_null(open_json(json, &e));
        assert_int_equal(e.code, SP_EINPUT);
        if (!strstr(e.msg, want) || !strstr(e.msg, "/t/tokenizer.json: "))
            fail_msg("\"%s\", expected \"%s\"", e.msg, want);
        free(json);
    }
}

static void damaged(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "not an object"},
        {"{}", "no vocab object"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]]}}",
         "model \"Unigram\" is not supported"},
        {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}} x", "something follows"},
        {"{\"model\":{\"vocab\":{\"a\":0}}}", "no list of merges"},
        {"{\"model\":{\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}", "id 0 belongs to two pieces"},
        {"{\"model\":{\"vocab\":{\"a\":0,\"a\":1},\"merges\":[]}}",
         "piece \"a\" has the ids 0 and 1"},
        {"{\"model\":{\"vocab\":{\"a\":4194304},\"merges\":[]}}", "beyond the limit"},
        {"{\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}", "vocab: entry 1 is not \"piece\": id"},
        {"{\"model\":{\"vocab\":{\"a\":99999999999999999999},\"merges\":[]}}",
         "vocab: entry 1 is not"},
        {"{\"model\":{\"vocab\":{\"\\ud800\":0},\"merges\":[]}}", "vocab: entry 1 is not"},
        {"{\"model\":{\"vocab\":{\"\xff\":0},\"merges\":[]}}", "vocab: entry 1 is not"},
        {"{\"model\":{\"vocab\":{\"a\":0 \"b\":1},\"merges\":[]}}",
         "vocab: a comma or bracket is missing"},
        {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}",
         "merge 1: \"ab\" or a half of it is not in the vocabulary"},
        {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a\"]}}", "merge 1 is not two pieces"},
        {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a b c\"]}}", "merge 1 is not two pieces"},
        {"{\"model\":{\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[\"a a\" \"a a\"]}}",
         "merges: a comma or bracket is missing"},
        {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[[\"a\",\"a\",\"a\"]]}}",
         "merge 1 is not two pieces"},
        {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[]", "not valid JSON"},
        {"{\"model\":{\"vocab\":{\"a", "not valid JSON"},
        {"{\"added_tokens\":3,\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}",
         "added_tokens is not a list"},
        {"{\"added_tokens\":[{\"id\":-1,\"content\":\"x\"}],\"model\":{\"vocab\":{\"a\":0},"
         "\"merges\":[]}}",
         "added token without content or a good id"},
        {"{\"added_tokens\":[{\"id\":0,\"content\":\"x\"}],\"model\":{\"vocab\":{\"a\":0},"
         "\"merges\":[]}}",
         "id 0 belongs to two pieces"},
        {"{\"decoder\":{\"type\":},\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}", "decoder: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_err e = {0};
        if (open_json(rows[i][0], &e)) fail_msg("row %zu was accepted", i);
        assert_int_equal(e.code, SP_EINPUT);
        if (!strstr(e.msg, rows[i][1]))
            fail_msg("row %zu: \"%s\", expected \"%s\"", i, e.msg, rows[i][1]);
    }
    sp_err e = {0};
    assert_null(sp_tok_open("/nonexistent", &e));
    assert_string_equal(e.msg, "/nonexistent: neither tokenizer.json nor tokenizer.model");
}

static void bad_config(void **state)
{
    (void)state;
    char *json = world_json("", "", "a", "[]"), *dir = put_file("c", "tokenizer.json", json);
    static const char *const rows[][2] = {
        {"{\"added_tokens_decoder\":{\"x\":{}}}", "\"x\" is not an id"},
        {"{\"added_tokens_decoder\":{\"5\":{\"content\":\"zz\"}}}", "id 5 belongs to two pieces"},
        {"{", "tokenizer_config.json: line 1"}};
    for (size_t i = 0; i < 3; i++) {
        sp_err e = {0};
        free(put_file("c", "tokenizer_config.json", rows[i][0]));
        assert_null(sp_tok_open(dir, &e));
        if (!strstr(e.msg, rows[i][1])) fail_msg("\"%s\", expected \"%s\"", e.msg, rows[i][1]);
    }
    free(dir);
    free(json);
}

/* ---- hostile texts -------------------------------------------------------------------- */

static void survives(const sp_tok *t, const char *text, size_t n)
{
    sp_ids ids = {0};
    sp_err e = {0};
    assert_int_equal(sp_tok_encode(t, text, n, 0, &ids, &e), 0);
    free(sp_tok_decode(t, ids.ids, ids.n, false, NULL));
    sp_ids_free(&ids);
}

static void hostile(void **state)
{
    (void)state;
    const char *split = "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":"
                        "\"Split\",\"pattern\":{"
                        "\"Regex\":\"\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+|\\\\S+\"},"
                        "\"behavior\":\"Isolated\"},{\"type\":\"ByteLevel\",\"add_prefix_space\":"
                        "false,\"use_regex\":"
                        "false}]},\"decoder\":{\"type\":\"ByteLevel\"},";
    sp_tok *t[] = {world(), make("", "", "a aa ▁ ▁▁", "[\"a a\",\"▁ ▁\"]"),
                   make(split, "", "a aa Ġ ĠĠ", "[\"a a\",\"Ġ Ġ\"]")};
    enum { N = 2 << 20 };
    char *text = sp_xmalloc(N);
    for (int k = 0; k < 3; k++) {
        memset(text, ' ', N);
        survives(t[k], text, k ? N : N / 20);
        memset(text, 'a', N);
        survives(t[k], text, N / 20);
        memset(text, 0xE2, N);
        survives(t[k], text, N / 20);
        for (size_t i = 0; i < N / 20; i++) text[i] = (char)draw(256);
        survives(t[k], text, N / 20);
        memset(text, 0, N);
        survives(t[k], text, N / 20);
        sp_tok_close(t[k]);
    }
    free(text);
}

/* ---- sentencepiece files -------------------------------------------------------------- */

static void put_piece(FILE *f, const char *s, float score, int type)
{
    size_t n = strlen(s);
    fputc(0x0A, f);
    fputc((int)(n + 9), f);
    fputc(0x0A, f), fputc((int)n, f), fputs(s, f);
    fputc(0x15, f), fwrite(&score, 4, 1, f);
    fputc(0x18, f), fputc(type, f);
}

/* <unk> <s> </s>, a user-defined "=>", a few normal pieces; the settings follow. */
static char *spm_file(const char *settings, size_t n)
{
    char *dir = put_file("spm", "tokenizer.model", ""),
         *path = sp_xasprintf("%s/tokenizer.model", dir);
    static const struct {
        const char *s;
        float score;
        int type;
    } rows[] = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {"=>", 0, 4}, {"▁a", -1, 1},
                {"ab", 0, 1},    {"▁", -2, 1},  {"a", -3, 1},   {"b", -4, 1}};
    FILE *f = fopen(path, "wb");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put_piece(f, rows[i].s, rows[i].score, rows[i].type);
    fwrite(settings, 1, n, f);
    fclose(f);
    free(path);
    return dir;
}

static void spm_refuses(const char *settings, size_t n, const char *why)
{
    char *dir = spm_file(settings, n);
    sp_err e = {0};
    assert_null(sp_tok_open(dir, &e));
    assert_int_equal(e.code, SP_EINPUT);
    if (!strstr(e.msg, why)) fail_msg("\"%s\", expected \"%s\"", e.msg, why);
    free(dir);
}

static void sentencepiece(void **state)
{
    (void)state;
    static const char bpe[] =
        "\x12\x02\x18\x02"
        "\x1A\x0C\x0A\x08identity\x20\x00"; /* model_type = BPE; remove_extra_whitespaces = false */
    char *dir = spm_file(bpe, sizeof bpe - 1);
    sp_err e = {0};
    sp_tok *t = sp_tok_open(dir, &e);
    if (!t) fail_msg("%s", e.msg);
    sp_ids ids = {0};
    /* "ab" outbids "▁a"; unknown characters fuse */
    static const int32_t want[] = {1, 6, 5, 3, 7, 4, 6, 0, 2};
    assert_int_equal(sp_tok_encode(t, "ab=>a a xy</s>", 14, SP_TOK_SPECIAL, &ids, &e), 0);
    assert_int_equal(ids.n, 9);
    assert_memory_equal(ids.ids, want, sizeof want);
    assert_int_equal(sp_tok_eos(t), 2);
    sp_ids_free(&ids);
    sp_tok_close(t);
    free(dir);
    spm_refuses("", 0, "tokenizer.model: model type unigram is not supported");
    spm_refuses("\x12\x02\x18\x02\x1A\x10\x0A\x08nmt_nfkc\x12\x02xx\x20\x00", 22,
                "normalizer \"nmt_nfkc\" is not supported");
    spm_refuses("\x12\x02\x18\x02", 4, "remove_extra_whitespaces is not supported");
    spm_refuses("\x12\x04\x18\x02\xC0\x01", 5, "damaged");
    spm_refuses("\x12\x05\x18\x02\xC0\x01\x01\x1A\x02\x20\x00", 11,
                "as a prefix sign are not supported");
    spm_refuses("\x0A\x02\x0A\x00", 4, "piece 9 is damaged");
    spm_refuses("\x0A\x05\x0A\x01z\x18\x05", 7, "piece 9: type 5 is not supported");
    spm_refuses("\x0A\x08\x0A\x01z\x15\xFF\xFF\xFF\x7F", 10, "its score is not a number");
}

/* Pieces of one score have one rank, and the leftmost goes first: "ab" makes "xab" possible, left
 * of every "abx". */
static void equal_scores(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        float score;
        int type;
    } rows[] = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {"▁", -3, 1},   {"x", -3, 1},
                {"a", -3, 1},    {"b", -3, 1},  {"ab", -1, 1},  {"xab", -1, 1}, {"abx", -1, 1}};
    static const char bpe[] = "\x12\x02\x18\x02\x1A\x0C\x0A\x08identity\x20\x00";
    char *dir = put_file("ties", "tokenizer.model", ""),
         *path = sp_xasprintf("%s/tokenizer.model", dir), text[91] = "";
    FILE *f = fopen(path, "wb");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put_piece(f, rows[i].s, rows[i].score, rows[i].type);
    fwrite(bpe, 1, sizeof bpe - 1, f);
    fclose(f);
    sp_err e = {0};
    sp_tok *t = sp_tok_open(dir, &e);
    if (!t) fail_msg("%s", e.msg);
    for (size_t n = 1; n <= 30; n++) { /* by scanning, and by the tree */
        sp_ids ids = {0};
        strcat(text, "xab");
        assert_int_equal(sp_tok_encode(t, text, 3 * n, 0, &ids, &e), 0);
        assert_int_equal(ids.n, n + 1);
        for (size_t i = 1; i <= n; i++) assert_int_equal(ids.ids[i], 8);
        sp_ids_free(&ids);
    }
    sp_tok_close(t);
    free(path);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merging),       cmocka_unit_test(merged_bytes),
        cmocka_unit_test(unknown),       cmocka_unit_test(whole_words),
        cmocka_unit_test(metaspace),     cmocka_unit_test(added),
        cmocka_unit_test(template),      cmocka_unit_test(ends_by_config),
        cmocka_unit_test(splitting),     cmocka_unit_test(byte_level),
        cmocka_unit_test(decoding),      cmocka_unit_test(round_trip),
        cmocka_unit_test(refused),       cmocka_unit_test(damaged),
        cmocka_unit_test(bad_config),    cmocka_unit_test(hostile),
        cmocka_unit_test(sentencepiece), cmocka_unit_test(equal_scores)};
    return cmocka_run_group_tests_name("tok", tests, make_temp, drop_temp);
}
