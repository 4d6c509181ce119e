/* test_tok_config.c - what tokenizer_config.json decides: the tokens around a text, what is
 * refused. */
#include "tok_help.h"

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
        {"\"tokenizer_class\":\"LlamaTokenizer\",\"add_bos_token\":true", "<s>|a"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ends_by_config),
                                       cmocka_unit_test(bad_config)};
    return cmocka_run_group_tests_name("tok_config", tests, make_temp, drop_temp);
}
