/* test_tok_golden.c - every line of the reference encodings must come out exactly: ids with and
 * without special tokens, text with and without them, and for LLaMA-2 the ids of sentencepiece.
 * Skipped where the goldens are not at hand.
 */
#include "tok_help.h"
#include "skip.h"

static void check_ids(const json_t *want, const sp_ids *got, const char *what, size_t line)
{
    bool same = json_array_size(want) == got->n;
    for (size_t i = 0; same && i < got->n; i++)
        same = json_integer_value(json_array_get(want, i)) == got->ids[i];
    if (same) return;
    for (size_t i = 0; i < got->n; i++) print_error("%d ", got->ids[i]);
    fail_msg("line %zu: %s differ", line, what);
}

static void check_encode(const sp_tok *t, const json_t *line, const char *key, int flags, size_t n)
{
    sp_ids ids = {0};
    sp_err e = {0};
    const json_t *text = json_object_get(line, "text"), *want = json_object_get(line, key);
    if (!want) return;
    assert_int_equal(
        sp_tok_encode(t, json_string_value(text), json_string_length(text), flags, &ids, &e), 0);
    check_ids(want, &ids, key, n);
    sp_ids_free(&ids);
}

static void check_decode(const sp_tok *t, const json_t *line, const char *from, const char *key,
                         bool skip, size_t n)
{
    const json_t *want = json_object_get(line, key), *v;
    sp_ids ids = {0};
    size_t i, len;
    json_array_foreach(json_object_get(line, from), i, v)
        sp_ids_push(&ids, (int32_t)json_integer_value(v));
    char *got = sp_tok_decode(t, ids.ids, ids.n, skip, &len);
    if (len != json_string_length(want) || memcmp(got, json_string_value(want), len))
        fail_msg("line %zu: %s: \"%s\"", n, key, got);
    free(got);
    sp_ids_free(&ids);
}

/* Check all lines of FAMILY.jsonl against the tokenizer in dir; returns how many. */
static size_t check_file(const char *dir, const char *family, int which)
{
    char *path = sp_xasprintf("%s/tokenizers/%s.jsonl", golden(), family), *text = NULL;
    sp_tok *t = open_or_fail(dir);
    FILE *f = fopen(path, "r");
    size_t n = 0, cap = 0;
    assert_non_null(f);
    while (getline(&text, &cap, f) > 0) {
        json_t *line = json_loads(text, JSON_ALLOW_NUL, NULL);
        assert_non_null(line);
        n++;
        if (which & 1) {
            check_encode(t, line, "ids", SP_TOK_SPECIAL, n);
            check_encode(t, line, "ids_no_special", 0, n);
            check_decode(t, line, "ids_no_special", "decoded", false, n);
            check_decode(t, line, "ids", "decoded_skip_special", true, n);
        }
        if (which & 2) check_encode(t, line, "sp_ids", SP_TOK_NO_LITERALS, n);
        json_decref(line);
    }
    free(text);
    free(path);
    fclose(f);
    sp_tok_close(t);
    return n;
}

static void check_family(const char *family, int which)
{
    if (!golden()) SKIP("no reference vectors");
    char *dir = model_dir(family);
    assert_int_equal(check_file(dir, family, which), 109);
    free(dir);
}

static void llama2(void **state) { (void)state, check_family("llama2", 3); }
static void llama3(void **state) { (void)state, check_family("llama3", 1); }
static void mistral(void **state) { (void)state, check_family("mistral", 1); }
static void gemma(void **state) { (void)state, check_family("gemma", 1); }

/* The instruction-tuned Gemma declares two more pieces special, in tokenizer_config.json. */
static void gemma_it(void **state)
{
    (void)state;
    if (!golden()) SKIP("no reference vectors");
    char *dir = model_dir("gemma");
    static const char *const config[] = {
        "{\"additional_special_tokens\":[\"<start_of_turn>\",\"<end_of_turn>\"]}",
        "{\"added_tokens_decoder\":{\"106\":{\"content\":\"<start_of_turn>\",\"special\":true},"
        "\"107\":{\"content\":"
        "\"<end_of_turn>\",\"special\":true}}}"};
    for (int i = 0; i < 2; i++) {
        char *path = sp_xasprintf("%s/tokenizer_config.json", dir);
        FILE *f = fopen(path, "w");
        fputs(config[i], f);
        fclose(f);
        free(path);
        assert_int_equal(check_file(dir, "gemma_it", 1), 10);
    }
    free(dir);
}

/* tokenizer.model alone must give the same as tokenizer.json. */
static void llama2_spm(void **state)
{
    (void)state;
    if (!golden()) SKIP("no reference vectors");
    char *dir = sp_xasprintf("%s/spm", temp);
    char *cmd = sp_xasprintf("mkdir -p '%s' && cp '%s/tokenizers/llama2/tokenizer.model' '%s/'",
                             dir, golden(), dir);
    run_sh(cmd);
    assert_int_equal(check_file(dir, "llama2", 3), 109);
    free(cmd);
    free(dir);
}

static void stories(void **state)
{
    (void)state;
    if (!golden()) SKIP("no reference vectors");
    char *dir = sp_xasprintf("%s/stories260K", golden()),
         *path = sp_xasprintf("%s/expected.json", dir);
    sp_tok *t = open_or_fail(dir);
    json_t *all = json_load_file(path, JSON_ALLOW_NUL, NULL), *c;
    size_t i;
    assert_int_equal(sp_tok_vocab(t), 512);
    assert_int_equal(sp_tok_bos(t), 1);
    assert_int_equal(sp_tok_eos(t), 2);
    assert_true(json_array_size(json_object_get(all, "cases")) > 0);
    json_array_foreach(json_object_get(all, "cases"), i, c)
    {
        json_object_set(c, "prompt_text", json_object_get(c, "text"));
        check_encode(t, c, "ids", 0, i);
        check_decode(t, c, "ids", "text", true, i);
        json_object_set(c, "text", json_object_get(c, "prompt"));
        check_encode(t, c, "prompt_ids", 0, i);
    }
    json_decref(all);
    sp_tok_close(t);
    free(path);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(llama2),    cmocka_unit_test(mistral),
                                       cmocka_unit_test(stories),   cmocka_unit_test(llama3),
                                       cmocka_unit_test(gemma),     cmocka_unit_test(gemma_it),
                                       cmocka_unit_test(llama2_spm)};
    return cmocka_run_group_tests_name("tok_golden", tests, make_temp, drop_temp);
}
