/* test_template.c - the built-in templates, templates of the user's own and what is wrong with
 * them. */
#include "tok_help.h"

static int load_text(const char *json, sp_err *e)
{
    char *dir = put_file("t", "template.json", json), *path = sp_xasprintf("%s/template.json", dir);
    int rc = sp_template_load(path, e);
    free(path);
    free(dir);
    return rc;
}

static void bad_template(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{\"user\":\"{user}\"}", "\"user\" and \"assistant\" are needed"},
        {"{\"user\":\"{user}{user}\",\"assistant\":\"{assistant}\"}",
         "\"user\" must be a string with {user} in it once"},
        {"{\"user\":\"{user}\",\"assistant\":\"x\"}",
         "\"assistant\" must be a string with {assistant} in it once"},
        {"{\"user\":\"{user}\",\"assistant\":\"{assistant}\",\"sytem\":\"\"}",
         "unknown key \"sytem\""},
        {"{\"user\":\"{user}\",\"assistant\":\"{assistant}\",\"stop\":3}",
         "\"stop\" is not a list of at most 8 strings"},
        {"{\"user\":\"{user}\",\"assistant\":\"{assistant}\",\"stop\":[\"1\",\"2\",\"3\",\"4\","
         "\"5\","
         "\"6\",\"7\",\"8\",\"9\"]}",
         "\"stop\" is not a list of at most 8 strings"},
        {"{\"user\":\"{user}\",\"assistant\":\"{assistant}\",\"stop\":[3]}",
         "\"stop\" is not a list of strings"},
        {"{\"user\":\"{user}\",\"assistant\":\"{assistant}\",\"start\":3}",
         "\"start\" is not a string or"},
        {"{\"user\":\"{user}\",\"assistant\":\"{assistant}\",\"trim\":\"no\"}",
         "\"trim\" not true or false"},
        {"{\"user\":\"{user}\",\"assistant\":\"{assistant}\",\"system\":\"\"}",
         "\"system\" must be a string with {system} in it once"},
        {"[]", "not a JSON object"},
        {"{", "line 1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sp_err e = {0};
        assert_int_equal(load_text(bad[i][0], &e), -1);
        assert_int_equal(e.code, SP_EINPUT);
        if (!strstr(e.msg, bad[i][1])) fail_msg("\"%s\", expected \"%s\"", e.msg, bad[i][1]);
    }
    sp_err e = {0};
    assert_int_equal(sp_template_load("/nonexistent/t.json", &e), -1);
}

/* The built-in ones hold what their contract says. */
static void built_in(void **state)
{
    (void)state;
    static const char *const names[] = {"auto", "llama2", "llama3", "mistral", "gemma", "plain"};
    assert_null(sp_template_get(SP_TMPL_AUTO));
    assert_null(sp_template_get((sp_template)99));
    for (int t = SP_TMPL_AUTO; t <= SP_TMPL_PLAIN; t++) {
        const sp_template_form *f = sp_template_get((sp_template)t);
        assert_string_equal(sp_template_name((sp_template)t), names[t]);
        if (!f) continue;
        assert_non_null(strstr(f->user, "{user}"));
        assert_non_null(strstr(f->assistant, "{assistant}"));
        if (f->system) assert_non_null(strstr(f->system, "{system}"));
        assert_non_null(f->stop[0]);
    }
    assert_null(sp_template_get(SP_TMPL_GEMMA)->system);
    assert_true(sp_template_get(SP_TMPL_LLAMA2)->joined);
    assert_false(sp_template_get(SP_TMPL_MISTRAL)->joined);
    assert_null(sp_template_get(SP_TMPL_OWN));
    assert_string_equal(sp_template_name(SP_TMPL_OWN), "own");
    assert_string_equal(SP_TEMPLATE_CHOICES, "auto|llama2|llama3|mistral|gemma|plain");
}

static void placeholders(void **state)
{
    (void)state;
    assert_true(sp_template_holds("{user} x", "user"));
    assert_false(sp_template_holds("{users}", "user"));
    assert_false(sp_template_holds("{use", "user"));
    assert_false(sp_template_holds("user}", "user"));
    assert_false(sp_template_holds("", "user"));
}

/* The defaults; a later file replaces an earlier one, a bad file changes nothing. */
static void own(void **state)
{
    (void)state;
    sp_err e = {0};
    assert_string_equal(sp_template_name(SP_TMPL_FILE), "auto");
    assert_int_equal(load_text("{\"user\":\"Q {user}\",\"assistant\":\"A {assistant}\"}", &e), 0);
    const sp_template_form *f = sp_template_get(SP_TMPL_FILE);
    assert_string_equal(f->name, "file");
    assert_string_equal(f->start, "{bos}");
    assert_null(f->system);
    assert_string_equal(f->stop[0], "{eos}");
    assert_null(f->stop[1]);
    assert_false(f->keep_space);
    assert_int_equal(load_text("{\"user\":\"{user}\",\"assistant\":\"{assistant}\",\"system\":"
                               "\"S {system}\",\"start\":\"\",\"trim\":false,\"stop\":[\"1\",\"2\","
                               "\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]}",
                               &e),
                     0);
    f = sp_template_get(SP_TMPL_FILE);
    assert_string_equal(f->start, "");
    assert_string_equal(f->system, "S {system}");
    assert_string_equal(f->stop[7], "8");
    assert_true(f->keep_space);
    assert_int_equal(load_text("{\"user\":\"{user}\"}", &e), -1);
    assert_string_equal(sp_template_get(SP_TMPL_FILE)->stop[7], "8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(built_in), cmocka_unit_test(placeholders),
                                       cmocka_unit_test(own), cmocka_unit_test(bad_template)};
    return cmocka_run_group_tests_name("template", tests, make_temp, drop_temp);
}
