/* test_tok_load_json.c - post-processors; and every tokenizer.json that is refused, by its reason.
 */
#include "tok_help.h"

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
        {META("\"add_prefix_space\":1,", "true"), "\"add_prefix_space\" is not true or false"},
        {META("", "3"), "\"split\" is not true or false"},
        {"\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\"},",
         "\"replacement\" is not a non-empty string"},
        {"\"decoder\":{\"type\":\"WordPiece\"},", "decoder \"WordPiece\" is not supported"},
        {"\"decoder\":{\"type\":\"Strip\",\"content\":\"ab\"},",
         "decoder Strip: \"content\" is not one character"},
        {"\"decoder\":{\"type\":\"Prepend\",\"prepend\":\"a\"},",
         "decoder \"Prepend\" is not supported"},
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
        if (!strstr(e.msg, want)) fail_msg("\"%s\", expected \"%s\"", e.msg, want);
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
        {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[[\"a\",\"a\"]]}}",
         "merge 1: \"aa\" or a half of it is not in the vocabulary"},
        {"{\"model\":{\"vocab\":{\"aa\":0,\"b\":1,\"aab\":2},\"merges\":[\"a ab\"]}}",
         "merge 1: \"aab\" or a half of it"},
        {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"byte_fallback\":tru}}",
         "byte_fallback: "},
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

/* Steps that would make a text more than a hundred times longer are refused, alone or together; the
 * largest that is allowed works. */
static void growth(void **state)
{
    (void)state;
    static const struct {
        int bytes, steps; /* each step: "a" becomes so many bytes */
        const char *why;  /* NULL = allowed */
    } rows[] = {
        {100, 1, NULL}, {101, 1, "normalizer: a replacement of 101 bytes"},
        {10, 2, NULL},  {11, 2, "normalizer: too many steps (2), or steps that blow up the text"},
        {1, 32, NULL},  {1, 33, "normalizer: too many steps (33), or steps that blow up the text"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *parts, to[102] = "";
        size_t n;
        memset(to, 'b', (size_t)rows[i].bytes);
        FILE *f = open_memstream(&parts, &n);
        fputs("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[", f);
        for (int k = 0; k < rows[i].steps; k++)
            fprintf(f, "%s{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"%s\"}",
                    k ? "," : "", to);
        fputs("]},", f);
        fclose(f);
        char *json = world_json(parts, "", "a", "[]");
        sp_err e = {0};
        sp_tok *t = open_json(json, &e);
        assert_int_equal(!t, !!rows[i].why);
        if (!t) assert_string_equal(e.msg, rows[i].why);
        sp_tok_close(t);
        free(json);
        free(parts);
    }
}

/* Two special tokens before the text and one after it; a Sequence of processors. */
static void sequence(void **state)
{
    (void)state;
    sp_tok *t = make(
        RAW "\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\"},"
            "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"B\"}},"
            "{\"SpecialToken\":{\"id\":\"E\"}},{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":"
            "{\"id\":\"E\"}}],\"special_tokens\":{\"B\":{\"ids\":[1]},\"E\":{\"ids\":[2]}}}]},",
        "", "a", "[]");
    check(t, "a", SP_TOK_SPECIAL, "<s>|</s>|a|</s>");
    sp_tok_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(template), cmocka_unit_test(sequence),
                                       cmocka_unit_test(refused), cmocka_unit_test(growth),
                                       cmocka_unit_test(damaged)};
    return cmocka_run_group_tests_name("tok_load_json", tests, make_temp, drop_temp);
}
