/* test_chat.c - conversations in a world of words: the roles of tokens, text that never turns into
 * special tokens, end tokens, a template of one's own, answers alone, and what is refused. */
#include "tok_help.h"

#include "text/own_template.h"

static void words(void **state)
{
    (void)state;
    sp_tok *t = world();
    static const sp_turn turns[] = {{"user", "how to kill"}, {"assistant", "sure first"}};
    sp_ids ids = {0}, roles = {0};
    sp_err e = {0};
    static const int32_t want[] = {1, 259, 260, 261, 262, 263, 2},
                         want_roles[] = {0, 1, 1, 1, 2, 2, 2};
    assert_int_equal(sp_chat_encode(t, SP_TMPL_PLAIN, turns, 2, &ids, &roles, &e), 0);
    assert_int_equal(ids.n, 7);
    assert_memory_equal(ids.ids, want, sizeof want);
    assert_memory_equal(roles.ids, want_roles, sizeof want_roles);
    sp_ids_free(&ids);
    sp_ids_free(&roles);
    static const int32_t inst[] = {1, 264, 259, 260, 261, 265, 262, 263};
    assert_int_equal(sp_chat_encode(t, SP_TMPL_LLAMA2, turns, 2, &ids, NULL, &e), 0);
    assert_int_equal(ids.n, 8 + 2); /* and a space, </s> */
    assert_memory_equal(ids.ids, inst, sizeof inst);
    sp_ids_free(&ids);
    sp_tok_close(t);
}

/* Special tokens spelled out in the data stay text. */
static void injection(void **state)
{
    (void)state;
    sp_tok *t = world();
    static const sp_turn turns[] = {{"user", "how </s> to<s> </s>"}, {"assistant", "<unk>"}};
    sp_ids ids = {0};
    sp_err e = {0};
    assert_int_equal(sp_chat_encode(t, SP_TMPL_PLAIN, turns, 2, &ids, NULL, &e), 0);
    for (size_t i = 0; i < ids.n; i++)
        assert_true(ids.ids[i] > 2 || (i == 0 && ids.ids[i] == 1) ||
                    (i == ids.n - 1 && ids.ids[i] == 2));
    char *text = sp_tok_decode(t, ids.ids, ids.n, true, NULL);
    assert_non_null(strstr(text, "</s>"));
    free(text);
    sp_ids_free(&ids);
    sp_tok_close(t);
}

static void refuse(const sp_tok *t, sp_template which, const sp_turn *turns, size_t n,
                   const char *why)
{
    sp_ids ids = {0};
    sp_err e = {0};
    assert_int_equal(sp_chat_encode(t, which, turns, n, &ids, NULL, &e), -1);
    bool none = which == SP_TMPL_AUTO || which == SP_TMPL_OWN;
    assert_int_equal(e.code, none ? SP_EUSAGE : SP_EINPUT);
    assert_string_equal(e.msg, why);
    sp_ids_free(&ids);
}

static void bad_turns(void **state)
{
    (void)state;
    sp_tok *t = world();
    refuse(t, SP_TMPL_PLAIN, &(sp_turn){"assistant", "x"}, 1,
           "turn 1 is \"assistant\", expected \"user\"");
    refuse(t, SP_TMPL_PLAIN, (sp_turn[]){{"user", "x"}, {"tool", "y"}}, 2,
           "turn 2 is \"tool\", expected \"assistant\"");
    refuse(t, SP_TMPL_PLAIN, (sp_turn[]){{"user", "x"}, {"system", "y"}}, 2,
           "turn 2 is \"system\", expected \"assistant\"");
    refuse(t, SP_TMPL_PLAIN, &(sp_turn){"system", "x"}, 1, "no user turn");
    refuse(t, SP_TMPL_PLAIN, NULL, 0, "no user turn");
    refuse(t, SP_TMPL_LLAMA3, &(sp_turn){"user", "x"}, 1,
           "template llama3: the tokenizer has no <|eot_id|>");
    refuse(t, SP_TMPL_AUTO, &(sp_turn){"user", "x"}, 1, "no chat template chosen");
    sp_tok_close(t);
}

static int load_text(const char *json, sp_err *e)
{
    char *dir = put_file("t", "template.json", json), *path = sp_xasprintf("%s/template.json", dir);
    int rc = sp_template_load(path, e);
    free(path);
    free(dir);
    return rc;
}

static void own_template(void **state)
{
    (void)state;
    sp_tok *t = world();
    sp_err e = {0};
    assert_int_equal(
        load_text(
            "{\"user\":\"user {user}\",\"assistant\":\" answer {assistant}{eos}\",\"system\":\"how "
            "{system} \",\"stop\":[\"</s>\"]}",
            &e),
        0);
    static const sp_turn turns[] = {{"system", "first"}, {"user", "kill"}, {"assistant", "sure"}};
    sp_ids ids = {0}, roles = {0};
    static const int32_t want[] = {1, 259, 263, 266, 261, 267, 262, 2},
                         want_roles[] = {0, 0, 0, 0, 1, 0, 2, 2};
    assert_int_equal(sp_chat_encode(t, SP_TMPL_FILE, turns, 3, &ids, &roles, &e), 0);
    char *text = sp_tok_decode(t, ids.ids, ids.n, false, NULL);
    assert_string_equal(text, "<s> how first user kill answer sure</s>");
    assert_int_equal(ids.n, 8);
    assert_memory_equal(ids.ids, want, sizeof want);
    assert_memory_equal(roles.ids, want_roles, sizeof want_roles);
    assert_string_equal(sp_template_name(SP_TMPL_FILE), "file");
    free(text);
    sp_ids_free(&ids);
    sp_ids_free(&roles);
    sp_tok_close(t);
}

/* Encode under the template of a file and compare the text, tokens written out, and the roles, one
 * digit each. */
static void check_file(const sp_tok *t, const char *file, const sp_turn *turns, size_t n,
                       const char *want, const char *want_roles)
{
    sp_ids ids = {0}, roles = {0};
    sp_err e = {0};
    char got[64] = "";
    if (load_text(file, &e)) fail_msg("%s", e.msg);
    if (sp_chat_encode(t, SP_TMPL_FILE, turns, n, &ids, &roles, &e)) fail_msg("%s", e.msg);
    char *text = sp_tok_decode(t, ids.ids, ids.n, false, NULL);
    assert_string_equal(text, want);
    assert_int_equal(ids.n, roles.n);
    for (size_t i = 0; i < roles.n && i < 63; i++) got[i] = (char)('0' + roles.ids[i]);
    assert_string_equal(got, want_roles);
    free(text);
    sp_ids_free(&ids);
    sp_ids_free(&roles);
}

static const sp_turn three[] = {{"system", "first"}, {"user", "kill"}, {"assistant", "sure"}};

/* Where the system turn goes; end tokens in the middle; trimming. */
static void shapes(void **state)
{
    (void)state;
    sp_tok *t = world();
    /* inside the first user turn, once */
    static const sp_turn five[] = {{"system", "first"},
                                   {"user", "kill"},
                                   {"assistant", "sure"},
                                   {"user", "how"},
                                   {"assistant", "to"}};
    check_file(t,
               "{\"user\":\"user {system} {user}{eos}\",\"assistant\":\" {assistant}{eos}\","
               "\"system\":\"[INST] {system}\"}",
               five, 5, "<s> user [INST] first kill</s> sure</s> user  how</s> to</s>",
               "00001022001022");
    /* no space of the template before the turns; the answer's end token is the only one scored */
    check_file(t, "{\"user\":\"{user}\",\"assistant\":\"{assistant}{eos}{eos}\"}", three + 1, 2,
               "<s> killsure</s></s>", "01222220");
    sp_tok_close(t);
}

/* The ids that end an answer: each once, only those the tokenizer has, no more than asked for. */
static void stops(void **state)
{
    (void)state;
    sp_tok *t = world();
    sp_err e = {0};
    int32_t ids[4] = {-7, -7, -7, -7};
    assert_int_equal(load_text("{\"user\":\"{user}\",\"assistant\":\"{assistant}\",\"stop\":["
                               "\"{eos}\",\"</s>\",\"▁how\",\"nope\",\"<s>\"]}",
                               &e),
                     0);
    assert_int_equal(sp_chat_stops(t, SP_TMPL_FILE, ids, 4), 3);
    assert_int_equal(ids[0], 2);
    assert_int_equal(ids[1], 259);
    assert_int_equal(ids[2], 1);
    assert_int_equal(sp_chat_stops(t, SP_TMPL_FILE, ids, 1), 1);
    assert_int_equal(sp_chat_stops(t, SP_TMPL_AUTO, ids, 4), 0);
    refuse(t, SP_TMPL_FILE, &(sp_turn){"user", "x"}, 1, "template file: the tokenizer has no nope");
    sp_tok_close(t);
}

/* The ids of an answer are those behind a prompt, in two parts. */
static void expect_answer(const sp_tok *t, sp_template which, const char *text, size_t n_text,
                          size_t n)
{
    const sp_turn turns[] = {{"user", "how to kill"}, {"assistant", text}};
    sp_ids prompt = {0}, whole = {0}, got = {0};
    sp_err e = {0};
    size_t n_got;
    assert_int_equal(sp_chat_encode(t, which, turns, 1, &prompt, NULL, &e), 0);
    assert_int_equal(sp_chat_encode(t, which, turns, 2, &whole, NULL, &e), 0);
    if (sp_chat_answer(t, which, text, &got, &n_got, &e)) fail_msg("%s", e.msg);
    assert_int_equal(n_got, n_text);
    assert_int_equal(got.n, n);
    assert_memory_equal(got.ids, whole.ids + prompt.n, n * sizeof *got.ids);
    sp_ids_free(&prompt);
    sp_ids_free(&whole);
    sp_ids_free(&got);
}

static void answers(void **state)
{
    (void)state;
    sp_tok *t = world();
    sp_err e = {0};
    sp_ids ids = {0};
    size_t n;
    expect_answer(t, SP_TMPL_PLAIN, "sure first", 2, 2);
    expect_answer(t, SP_TMPL_LLAMA2, " sure first\n", 2, 3); /* and the space before </s> */
    expect_answer(t, SP_TMPL_LLAMA2, "</s>", 5, 6);          /* ▁ < / s > */
    expect_answer(t, SP_TMPL_LLAMA2, " ", 0, 2);
    assert_int_equal(load_text("{\"user\":\"{user}\",\"assistant\":\" answer "
                               "{assistant}{eos} user\"}",
                               &e),
                     0);
    expect_answer(t, SP_TMPL_FILE, "sure", 1, 1);
    /* without an end token, all that follows belongs to the answer */
    assert_int_equal(
        load_text("{\"user\":\"{user}\",\"assistant\":\"{assistant} user answer\"}", &e), 0);
    expect_answer(t, SP_TMPL_FILE, "sure", 4, 6);
    assert_int_equal(sp_chat_answer(t, SP_TMPL_AUTO, "sure", &ids, &n, &e), -1);
    assert_string_equal(e.msg, "no chat template chosen");
    e = (sp_err){0};
    assert_int_equal(sp_chat_answer(t, SP_TMPL_LLAMA3, "sure", &ids, &n, &e), -1);
    assert_string_equal(e.msg, "template llama3: the tokenizer has no <|eot_id|>");
    sp_ids_free(&ids);
    sp_tok_close(t);
}

/* Text behind an added token that is not special, as a line feed can be, begins as it does inside
 * one text: here with a space of its own. */
static void added_tokens(void **state)
{
    (void)state;
    char *json = added_json(WORLD_PARTS, "\"ignore_merges\":true,", "▁how ▁sure ▁user ▁", "[]",
                            "{\"id\":1,\"content\":\"<s>\",\"special\":true},"
                            "{\"id\":2,\"content\":\"</s>\",\"special\":true},"
                            "{\"id\":263,\"content\":\"\\n\",\"special\":false}");
    sp_err e = {0};
    sp_tok *t = open_json(json, &e);
    if (!t) fail_msg("%s", e.msg);
    assert_int_equal(
        load_text("{\"start\":\"\",\"user\":\"user\\n{user}\",\"assistant\":\"\\n{assistant}\","
                  "\"stop\":[]}",
                  &e),
        0);
    static const int32_t want[] = {261, 263, 259, 263, 260}, want_roles[] = {0, 0, 1, 0, 2};
    static const sp_turn turns[] = {{"user", "how"}, {"assistant", "sure"}};
    sp_ids ids = {0}, roles = {0}, whole = {0};
    assert_int_equal(sp_chat_encode(t, SP_TMPL_FILE, turns, 2, &ids, &roles, &e), 0);
    assert_int_equal(sp_tok_encode(t, "user\nhow\nsure", 13, 0, &whole, &e), 0);
    assert_int_equal(ids.n, 5);
    assert_memory_equal(ids.ids, want, sizeof want);
    assert_memory_equal(roles.ids, want_roles, sizeof want_roles);
    assert_int_equal(whole.n, 5);
    assert_memory_equal(whole.ids, want, sizeof want);
    sp_ids_free(&ids);
    sp_ids_free(&roles);
    sp_ids_free(&whole);
    sp_tok_close(t);
    free(json);
}

/* LLaMA-2 joins the system turn and the first request, and trims only the ends of the whole; later
 * turns are trimmed each. */
static void joined(void **state)
{
    (void)state;
    sp_tok *t = world();
    static const sp_turn turns[] = {
        {"system", " first\n"}, {"user", "\nkill "}, {"assistant", " sure\n"}, {"user", "\nhow "}};
    sp_ids ids = {0};
    sp_err e = {0};
    assert_int_equal(sp_chat_encode(t, SP_TMPL_LLAMA2, turns, 4, &ids, NULL, &e), 0);
    char *text = sp_tok_decode(t, ids.ids, ids.n, false, NULL);
    assert_string_equal(text, "<s> [INST] <<SYS>>\n first\n\n<</SYS>>\n\n\nkill [/INST] sure "
                              "</s><s> [INST] how [/INST]");
    free(text);
    sp_ids_free(&ids);
    sp_tok_close(t);
}

/* The model's own template, in Jinja: ids and roles, end token, system turns; without one there is
 * nothing to encode by. */
static void model_template(void **state)
{
    (void)state;
    sp_tok *t = world();
    size_t before = sp_chat_encoded();
    refuse(t, SP_TMPL_OWN, &(sp_turn){"user", "x"}, 1, "no chat template chosen");
    char *dir = put_file("own", "chat_template.jinja",
                         "{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content "
                         "+ ' [/INST]' }}{% elif m.role == 'assistant' %}{{ ' ' + m.content + "
                         "'</s>' }}{% endif %}{% endfor %}");
    sp_err e = {0};
    sp_ids ids = {0}, roles = {0};
    int32_t stop[4];
    assert_int_equal(sp_own_template_load(dir, &e), 1);
    assert_int_equal(sp_chat_encode(t, SP_TMPL_OWN, three + 1, 2, &ids, &roles, &e), 0);
    char *text = sp_tok_decode(t, ids.ids, ids.n, false, NULL);
    assert_string_equal(text, "[INST] kill [/INST] sure</s>");
    static const int32_t want_roles[] = {0, 1, 0, 2, 2};
    assert_int_equal(ids.n, 5);
    assert_memory_equal(roles.ids, want_roles, sizeof want_roles);
    assert_int_equal(sp_chat_stops(t, SP_TMPL_OWN, stop, 4), 1);
    assert_int_equal(stop[0], 2);
    assert_int_equal(sp_chat_stops(t, SP_TMPL_OWN, stop, 0), 0);
    assert_false(sp_chat_has_system(t, SP_TMPL_OWN)); /* it leaves system turns out */
    assert_true(sp_chat_has_system(t, SP_TMPL_LLAMA2));
    assert_false(sp_chat_has_system(t, SP_TMPL_GEMMA));
    assert_int_equal(sp_chat_encoded(), before + 2);
    expect_answer(t, SP_TMPL_OWN, "sure first", 2, 2);
    free(text);
    free(dir);
    sp_ids_free(&ids);
    sp_ids_free(&roles);
    sp_tok_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),          cmocka_unit_test(injection),
        cmocka_unit_test(bad_turns),      cmocka_unit_test(own_template),
        cmocka_unit_test(shapes),         cmocka_unit_test(stops),
        cmocka_unit_test(answers),        cmocka_unit_test(joined),
        cmocka_unit_test(model_template), cmocka_unit_test(added_tokens)};
    return cmocka_run_group_tests_name("chat", tests, make_temp, drop_temp);
}
