/* test_chat_golden.c - chat templates with the tokenizers of real models: the ids of a conversation
 * equal those of the whole text as the makers of the models write it, and the roles fall on the
 * right tokens.
 */
#include "tok_help.h"
#include "skip.h"

/* Pieces of ids[from..to) with role r, spaces shown as they decode; separate runs joined by "|".
 * Caller frees. */
static char *text_of_role(const sp_tok *t, const sp_ids *ids, const sp_ids *roles, int role)
{
    char *out = sp_xstrdup("");
    assert_int_equal(ids->n, roles->n);
    for (size_t i = 0, k; i < ids->n; i = k + (k == i)) {
        for (k = i; k < ids->n && roles->ids[k] == role; k++) {}
        if (k == i) continue;
        char *s = sp_tok_decode(t, ids->ids + i, k - i, false, NULL),
             *joined = sp_xasprintf("%s%s%s", out, *out ? "|" : "", s);
        free(s);
        free(out);
        out = joined;
    }
    return out;
}

static void check_roles(const sp_tok *t, const sp_ids *ids, const sp_ids *roles,
                        const char *question, const char *answer)
{
    char *q = text_of_role(t, ids, roles, 1), *a = text_of_role(t, ids, roles, 2);
    assert_string_equal(q, question);
    assert_string_equal(a, answer);
    free(q);
    free(a);
}

/* Encode the turns under template `which` and compare with the ids of `whole`, where special tokens
 * are written out. */
static void check_whole(const sp_tok *t, sp_template which, const sp_turn *turns, size_t n,
                        const char *whole, int flags, const char *question, const char *answer)
{
    sp_ids ids = {0}, roles = {0}, want = {0};
    sp_err e = {0};
    if (sp_chat_encode(t, which, turns, n, &ids, &roles, &e)) fail_msg("%s", e.msg);
    assert_int_equal(sp_tok_encode(t, whole, strlen(whole), flags, &want, &e), 0);
    if (ids.n != want.n || memcmp(ids.ids, want.ids, want.n * sizeof *want.ids)) {
        char *got = sp_tok_decode(t, ids.ids, ids.n, false, NULL);
        fail_msg("ids differ (%zu, expected %zu):\n%s\n%s", ids.n, want.n, got, whole);
    }
    check_roles(t, &ids, &roles, question, answer);
    sp_ids_free(&ids);
    sp_ids_free(&roles);
    sp_ids_free(&want);
}

static const sp_turn two[] = {
    {"user", "Hi there"}, {"assistant", "Hello, you.\nHow?"}, {"user", " Bye now\n"}};
static const sp_turn with_system[] = {
    {"system", "You are helpful."}, {"user", "Hi there"}, {"assistant", "Hello!"}};

static sp_tok *family(const char *name)
{
    if (!golden()) SKIP("no reference vectors");
    char *dir = model_dir(name);
    sp_tok *t = open_or_fail(dir);
    free(dir);
    return t;
}

static void llama2(void **state)
{
    (void)state;
    sp_tok *t = family("llama2");
    check_whole(t, SP_TMPL_LLAMA2, two, 3,
                "<s>[INST] Hi there [/INST] Hello, you.\nHow? </s><s>[INST] Bye now [/INST]", 0,
                "Hi there|Bye now", "Hello, you.\nHow? </s>");
    check_whole(t, SP_TMPL_LLAMA2, with_system, 3,
                "<s>[INST] <<SYS>>\nYou are helpful.\n<</SYS>>\n\nHi there [/INST] Hello! </s>", 0,
                "Hi there", "Hello! </s>");
    check_whole(t, SP_TMPL_LLAMA2, with_system, 2,
                "<s>[INST] <<SYS>>\nYou are helpful.\n<</SYS>>\n\nHi there [/INST]", 0, "Hi there",
                "");
    check_whole(t, SP_TMPL_PLAIN, two, 2, "Hi there Hello, you.\nHow?</s>", SP_TOK_SPECIAL,
                "Hi there", "Hello, you.\nHow?</s>");
    int32_t stops[4];
    assert_int_equal(sp_chat_stops(t, SP_TMPL_LLAMA2, stops, 4), 1);
    assert_int_equal(stops[0], 2);
    sp_tok_close(t);
}

static void mistral(void **state)
{
    (void)state;
    sp_tok *t = family("mistral");
    check_whole(t, SP_TMPL_MISTRAL, two, 3,
                "<s>[INST] Hi there [/INST] Hello, you.\nHow?</s>[INST] Bye now [/INST]", 0,
                "Hi there|Bye now", "Hello, you.\nHow?</s>");
    check_whole(t, SP_TMPL_MISTRAL, with_system, 3,
                "<s>[INST] You are helpful.\nHi there [/INST] Hello!</s>", 0, "Hi there",
                "Hello!</s>");
    sp_tok_close(t);
}

static void llama3(void **state)
{
    (void)state;
    sp_tok *t = family("llama3");
#define HEAD(r) "<|start_header_id|>" r "<|end_header_id|>\n\n"
    check_whole(
        t, SP_TMPL_LLAMA3, two, 3,
        "<|begin_of_text|>" HEAD("user") "Hi there<|eot_id|>" HEAD(
            "assistant") "Hello, you.\nHow?<|eot_id|>" HEAD("user") "Bye now<|eot_id|>" HEAD("assis"
                                                                                             "tan"
                                                                                             "t"),
        0, "Hi there|Bye now", "Hello, you.\nHow?<|eot_id|>");
    check_whole(t, SP_TMPL_LLAMA3, with_system, 3,
                "<|begin_of_text|>" HEAD("system") "You are helpful.<|eot_id|>" HEAD(
                    "user") "Hi there<|eot_id|>" HEAD("assistant") "Hello!<|eot_id|>",
                0, "Hi there", "Hello!<|eot_id|>");
    check_whole(t, SP_TMPL_PLAIN, two, 1, "Hi there", SP_TOK_SPECIAL, "Hi there", "");
    int32_t stops[4];
    assert_true(sp_chat_stops(t, SP_TMPL_LLAMA3, stops, 4) >= 1);
    assert_int_equal(stops[0], 128009);
    sp_tok_close(t);
}

/* Also with a tokenizer that does not declare the turn marks special: they are pieces all the same.
 */
static void gemma(void **state)
{
    (void)state;
    sp_tok *t = family("gemma");
    sp_ids ids = {0};
    sp_err e = {0};
    static const int32_t want[] = {2, 106, 1645, 108, 2151,
                                   /* the same text in the reference encodings */
                                   107, 108, 106, 2516, 108};
    assert_int_equal(sp_chat_encode(t, SP_TMPL_GEMMA, &(sp_turn){"user", "Hi"}, 1, &ids, NULL, &e),
                     0);
    assert_int_equal(ids.n, 10);
    assert_memory_equal(ids.ids, want, sizeof want);
    sp_ids_free(&ids);
    assert_int_equal(sp_chat_encode(t, SP_TMPL_GEMMA, with_system, 3, &ids, NULL, &e), -1);
    assert_string_equal(e.msg, "template gemma has no system turn");
    int32_t stops[4];
    assert_int_equal(sp_chat_stops(t, SP_TMPL_GEMMA, stops, 4), 2);
    assert_int_equal(stops[0], 107);
    assert_int_equal(stops[1], 1);
    sp_tok_close(t);
}

/* As in the instruction-tuned checkpoints, which declare the turn marks special. */
static void gemma_it(void **state)
{
    (void)state;
    if (!golden()) SKIP("no reference vectors");
    char *dir = model_dir("gemma");
    free(put_file("gemma", "tokenizer_config.json",
                  "{\"additional_special_tokens\":[\"<start_of_turn>\",\"<end_of_turn>\"]}"));
    sp_tok *t = open_or_fail(dir);
#define TURN(r, text) "<start_of_turn>" r "\n" text "<end_of_turn>\n"
    check_whole(t, SP_TMPL_GEMMA, two, 3,
                "<bos>" TURN("user", "Hi there") TURN("model", "Hello, you.\nHow?")
                    TURN("user", "Bye now") "<start_of_turn>model\n",
                0, "Hi there|Bye now", "Hello, you.\nHow?<end_of_turn>");
    sp_tok_close(t);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(llama2), cmocka_unit_test(mistral),
                                       cmocka_unit_test(llama3), cmocka_unit_test(gemma),
                                       cmocka_unit_test(gemma_it)};
    return cmocka_run_group_tests_name("chat_golden", tests, make_temp, drop_temp);
}
