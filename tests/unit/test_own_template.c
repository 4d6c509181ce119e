/* test_own_template.c - the chat template that a model directory brings: in which file it is found,
 * which of several, what is refused, and what it is rendered with. */
#include "tok_help.h"

#include "text/own_template.h"

/* What the template in use prints without any conversation. */
static void prints(const char *want)
{
    sp_own_template own = sp_own_template_get();
    sp_rendered out;
    sp_err e = {0};
    json_t *none = json_object();
    assert_non_null(own.jinja);
    if (sp_jinja_render(own.jinja, none, own.date, &out, &e)) fail_msg("%s", e.msg);
    assert_string_equal(out.text, want);
    sp_rendered_free(&out);
    json_decref(none);
}

static int load(const char *dir, sp_err *e)
{
    char *path = sp_xasprintf("%s/%s", temp, dir);
    *e = (sp_err){0};
    int rc = sp_own_template_load(path, e);
    free(path);
    return rc;
}

static void where_it_is_found(void **state)
{
    (void)state;
    sp_err e;
    assert_null(sp_own_template_get().jinja); /* before the first one */
    free(put_file("empty", "config.json", "{}"));
    assert_int_equal(load("empty", &e), 0);
    assert_int_equal(load("nowhere", &e), 0);
    free(put_file("one", "tokenizer_config.json",
                  "{\"model_max_length\":1000000000000000019884624838656,"
                  "\"chat_template\":\"a{{ 1 + 1 }}\"}"));
    assert_int_equal(load("one", &e), 1);
    prints("a2");
    free(put_file("list", "tokenizer_config.json",
                  "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"tools\"},"
                  "{\"name\":\"default\",\"template\":\"chat\"},"
                  "{\"name\":\"rag\",\"template\":\"rag\"}]}"));
    assert_int_equal(load("list", &e), 1);
    prints("chat");
    /* a file of its own counts, unless it is empty */
    free(put_file("one", "chat_template.jinja", "b\n"));
    assert_int_equal(load("one", &e), 1);
    prints("b");
    free(put_file("one", "chat_template.jinja", ""));
    assert_int_equal(load("one", &e), 1);
    prints("a2");
    free(put_file("null", "tokenizer_config.json", "{\"chat_template\":null,\"x\":\"[INST]\"}"));
    assert_int_equal(load("null", &e), 0);
    free(put_file("null", "tokenizer_config.json", "{\"chat_template\":\"\"}"));
    assert_int_equal(load("null", &e), 0);
    free(put_file("null", "tokenizer_config.json", "no JSON at all"));
    assert_int_equal(load("null", &e), 0);
    prints("a2"); /* what was read before stays */
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *why;
    } rows[] = {
        {"tokenizer_config.json", "{\"chat_template\":\"{{ x\"}",
         "tokenizer_config.json: chat template, line 1: a tag does not end: \"}}\" is missing"},
        {"tokenizer_config.json", "{\"chat_template\":7}",
         "tokenizer_config.json: \"chat_template\" is no text, nor has it a \"default\""},
        {"tokenizer_config.json", "{\"chat_template\":[{\"name\":\"rag\",\"template\":\"x\"}]}",
         "tokenizer_config.json: \"chat_template\" is no text, nor has it a \"default\""},
        {"chat_template.jinja", "a\n{% include 'b' %}",
         "chat_template.jinja: chat template, line 2: the statement {% include %} is not "
         "supported"},
    };
    sp_err e;
    free(put_file("good", "chat_template.jinja", "good"));
    assert_int_equal(load("good", &e), 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *dir = put_file("bad", rows[i].file, rows[i].text),
             *why = sp_xasprintf("%s/%s", dir, rows[i].why);
        assert_int_equal(load("bad", &e), -1);
        assert_int_equal(e.code, SP_EINPUT);
        assert_string_equal(e.msg, why);
        free(why);
        free(dir);
    }
    prints("good");
}

static void marks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        sp_template want;
    } rows[] = {
        {"{{ '[INST] ' }}", SP_TMPL_MISTRAL},
        {"[INST] <<SYS>>", SP_TMPL_LLAMA2}, /* has Mistral's mark as well */
        {"<|start_header_id|>", SP_TMPL_LLAMA3},
        {"<start_of_turn>user", SP_TMPL_GEMMA},
        {"<|im_start|>", SP_TMPL_AUTO},
    };
    sp_err e;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        free(put_file("marks", "chat_template.jinja", rows[i].text));
        assert_int_equal(load("marks", &e), 1);
        assert_string_equal(sp_template_name(sp_own_template_marks()),
                            sp_template_name(rows[i].want));
    }
}

static void what_it_is_rendered_with(void **state)
{
    (void)state;
    sp_err e;
    free(put_file("date", "chat_template.jinja", "{{ strftime_now('%d %B %Y') }}"));
    assert_int_equal(load("date", &e), 1);
    prints("26 July 2024");
    assert_false(sp_own_template_get().no_thinking);
    sp_own_template_set("2025-01-02", true);
    prints("02 January 2025");
    assert_true(sp_own_template_get().no_thinking);
    sp_own_template_set(NULL, false);
    prints("26 July 2024");
    assert_false(sp_own_template_get().no_thinking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(where_it_is_found),
                                       cmocka_unit_test(refusals), cmocka_unit_test(marks),
                                       cmocka_unit_test(what_it_is_rendered_with)};
    return cmocka_run_group_tests_name("own_template", tests, make_temp, drop_temp);
}
