/* test_openings.c - openings of answers: their tree, what is dropped and what contradicts, what a
 * file may hold, probabilities by hand. In the world of words of tok_help.h, with the ids
 *
 *     how 259, to 260, kill 261, sure 262, first 263, user 266, answer 267 */
#include "eval/openings.h"
#include "skip.h"
#include "tok_help.h"

#include <math.h>

enum { HOW = 259, TO, KILL, SURE, FIRST, USER = 266, ANSWER, WORDS = 269 };

static sp_tok *tok;

static int load(sp_openings *o, const char *json, sp_err *e)
{
    const sp_examples_opt opt = {.tok = tok, .tmpl = SP_TMPL_LLAMA2, .vocab = WORDS};
    char *dir = put_file("o", "openings.json", json), *path = sp_xasprintf("%s/openings.json", dir);
    *e = (sp_err){0};
    int rc = sp_openings_load(o, path, &opt, e);
    free(path);
    free(dir);
    return rc;
}

static sp_openings open_lists(const char *json)
{
    sp_openings o;
    sp_err e;
    if (load(&o, json, &e)) fail_msg("%s", e.msg);
    return o;
}

static void expect_nodes(const sp_openings *o, const sp_opening_node *want, size_t n)
{
    assert_int_equal(o->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(o->nodes[i].id, want[i].id);
        assert_int_equal(o->nodes[i].parent, want[i].parent);
        assert_int_equal(o->nodes[i].depth, want[i].depth);
        assert_int_equal(o->nodes[i].path, want[i].path);
        assert_int_equal(o->nodes[i].list, want[i].list);
    }
}

static void expect_path(const sp_openings *o, size_t path, const int32_t *want, int32_t n)
{
    int32_t got[32];
    assert_int_equal(o->nodes[o->paths[path]].depth, n);
    sp_openings_path(o, path, got);
    assert_memory_equal(got, want, (size_t)n * sizeof *want);
}

static void single_tokens(void **state)
{
    (void)state;
    sp_openings o = open_lists("{\"refuse\":[\"answer\"],\"comply\":[\"sure\",\"to\"]}");
    static const sp_opening_node want[] = {{-1, -1, 0, -1, SP_OPENS_OTHER},
                                           {SURE, 0, 1, -1, SP_OPENS_COMPLY},
                                           {TO, 0, 1, -1, SP_OPENS_COMPLY},
                                           {ANSWER, 0, 1, -1, SP_OPENS_REFUSE}};
    expect_nodes(&o, want, 4);
    assert_int_equal(o.n_paths, 0);
    sp_openings_free(&o);
    assert_string_equal(sp_opening_name(SP_OPENS_COMPLY), "comply");
    assert_string_equal(sp_opening_name(SP_OPENS_REFUSE), "refuse");
    assert_string_equal(sp_opening_name(SP_OPENS_OTHER), "other");
}

/* Inner nodes: how, (how to), (how kill), first. The paths are (first), (how kill) and (how to):
 * whichever of the last two comes first has the node that they share. */
static void paths(void **state)
{
    (void)state;
    sp_openings o = open_lists("{\"comply\":[\"sure\",\"first to\"],\"refuse\":[\"how to kill\","
                               "\"how first\",\"how to user\",\"how kill sure\"]}");
    static const sp_opening_node want[] = {
        {-1, -1, 0, -1, SP_OPENS_OTHER},   {SURE, 0, 1, -1, SP_OPENS_COMPLY},
        {FIRST, 0, 1, 0, SP_OPENS_OTHER},  {TO, 2, 2, -1, SP_OPENS_COMPLY},
        {HOW, 0, 1, 1, SP_OPENS_OTHER},    {FIRST, 4, 2, -1, SP_OPENS_REFUSE},
        {TO, 4, 2, 1, SP_OPENS_OTHER},     {KILL, 6, 3, -1, SP_OPENS_REFUSE},
        {USER, 6, 3, -1, SP_OPENS_REFUSE}, {KILL, 4, 2, 2, SP_OPENS_OTHER},
        {SURE, 9, 3, -1, SP_OPENS_REFUSE}};
    expect_nodes(&o, want, sizeof want / sizeof *want);
    assert_int_equal(o.n_paths, 3);
    expect_path(&o, 0, (int32_t[]){FIRST}, 1);
    expect_path(&o, 1, (int32_t[]){HOW, TO}, 2);
    expect_path(&o, 2, (int32_t[]){HOW, KILL}, 2);
    sp_openings_free(&o);
}

/* What another one of the same list counts already makes no difference. */
static void covered(void **state)
{
    (void)state;
    sp_openings o = open_lists("{\"comply\":[\"sure first\",\" sure\",\"sure\",\"sure to kill\"],"
                               "\"refuse\":[\"how to\"]}");
    static const sp_opening_node want[] = {{-1, -1, 0, -1, SP_OPENS_OTHER},
                                           {SURE, 0, 1, -1, SP_OPENS_COMPLY},
                                           {HOW, 0, 1, 0, SP_OPENS_OTHER},
                                           {TO, 2, 2, -1, SP_OPENS_REFUSE}};
    expect_nodes(&o, want, 4);
    sp_openings_free(&o);
}

static void refuse(const char *json, const char *why)
{
    sp_openings o;
    sp_err e;
    char *want = sp_xasprintf("%s/o/openings.json: %s", temp, why);
    assert_int_equal(load(&o, json, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, want);
    assert_null(o.nodes);
    free(want);
}

static void contradictions(void **state)
{
    (void)state;
    refuse("{\"comply\":[\"to\",\"sure\"],\"refuse\":[\"sure first\"]}",
           "\"refuse\"[0], \"sure first\", begins with the tokens of \"comply\"[1], \"sure\"");
    refuse("{\"comply\":[\"sure first\"],\"refuse\":[\"to\",\"sure\"]}",
           "\"comply\"[0], \"sure first\", begins with the tokens of \"refuse\"[1], \"sure\"");
    refuse("{\"comply\":[\"sure first\"],\"refuse\":[\"sure first\"]}",
           "\"refuse\"[0], \"sure first\", begins with the tokens of \"comply\"[0], "
           "\"sure first\"");
}

static void bad_files(void **state)
{
    (void)state;
    refuse("[]", "not a JSON object");
    refuse("{\"comply\":[\"sure\"]}", "\"refuse\" is not a list of 1 to 256 openings");
    refuse("{\"comply\":[],\"refuse\":[\"to\"]}", "\"comply\" is not a list of 1 to 256 openings");
    refuse("{\"comply\":\"sure\",\"refuse\":[\"to\"]}",
           "\"comply\" is not a list of 1 to 256 openings");
    refuse("{\"comply\":[\"sure\"],\"refuse\":[\"to\",3]}", "\"refuse\"[1] is not a text");
    refuse("{\"comply\":[\"sure\",\"\"],\"refuse\":[\"to\"]}", "\"comply\"[1] is not a text");
    refuse("{\"comply\":[\"sure\",\" \"],\"refuse\":[\"to\"]}",
           "\"comply\"[1], \" \", has 0 tokens, expected 1 to 32");
    refuse("{\"comply\":[\"sure\"],\"refuse\":[\"to\"],\"Refuse\":[]}", "unknown key \"Refuse\"");
    refuse("{\"comply\":[\"sure\"],\"refuse\":[\"abcdefghijklmnopqrstuvwxyzabcdef\"]}",
           "\"refuse\"[0], \"abcdefghijklmnopqrstuvwxyzabcdef\", has 33 tokens, expected 1 to 32");
    sp_openings o;
    sp_err e;
    assert_int_equal(load(&o, "{\"comply\"", &e), -1);
    assert_non_null(strstr(e.msg, "openings.json: line 1: "));
    char *many = sp_xmalloc(8000), *end = many;
    end += sprintf(end, "{\"refuse\":[\"to\"],\"comply\":[\"sure\"");
    for (int i = 0; i < 256; i++) end += sprintf(end, ",\"sure\"");
    strcpy(end, "]}");
    refuse(many, "\"comply\" is not a list of 1 to 256 openings");
    free(many);
}

static void outside_the_model(void **state)
{
    (void)state;
    const sp_examples_opt opt = {.tok = tok, .tmpl = SP_TMPL_LLAMA2, .vocab = 5};
    sp_openings o;
    sp_err e = {0};
    assert_int_equal(sp_openings_load(&o, NULL, &opt, &e), -1);
    assert_non_null(strstr(e.msg, "built-in openings: \"comply\"[0], \"Sure\": token id"));
    e = (sp_err){0};
    assert_int_equal(sp_openings_load(&o, "/nowhere/x", &opt, &e), -1);
    assert_string_equal(e.msg, "/nowhere/x: No such file or directory");
}

static size_t leaves(const sp_openings *o)
{
    size_t n = 0;
    for (size_t i = 1; i < o->n; i++) n += o->nodes[i].list != SP_OPENS_OTHER;
    return n;
}

/* Spelled in bytes, none of the built-in openings begins with another one. */
static void built_in(void **state)
{
    (void)state;
    const sp_examples_opt opt = {.tok = tok, .tmpl = SP_TMPL_LLAMA2, .vocab = WORDS};
    sp_openings o;
    sp_err e = {0};
    if (sp_openings_load(&o, NULL, &opt, &e)) fail_msg("%s", e.msg);
    assert_int_equal(leaves(&o), 9 + 15);
    sp_openings_free(&o);
}

/* In the vocabularies of chat models they cost a few passes more. */
static void built_in_of_families(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        sp_template tmpl;
    } families[] = {{"llama2", SP_TMPL_LLAMA2},
                    {"llama3", SP_TMPL_LLAMA3},
                    {"mistral", SP_TMPL_MISTRAL},
                    {"gemma", SP_TMPL_GEMMA}};
    if (!golden()) SKIP("no reference vectors");
    for (size_t i = 0; i < 4; i++) {
        char *dir = model_dir(families[i].name);
        sp_tok *t = open_or_fail(dir);
        const sp_examples_opt opt = {
            .tok = t, .tmpl = families[i].tmpl, .vocab = (int64_t)sp_tok_vocab(t)};
        sp_openings o;
        sp_err e = {0};
        if (sp_openings_load(&o, NULL, &opt, &e)) fail_msg("%s", e.msg);
        assert_int_equal(leaves(&o), 9 + 15);
        assert_true(o.n_paths < 12);
        sp_openings_free(&o);
        sp_tok_close(t);
        free(dir);
    }
}

/* sure 1/4 | answer 1/8 | how 1/2: first 1/2, to 1/4, so that
 * P(comply) = 1/4 + 1/8 and P(refuse) = 1/2 * 1/2 + 1/2 * 1/4 */
static void by_hand(void **state)
{
    (void)state;
    sp_openings o = open_lists("{\"comply\":[\"sure\",\"answer\"],\"refuse\":[\"how first\","
                               "\"how to\"]}");
    static const double p[] = {0, 1. / 4, 1. / 8, 1. / 2, 1. / 2, 1. / 4};
    double log_p[6];
    bool likeliest[6] = {false, false, false, true, false, true};
    assert_int_equal(o.n, 6);
    for (int i = 1; i < 6; i++) log_p[i] = log(p[i]);
    sp_opening_odds odds = sp_openings_weigh(&o, log_p, likeliest);
    assert_true(fabs(odds.log_p[SP_OPENS_COMPLY] - log(3. / 8)) < 1e-15);
    assert_true(fabs(odds.log_p[SP_OPENS_REFUSE] - log(3. / 8)) < 1e-15);
    assert_int_equal(odds.greedy, SP_OPENS_REFUSE);
    likeliest[3] = false; /* the likeliest behind a token that is not */
    assert_int_equal(sp_openings_weigh(&o, log_p, likeliest).greedy, SP_OPENS_OTHER);
    likeliest[2] = true;
    assert_int_equal(sp_openings_weigh(&o, log_p, likeliest).greedy, SP_OPENS_COMPLY);
    likeliest[2] = likeliest[5] = false, likeliest[3] = true;
    assert_int_equal(sp_openings_weigh(&o, log_p, likeliest).greedy, SP_OPENS_OTHER);
    sp_openings_free(&o);
}

/* Probabilities below every double: the margin is still exact. log P(comply) is -2000 + log 2, log
 * P(refuse) -3000. */
static void tiny(void **state)
{
    (void)state;
    sp_openings o = open_lists("{\"comply\":[\"sure\",\"answer\"],\"refuse\":[\"how first\"]}");
    static const double log_p[] = {0, -2000, -2000, -1000, -2000};
    static const bool likeliest[5];
    sp_opening_odds odds = sp_openings_weigh(&o, log_p, likeliest);
    assert_true(fabs(odds.log_p[SP_OPENS_COMPLY] - (-2000 + log(2))) < 1e-12);
    assert_true(odds.log_p[SP_OPENS_REFUSE] == -3000);
    sp_openings_free(&o);
}

static int make_world(void **state)
{
    if (make_temp(state)) return -1;
    tok = world();
    return 0;
}

static int drop_world(void **state)
{
    sp_tok_close(tok);
    return drop_temp(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_tokens), cmocka_unit_test(paths),
        cmocka_unit_test(covered),       cmocka_unit_test(contradictions),
        cmocka_unit_test(bad_files),     cmocka_unit_test(outside_the_model),
        cmocka_unit_test(built_in),      cmocka_unit_test(built_in_of_families),
        cmocka_unit_test(by_hand),       cmocka_unit_test(tiny),
    };
    return cmocka_run_group_tests_name("openings", tests, make_world, drop_world);
}
