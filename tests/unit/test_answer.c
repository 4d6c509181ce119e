/* test_answer.c - prompts out of JSON lines, answers into them: order, system texts, what is added,
 * what is refused. On the reference model stories260K. */
#include "engine/checkpoint.h"
#include "eval/answer.h"
#include "files.h"
#include "skip.h"
#include "text/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sp_model *model;
static sp_tok *tok;

static int open_reference(void **state)
{
    (void)state;
    const char *golden = getenv("SP_GOLDEN");
    char *dir = sp_xasprintf("%s/stories260K", golden ? golden : "../shared/golden");
    sp_err e = {0};
    if (access(dir, R_OK) == 0) {
        model = sp_model_open(dir, NULL, &e);
        tok = sp_tok_open(dir, &e);
    }
    free(dir);
    return e.code ? -1 : 0;
}

static int close_reference(void **state)
{
    (void)state;
    sp_model_close(model);
    if (tok) sp_tok_close(tok);
    return 0;
}

static sp_answers empty(void)
{
    if (!model) SKIP("no reference vectors");
    return (sp_answers){.m = model, .tok = tok, .tmpl = SP_TMPL_LLAMA2};
}

static int add(sp_answers *a, const char *json, sp_err *e)
{
    *e = (sp_err){0};
    json_t *obj = json_loads(json, 0, NULL);
    assert_non_null(obj);
    int rc = sp_answers_add(a, obj, e);
    if (rc < 0) json_decref(obj);
    return rc;
}

/* The lines written for all that was added. */
static json_t *run(sp_answers *a, const sp_generate_opt *o)
{
    sp_err e = {0};
    json_t *lines = json_array();
    char line[4096];
    FILE *f = tmpfile();
    int rc = sp_answers_run(a, o, f, &e);
    if (e.code) fail_msg("%s", e.msg);
    assert_int_equal(rc, 0);
    rewind(f);
    while (fgets(line, sizeof line, f)) json_array_append_new(lines, json_loads(line, 0, NULL));
    fclose(f);
    return lines;
}

static const sp_generate_opt plain = {.max_new = 6, .batch = 2, .prefill = 16};

static char *prompt_number(int i)
{
    static char prompt[200];
    snprintf(prompt, sizeof prompt, "{\"text\":\"%.*s\",\"number\":%d}", 3 + i * 37 % 60,
             "Once upon a time there was a little girl who went to the park with", i);
    return prompt;
}

/* Prompts whose answers end at different times, on two slots: lines come in the order of prompts,
 * each with the answer that its prompt has alone. */
static void in_the_order_of_prompts(void **state)
{
    (void)state;
    static const char *const keys[] = {"text",   "number", "response", "ids",
                                       "finish", "tokens", "seconds"};
    const char *const stop[] = {"e", "a"};
    sp_generate_opt o = plain;
    o.max_new = 12;
    o.ending = (sp_ending){.stop = stop, .n_stop = 2, .tok = tok};
    sp_answers a = empty();
    sp_err e;
    int lengths[13] = {0}, distinct = 0;
    for (int i = 0; i < 9; i++) assert_int_equal(add(&a, prompt_number(i), &e), 0);
    json_t *lines = run(&a, &o);
    assert_int_equal(json_array_size(lines), 9);
    for (int i = 0; i < 9; i++) {
        json_t *got = json_array_get(lines, (size_t)i);
        size_t k = 0;
        for (void *it = json_object_iter(got); it; it = json_object_iter_next(got, it))
            assert_string_equal(json_object_iter_key(it), keys[k++]);
        assert_int_equal(k, 7);
        sp_answers one = empty();
        assert_int_equal(add(&one, prompt_number(i), &e), 0);
        json_t *alone = run(&one, &o), *want = json_array_get(alone, 0);
        json_object_del(want, "seconds");
        json_object_del(got, "seconds");
        assert_true(json_equal(got, want));
        int64_t tokens = json_integer_value(json_object_get(got, "tokens"));
        assert_int_equal(json_array_size(json_object_get(got, "ids")), tokens);
        distinct += !lengths[tokens]++;
        json_decref(alone);
    }
    assert_true(distinct >= 3);
    json_decref(lines);
}

/* The text of an answer ends before the stop text; its ids go on to the token that completed it. */
static void cut_before_the_stop_text(void **state)
{
    (void)state;
    sp_answers a = empty();
    sp_err e;
    const char *const stop[] = {" "};
    sp_generate_opt o = plain;
    o.ending = (sp_ending){.stop = stop, .n_stop = 1, .tok = tok};
    o.max_new = 40;
    assert_int_equal(add(&a, "{\"text\":\"Once upon a time, there was a little girl\"}", &e), 0);
    json_t *lines = run(&a, &o), *got = json_array_get(lines, 0);
    assert_string_equal(json_string_value(json_object_get(got, "finish")), "stop");
    assert_null(strchr(json_string_value(json_object_get(got, "response")), ' '));
    json_decref(lines);
}

/* The ids of a prompt, as the template's encoding of these turns. */
static void same_ids(const sp_answers *a, size_t i, const sp_turn *turns, size_t n)
{
    sp_ids want = {0};
    sp_err e = {0};
    assert_int_equal(sp_chat_encode(tok, a->tmpl, turns, n, &want, NULL, &e), 0);
    assert_int_equal(a->items[i].n_prompt, want.n);
    assert_memory_equal(a->items[i].prompt, want.ids, want.n * sizeof *want.ids);
    sp_ids_free(&want);
}

static void where_a_system_text_goes(void **state)
{
    (void)state;
    sp_answers a = empty();
    sp_err e;
    a.system[0] = "Be kind.";
    assert_int_equal(add(&a, "{\"prompt\":\"Hi\"}", &e), 0);
    assert_int_equal(add(&a, "{\"prompt\":\"Hi\",\"system\":\"Be short.\"}", &e), 0);
    same_ids(&a, 0, (sp_turn[]){{"system", "Be kind."}, {"user", "Hi"}}, 2);
    same_ids(&a, 1, (sp_turn[]){{"system", "Be kind.\n\nBe short."}, {"user", "Hi"}}, 2);
    const char *form = "{\"user\":\"Q: {user}\\n\",\"assistant\":\"A: {assistant}{eos}\"}";
    put_file("form.json", form, strlen(form));
    assert_int_equal(sp_template_load("form.json", &e), 0);
    a.tmpl = SP_TMPL_FILE; /* has no system turn */
    assert_int_equal(add(&a, "{\"prompt\":\"Hi\"}", &e), 0);
    same_ids(&a, 2, (sp_turn[]){{"user", "Be kind.\n\nHi"}}, 1);
    assert_int_equal(add(&a, "{\"text\":\"Hi\"}", &e), 0);
    sp_ids want = {0};
    const char *text = "Be kind.\n\nHi";
    assert_int_equal(sp_tok_encode(tok, text, strlen(text), SP_TOK_SPECIAL, &want, &e), 0);
    assert_int_equal(a.items[3].n_prompt, want.n);
    assert_memory_equal(a.items[3].prompt, want.ids, want.n * sizeof *want.ids);
    sp_ids_free(&want);
    assert_int_equal(add(&a, "{\"input_ids\":[1,2]}", &e), -1);
    assert_true(strstr(e.msg, "cannot be put before \"input_ids\"") != NULL);
    json_decref(run(&a, &plain));
}

/* A second context with a prompt of its own. */
static void two_prompts(void **state)
{
    (void)state;
    sp_answers a = empty();
    sp_err e;
    a.tmpl = SP_TMPL_LLAMA2;
    a.system[0] = "Be kind.", a.two_prompts = true;
    assert_int_equal(add(&a, "{\"prompt\":\"Hi\"}", &e), 0);
    assert_true(a.items[0].other && a.items[0].n_other < a.items[0].n_prompt);
    sp_generate_opt o = plain;
    o.contrast = (sp_contrast){.kind = SP_SELF_CD, .strength = 0};
    json_t *lines = run(&a, &o);
    assert_int_equal(json_array_size(lines), 1);
    json_decref(lines);
}

/* A tokenizer with the ids of the model's own, whose piece of id i is piece[i], "." where that is
 * NULL. */
static sp_tok *tok_of(const char *const *piece, size_t n)
{
    char *json = NULL;
    size_t size;
    sp_err e = {0};
    FILE *f = open_memstream(&json, &size);
    fputs("{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"BPE\",\"vocab\":{", f);
    for (size_t i = 0; i < n; i++) {
        if (piece[i]) fprintf(f, "%s\"%s\":%zu", i ? "," : "", piece[i], i);
        else fprintf(f, "%s\"(%zu)\":%zu", i ? "," : "", i, i);
    }
    fputs("},\"merges\":[]}}", f);
    fclose(f);
    sp_tok *t = sp_tok_from_json(json, size, NULL, &e);
    if (!t) fail_msg("%s", e.msg);
    free(json);
    return t;
}

/* What comes up to "</think>" is no part of the response. The model knows no such word, so the
 * tokenizer gives its tokens other texts: of the first five of the answer, a to e. */
static void thoughts(void **state)
{
    (void)state;
    sp_answers a = empty();
    sp_err e;
    sp_generate_opt o = plain;
    o.max_new = 5;
    static const char prompt[] = "{\"input_ids\":[1,403,407,261,378]}";
    assert_int_equal(add(&a, prompt, &e), 0);
    json_t *first = run(&a, &o), *ids = json_object_get(json_array_get(first, 0), "ids");
    assert_int_equal(json_array_size(ids), 5);
    static const struct {
        const char *piece[5], *thinking, *response;
    } rows[] = {
        {{"a", "b", "c", "d", "e"}, NULL, "abcde"},
        {{"<think>", "b", "</think>\\n\\n", "d", "e"}, "<think>b</think>\n\n", "de"},
        {{" <think>", "b", "c", "d", " </think>"}, " <think>bcd </think>", ""},
        {{"a", "b", "</think>", " d", "e"}, "ab</think> ", "de"},  /* opened by the template */
        {{"\\n<think>", "b", "c", "d", "e"}, "\n<think>bcde", ""}, /* cut short */
        {{"a", "<think>", "c", "d", "e"}, NULL, "a<think>cde"},
        {{"a", "b", "c", "d", "<thin"}, NULL, "abcd<thin"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *piece[512] = {NULL};
        for (size_t k = 0; k < 5; k++)
            piece[json_integer_value(json_array_get(ids, k))] = rows[i].piece[k];
        sp_answers b = empty();
        sp_tok *other = tok_of(piece, 512);
        b.tok = other;
        assert_int_equal(add(&b, prompt, &e), 0);
        json_t *lines = run(&b, &o), *got = json_array_get(lines, 0),
               *t = json_object_get(got, "thinking");
        assert_string_equal(json_string_value(json_object_get(got, "response")), rows[i].response);
        assert_int_equal(t != NULL, rows[i].thinking != NULL);
        if (t) assert_string_equal(json_string_value(t), rows[i].thinking);
        json_decref(lines);
        sp_tok_close(other);
    }
    json_decref(first);
}

static void refuse(sp_answers *a, const char *json, const char *message)
{
    sp_err e;
    assert_int_equal(add(a, json, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    if (!strstr(e.msg, message)) fail_msg("\"%s\" does not hold \"%s\"", e.msg, message);
}

/* max_position is 512: one token of answer must fit behind the prompt. */
static void what_is_refused(void **state)
{
    (void)state;
    sp_answers a = empty();
    sp_err e;
    refuse(&a, "{\"input_ids\":[]}", "the prompt has no tokens");
    refuse(&a, "{\"input_ids\":[1,512]}", "512");
    refuse(&a, "{\"nothing\":1}", "");
    char long_prompt[8000] = "{\"input_ids\":[1";
    for (int i = 1; i < 511; i++) strcat(long_prompt, ",5");
    char *end = long_prompt + strlen(long_prompt);
    strcpy(end, ",5]}");
    refuse(&a, long_prompt, "a prompt of 512 tokens; the model takes up to 511");
    strcpy(end, "]}");
    assert_int_equal(add(&a, long_prompt, &e), 0);
    a.tok = NULL;
    refuse(&a, "{\"text\":\"Hi\"}", "no tokenizer");
    json_t *lines = run(&a, &plain), *got = json_array_get(lines, 0);
    assert_int_equal(json_array_size(json_object_get(got, "ids")), 1);
    assert_null(json_object_get(got, "response")); /* no tokenizer, no text */
    json_decref(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_order_of_prompts), cmocka_unit_test(cut_before_the_stop_text),
        IN_DIR(where_a_system_text_goes),          cmocka_unit_test(two_prompts),
        cmocka_unit_test(what_is_refused),         cmocka_unit_test(thoughts),
    };
    return cmocka_run_group_tests(tests, open_reference, close_reference);
}
