/* test_rendered.c - conversations through a model's own template: the ids are those of the rendered
 * text encoded at once; which of them are the user's and the assistant's. */
#include "tok_help.h"

#include "text/rendered.h"

#define IM                                                                                       \
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}" \
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
#define INST                                                                                       \
    "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content|trim + " \
    "' [/INST]' }}{% else %}{{ ' ' + m.content|trim + ' ' + eos_token }}{% endif %}{% endfor %}"
#define THINK                                                                                      \
    "{% for m in messages %}{% set c = m.content.split('</think>')[-1]|trim %}{{ '<|im_start|>' "  \
    "+ "                                                                                           \
    "m.role + '\\n' + (c if m.role == 'user' or not loop.last else '<think>\\n</think>' + c) + "   \
    "'<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}" \
    "{% endif %}"
#define GENERATION                                                                                 \
    "{% for m in messages %}{{ m.role[0] + ':' }}{% if m.role == 'assistant' %}{% generation %}"   \
    "{{ m.content + eos_token }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor " \
    "%}"

static const char specials[] = "{\"id\":0,\"content\":\"<unk>\",\"special\":true},"
                               "{\"id\":1,\"content\":\"<s>\",\"special\":true},"
                               "{\"id\":2,\"content\":\"</s>\",\"special\":true},"
                               "{\"id\":262,\"content\":\"<|im_start|>\",\"special\":true},"
                               "{\"id\":263,\"content\":\"<|im_end|>\",\"special\":true}";

/* Every byte a token; but "ab" is one. */
static sp_tok *bytes_tok(void)
{
    sp_err e = {0};
    char *json =
        added_json("\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteFallback\"},"
                   "{\"type\":\"Fuse\"}]},",
                   "", "a b ab", "[\"a b\"]", specials);
    char *dir = put_file("rendered", "tokenizer.json", json);
    char *config = put_file("rendered", "tokenizer_config.json",
                            "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}");
    sp_tok *t = sp_tok_open(dir, &e);
    if (!t) fail_msg("%s", e.msg);
    free(config);
    free(dir);
    free(json);
    return t;
}

/* "0 text|1 text|...": the ids as text, cut where their role changes. */
static char *by_role(const sp_tok *t, const sp_ids *ids, const sp_ids *roles)
{
    char *out = sp_xstrdup("");
    for (size_t i = 0, k; i < ids->n; i = k) {
        for (k = i; k < ids->n && roles->ids[k] == roles->ids[i]; k++) {}
        char *text = sp_tok_decode(t, ids->ids + i, k - i, false, NULL), *old = out;
        out = sp_xasprintf("%s%s%d %s", old, i ? "|" : "", roles->ids[i], text);
        free(old);
        free(text);
    }
    return out;
}

static void expect(const sp_tok *t, const char *template, const sp_turn *turns, size_t n,
                   const char *want)
{
    sp_err e = {0};
    sp_ids ids = {0}, roles = {0}, whole = {0};
    sp_jinja *j = sp_jinja_parse(template, strlen(template), &e);
    if (!j) fail_msg("%s", e.msg);
    sp_renderer r = {j, t, "2024-07-26", false};
    int rc = sp_render_turns(&r, turns, n, &ids, &roles, &e);
    if (want[0] == '!') {
        assert_int_equal(rc, -1);
        assert_string_equal(e.msg, want + 1);
    } else {
        if (rc) fail_msg("%s", e.msg);
        assert_int_equal(ids.n, roles.n);
        char *got = by_role(t, &ids, &roles);
        assert_string_equal(got, want);
        char *text = sp_tok_decode(t, ids.ids, ids.n, false, NULL);
        assert_int_equal(sp_tok_encode(t, text, strlen(text), 0, &whole, &e), 0);
        assert_int_equal(whole.n, ids.n);
        assert_memory_equal(whole.ids, ids.ids, ids.n * sizeof *ids.ids);
        free(text);
        free(got);
    }
    sp_ids_free(&ids);
    sp_ids_free(&roles);
    sp_ids_free(&whole);
    sp_jinja_free(j);
}

static const sp_turn talk[] = {
    {"user", "Hi"}, {"assistant", "Yes"}, {"user", "So"}, {"assistant", "No"}};

static void roles_of_turns(void **state)
{
    sp_tok *t = *state;
    expect(t, IM, talk, 4,
           "0 <|im_start|>user\n|1 Hi|0 <|im_end|>\n<|im_start|>assistant\n|2 Yes<|im_end|>|0 \n"
           "<|im_start|>user\n|1 So|0 <|im_end|>\n<|im_start|>assistant\n|2 No<|im_end|>|0 \n");
    expect(t, IM, talk, 1, "0 <|im_start|>user\n|1 Hi|0 <|im_end|>\n<|im_start|>assistant\n");
    expect(t, INST, talk, 2, "0 <s>[INST]|1  Hi|0  [/INST]|2  Yes </s>");
    /* the template trims, and has spaces of its own */
    expect(t, INST, (sp_turn[]){{"user", "\nHi "}, {"assistant", " Hi\n"}, {"user", "\nHi "}}, 3,
           "0 <s>[INST]|1  Hi|0  [/INST]|2  Hi </s>|0 <s>[INST]|1  Hi|0  [/INST]");
    /* the same words in question and answer, and in the template */
    expect(
        t, IM, (sp_turn[]){{"user", "user"}, {"assistant", "user"}}, 2,
        "0 <|im_start|>user\n|1 user|0 <|im_end|>\n<|im_start|>assistant\n|2 user<|im_end|>|0 \n");
    expect(t, IM, (sp_turn[]){{"system", "Say Hi."}, {"user", "Hi"}, {"assistant", "Hi"}}, 3,
           "0 <|im_start|>system\nSay Hi.<|im_end|>\n<|im_start|>user\n|1 Hi|0 <|im_end|>\n"
           "<|im_start|>assistant\n|2 Hi<|im_end|>|0 \n");
}

static void answers_that_the_template_changes(void **state)
{
    sp_tok *t = *state;
    /* thoughts of earlier turns are dropped, those of the last belong to the answer */
    static const sp_turn turns[] = {{"user", "Hi"},
                                    {"assistant", "<think>\nx\n</think>Yes"},
                                    {"user", "So"},
                                    {"assistant", "<think>\ny\n</think>No"}};
    expect(t, THINK, turns, 4,
           "0 <|im_start|>user\n|1 Hi|0 <|im_end|>\n<|im_start|>assistant\n|2 Yes<|im_end|>|0 \n"
           "<|im_start|>user\n|1 So|0 <|im_end|>\n<|im_start|>assistant\n"
           "|2 <think>\n</think>No<|im_end|>|0 \n");
    expect(t, GENERATION, talk, 4, "0 u:|1 Hi|0 a:|2 Yes</s>|0 u:|1 So|0 a:|2 No</s>");
}

/* "ab" is one token: where a question ends in "a" and the template goes on with "b", the token has
 * the role of the question, in which it begins. */
static void tokens_over_a_cut(void **state)
{
    sp_tok *t = *state;
    expect(t, "{{ 'x' + messages[0].content + 'b' }}", &(sp_turn){"user", "za"}, 1, "0 x|1 zab");
}

static void refusals(void **state)
{
    sp_tok *t = *state;
    expect(t, "{{ raise_exception('no ' + messages[0].role) }}", talk, 1,
           "!chat template, line 1: the template refuses this conversation: no user");
    expect(t, "{{ messages|length }}{% for m in messages %}{{ m.content }}{% endfor %}", talk, 2,
           "!the chat template does not tell which text is the answer of turn 2");
    expect(t, IM, &(sp_turn){"user", "\xFF"}, 1, "!turn 1 is not valid UTF-8");
}

/* An answer alone: its ids, without the end token, and how many its text has. */
static void expect_answer(const sp_tok *t, const char *template, const char *text, const char *want,
                          size_t n_text)
{
    sp_err e = {0};
    sp_ids ids = {0};
    size_t n = 99;
    sp_jinja *j = sp_jinja_parse(template, strlen(template), &e);
    assert_non_null(j);
    sp_renderer r = {j, t, "2024-07-26", false};
    if (sp_render_answer(&r, text, &ids, &n, &e)) fail_msg("%s", e.msg);
    char *got = sp_tok_decode(t, ids.ids, ids.n, false, NULL);
    assert_string_equal(got, want);
    assert_int_equal(n, n_text);
    free(got);
    sp_ids_free(&ids);
    sp_jinja_free(j);
}

static void answers(void **state)
{
    sp_tok *t = *state;
    expect_answer(t, IM, "Yes", "Yes", 3);
    expect_answer(t, IM, "ab", "ab", 1);
    expect_answer(t, INST, " Yes\n", " Yes ", 4); /* the template's spaces around it */
    expect_answer(t, INST, " \n", "  ", 0);
    expect_answer(t, GENERATION, "Yes", "Yes", 3);
    expect_answer(t, THINK, "<think>x</think>Yes", "<think>\n</think>Yes", 19);
    sp_err e = {0};
    sp_ids ids = {0};
    size_t n;
    sp_jinja *j = sp_jinja_parse("{{ messages|length }}", 21, &e);
    sp_renderer r = {j, t, "2024-07-26", false};
    assert_int_equal(sp_render_answer(&r, "Yes", &ids, &n, &e), -1);
    assert_string_equal(e.msg,
                        "the chat template does not tell which text is the answer of turn 2");
    assert_int_equal(ids.n, 0);
    sp_jinja_free(j);
}

static void look(void **state)
{
    static const struct {
        const char *template;
        sp_render_traits want;
    } rows[] = {
        {IM, {.stop = 263, .has_system = true, .shows = true, .continues = true}},
        {INST, {.stop = 2, .has_system = true, .shows = true, .continues = true}},
        {"{{ 'fixed' }}", {.stop = -1}},
        {"{{ messages|length ~ messages[0].content }}",
         {.stop = -1, .has_system = true, .shows = true}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_err e = {0};
        sp_jinja *j = sp_jinja_parse(rows[i].template, strlen(rows[i].template), &e);
        assert_non_null(j);
        sp_renderer r = {j, *state, "2024-07-26", false};
        sp_render_traits got = sp_render_look(&r);
        assert_int_equal(got.stop, rows[i].want.stop);
        assert_int_equal(got.has_system, rows[i].want.has_system);
        assert_int_equal(got.shows, rows[i].want.shows);
        assert_int_equal(got.continues, rows[i].want.continues);
        sp_jinja_free(j);
    }
}

static int setup(void **state)
{
    assert_non_null(mkdtemp(temp));
    *state = bytes_tok();
    return 0;
}

static int teardown(void **state)
{
    sp_tok_close(*state);
    char *cmd = sp_xasprintf("rm -rf %s", temp);
    run_sh(cmd);
    free(cmd);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_of_turns),    cmocka_unit_test(answers_that_the_template_changes),
        cmocka_unit_test(tokens_over_a_cut), cmocka_unit_test(refusals),
        cmocka_unit_test(answers),           cmocka_unit_test(look),
    };
    return cmocka_run_group_tests_name("rendered", tests, setup, teardown);
}
