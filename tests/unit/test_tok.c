/* test_tok.c - opening a tokenizer from a directory or from memory, the tokens around a text, small
 * questions. What happens to a text in between has tests by module: test_tok_*.c. */
#include "tok_help.h"

static void directory(void **state)
{
    (void)state;
    char *json = world_json(RAW, "", "a b", "[]");
    char *dir = put_file("d", "tokenizer.json", json);
    free(put_file("d", "tokenizer.model", "not looked at"));
    free(put_file("d", "special_tokens_map.json", "{\"pad_token\":{\"content\":\"b\"}}"));
    free(put_file("d", "tokenizer_config.json", "{\"model_max_length\":1e30,\"eos_token\":\"a\"}"));
    sp_tok *t = open_or_fail(dir);
    assert_int_equal(sp_tok_eos(t), sp_tok_id(t, "a"));
    assert_int_equal(sp_tok_bos(t), -1);
    assert_true(sp_tok_is_special(t, sp_tok_id(t, "a")));
    assert_true(sp_tok_is_special(t, sp_tok_id(t, "b")));
    sp_tok_close(t);
    free(dir);
    free(json);
}

/* The file at fault is named. */
static void bad_directory(void **state)
{
    (void)state;
    static const struct {
        const char *dir, *name, *text, *why;
    } rows[] = {
        {"e1", "x", "", "%s/e1: neither tokenizer.json nor tokenizer.model"},
        {"e2", "tokenizer.json", "{}", "%s/e2/tokenizer.json: model: no vocab object"},
        {"e3", "tokenizer.model", "x",
         "%s/e3/tokenizer.model: not a sentencepiece model, or damaged"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *dir = put_file(rows[i].dir, rows[i].name, rows[i].text), want[200];
        sp_err e = {0};
        snprintf(want, sizeof want, rows[i].why, temp);
        assert_null(sp_tok_open(dir, &e));
        assert_int_equal(e.code, SP_EINPUT);
        assert_string_equal(e.msg, want);
        free(dir);
    }
    char *dir = sp_xasprintf("%s/e4/tokenizer.json", temp);
    free(put_file("e4", "x", ""));
    assert_int_equal(mkdir(dir, 0777), 0);
    dir[strlen(dir) - strlen("/tokenizer.json")] = 0;
    sp_err e = {0};
    assert_null(sp_tok_open(dir, &e));
    assert_int_equal(e.code, SP_EINPUT);
    assert_non_null(strstr(e.msg, "/e4/tokenizer.json: Is a directory"));
    free(dir);
}

static void memory(void **state)
{
    (void)state;
    char *json = world_json(RAW, "", "a b", "[]");
    json_t *config = json_loads("{\"bos_token\":\"a\",\"tokenizer_class\":\"LlamaTokenizer\","
                                "\"add_bos_token\":true}",
                                0, NULL);
    sp_err e = {0};
    sp_tok *t = sp_tok_from_json(json, strlen(json), config, &e);
    if (!t) fail_msg("%s", e.msg);
    check(t, "b", SP_TOK_SPECIAL, "a|b");
    check(t, "b", 0, "b");
    sp_tok_close(t);
    free(json);
    json_decref(config);
    config = json_loads("{\"added_tokens_decoder\":{\"x\":{}}}", 0, NULL);
    json = world_json(RAW, "", "a b", "[]");
    assert_null(sp_tok_from_json(json, strlen(json), config, &e));
    assert_string_equal(e.msg, "added_tokens_decoder: \"x\" is not an id");
    free(json);
    json_decref(config);
}

static void questions(void **state)
{
    (void)state;
    sp_tok *t = world();
    assert_int_equal(sp_tok_vocab(t), 269);
    assert_int_equal(sp_tok_id(t, "<s>"), 1);
    assert_int_equal(sp_tok_id(t, "▁how"), 259);
    assert_int_equal(sp_tok_id(t, "how"), -1);
    assert_int_equal(sp_tok_bos(t), 1);
    assert_int_equal(sp_tok_eos(t), 2);
    assert_true(sp_tok_is_special(t, 2));
    assert_false(sp_tok_is_special(t, 3));
    assert_false(sp_tok_is_special(t, 269));
    assert_false(sp_tok_is_special(t, -1));
    assert_true(sp_tok_is_added(t, 2));
    assert_false(sp_tok_is_added(t, 269));
    assert_false(sp_tok_is_added(t, -1));
    sp_tok_close(t);
    sp_tok_close(NULL);
}

/* A text that brings the special tokens itself does not get them twice. */
static void special_once(void **state)
{
    (void)state;
    sp_err e = {0};
    char *json = world_json(RAW, "", "a b", "[]");
    json_t *config = json_loads("{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"tokenizer_class\":"
                                "\"LlamaTokenizer\",\"add_bos_token\":true,\"add_eos_token\":true}",
                                0, NULL);
    sp_tok *t = sp_tok_from_json(json, strlen(json), config, &e);
    if (!t) fail_msg("%s", e.msg);
    const int once = SP_TOK_SPECIAL | SP_TOK_ONCE;
    check(t, "a", once, "<s>|a|</s>");
    check(t, "<s>a</s>", once, "<s>|a|</s>");
    check(t, "<s>a", once, "<s>|a|</s>");
    check(t, "a</s>", once, "<s>|a|</s>");
    check(t, "a<s>b</s>a", once, "<s>|a|<s>|b|</s>|a|</s>"); /* in the middle they stay */
    check(t, "<s>", once, "<s>|</s>");
    check(t, "", once, "<s>|</s>");
    check(t, "<s>a</s>", SP_TOK_SPECIAL, "<s>|<s>|a|</s>|</s>");
    check(t, "<s>a</s>", SP_TOK_ONCE, "<s>|a|</s>");
    sp_ids ids = {0};
    sp_ids_push(&ids, 1); /* what is there already does not count */
    assert_int_equal(sp_tok_encode(t, "a", 1, once, &ids, &e), 0);
    assert_int_equal(ids.n, 4);
    assert_int_equal(ids.ids[1], 1);
    sp_ids_free(&ids);
    sp_tok_close(t);
    free(json);
    json_decref(config);
}

/* A text that is too long is refused before anything is pushed. */
static void too_long(void **state)
{
    (void)state;
    sp_tok *t = world();
    sp_ids ids = {0};
    sp_err e = {0};
    assert_int_equal(sp_tok_encode(t, "", (1u << 29) + 1, SP_TOK_SPECIAL, &ids, &e), -1);
    assert_string_equal(e.msg, "a text of more than 512 MiB");
    assert_int_equal(ids.n, 0);
    sp_tok_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directory), cmocka_unit_test(bad_directory), cmocka_unit_test(memory),
        cmocka_unit_test(questions), cmocka_unit_test(special_once),  cmocka_unit_test(too_long)};
    return cmocka_run_group_tests_name("tok", tests, make_temp, drop_temp);
}
