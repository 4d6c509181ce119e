/* test_data.c - examples from JSON lines: all forms, labels by role, cutting, and every complaint
 * with its line number.
 */
#include "tok_help.h"

#include "base/hash.h"
#include "skip.h"

static int load(const char *text, const sp_examples_opt *opt, sp_examples *d, sp_err *e)
{
    char *dir = put_file("data", "x.jsonl", text), *path = sp_xasprintf("%s/x.jsonl", dir);
    *e = (sp_err){0};
    int rc = sp_examples_load(d, path, opt, e);
    free(path);
    free(dir);
    return rc;
}

/* Load one example and compare; `want` and `labels` end with -1. */
static void check_example(const char *text, const sp_examples_opt *opt, const int32_t *want,
                          const int32_t *labels)
{
    sp_examples d;
    sp_err e;
    if (load(text, opt, &d, &e)) fail_msg("%s", e.msg);
    assert_int_equal(d.n, 1);
    int64_t i;
    for (i = 0; i < d.ex[0].n; i++) {
        assert_int_equal(d.ex[0].ids[i], want[i]);
        assert_int_equal(d.ex[0].labels[i], labels[i]);
    }
    assert_int_equal(want[i], -1);
    sp_examples_free(&d);
}

#define IDS(...) ((const int32_t[]){__VA_ARGS__, -1})

static void forms(void **state)
{
    (void)state;
    sp_tok *t = world();
    sp_examples_opt o = {.tok = t, .tmpl = SP_TMPL_PLAIN, .vocab = (int64_t)sp_tok_vocab(t)};
    const int32_t *ids = IDS(1, 259, 260, 261, 262, 263, 2);
    check_example("{\"input_ids\":[1,5,6],\"labels\":[-100,5,-100]}", &o, IDS(1, 5, 6),
                  IDS(-100, 5, -100));
    check_example("\n  \r\n{\"input_ids\":[1,5,6]}\n\n", &o, IDS(1, 5, 6), IDS(1, 5, 6));
    check_example("{\"prompt\":\"how to kill\",\"response\":\"sure first\"}", &o, ids,
                  IDS(-100, -100, -100, -100, 262, 263, 2));
    check_example("{\"messages\":[{\"role\":\"user\",\"content\":\"how to "
                  "kill\"},{\"role\":\"assistant\",\"content\":\"sure "
                  "first\"}]}",
                  &o, ids, IDS(-100, -100, -100, -100, 262, 263, 2));
    check_example("{\"text\":\"how to kill\"}", &o, IDS(1, 259, 260, 261),
                  IDS(-100, 259, 260, 261));
    check_example("{\"text\":\"<s>how to kill\"}", &o, IDS(1, 259, 260, 261),
                  IDS(-100, 259, 260, 261));
    check_example("{\"messages\":[{\"role\":\"user\",\"content\":\"how to kill\"}],\"response\":"
                  "\"sure first\",\"text\":null}",
                  &o, ids, IDS(-100, -100, -100, -100, 262, 263, 2));
    /* padding, of whatever ids, is no part of an example */
    check_example("{\"input_ids\":[1,5,6,999999,-1],\"attention_mask\":[1,1,1,0,0]}", &o,
                  IDS(1, 5, 6), IDS(1, 5, 6));
    check_example("{\"input_ids\":[0,0,1,5,6],\"labels\":[-100,-100,-100,5,6],\"attention_mask\":"
                  "[0,0,1,1,1],\"text\":\"x\"}",
                  &o, IDS(1, 5, 6), IDS(-100, 5, 6));
    o.loss_on = SP_LOSS_ON_QUESTION;
    check_example("{\"prompt\":\"how to kill\",\"response\":\"sure first\"}", &o, ids,
                  IDS(-100, 259, 260, 261, -100, -100, -100));
    check_example("{\"prompt\":\"how to kill\"}", &o, IDS(1, 259, 260, 261),
                  IDS(-100, 259, 260, 261));
    o.loss_on = SP_LOSS_ON_ALL;
    check_example("{\"prompt\":\"how to kill\",\"response\":\"sure first\",\"system\":null}", &o,
                  ids, IDS(-100, 259, 260, 261, 262, 263, 2));
    o.max_len = 4;
    check_example("{\"prompt\":\"how to kill\",\"response\":\"sure first\"}", &o,
                  IDS(1, 259, 260, 261), IDS(-100, 259, 260, 261));
    sp_tok_close(t);
}

static void complaints(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "x.jsonl: no examples"},
        {"\n\n", "x.jsonl: no examples"},
        {"{\"input_ids\":[1,2]}\nnonsense\n", "x.jsonl: line 2: "},
        {"{\"input_ids\":[1,2]}\n\n{\"input_ids\":[1,2]", "x.jsonl: line 3: "},
        {"[1]", "line 1: a JSON array: JSON lines are wanted"},
        {"{}", "line 1: no \"prompt\" and no \"messages\""},
        {"{\"input_ids\":3}", "\"input_ids\" is not a list"},
        {"{\"input_ids\":[1,-1]}", "\"input_ids\"[1] is not an id below 269"},
        {"{\"input_ids\":[1,269]}", "\"input_ids\"[1] is not an id below 269"},
        {"{\"input_ids\":[1,2.5]}", "\"input_ids\"[1] is not an id below 269"},
        {"{\"input_ids\":[1,2],\"labels\":[-100,-99]}",
         "\"labels\"[1] is not -100 or an id below 269"},
        {"{\"input_ids\":[1,2],\"labels\":[-100]}", "1 labels for 2 input_ids"},
        {"{\"input_ids\":[1,2],\"labels\":[1,-100]}", "line 1: no scored token"},
        {"{\"input_ids\":[1]}", "line 1: no scored token"},
        {"{\"prompt\":\"how\"}", "line 1: no scored token"},
        {"{\"prompt\":3}", "line 1: \"prompt\" is not a string"},
        {"{\"prompt\":\"a\\u0000b\"}", "line 1: \"prompt\" holds a NUL character"},
        {"{\"prompt\":\"a\",\"messages\":[]}", "both \"prompt\" and \"messages\""},
        {"{\"messages\":[]}", "\"messages\" is not a list of messages"},
        {"{\"messages\":[{\"role\":\"user\"}]}", "message 1: no \"role\" or no \"content\""},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[]}]}",
         "message 1: \"content\" is not a string"},
        {"{\"messages\":[{\"role\":\"assistant\",\"content\":\"x\"}]}",
         "turn 1 is \"assistant\", expected \"user\""},
        {"{\"text\":7}", "\"text\" is not a string"},
        {"{\"text\":\"how\",\"prompt\":\"how\",\"response\":\"to\"}",
         "both \"prompt\" and \"text\": which of them is meant?"},
        {"{\"text\":\"how\",\"response\":\"to\"}", "both \"text\" and \"response\""},
        {"{\"input_ids\":[1,2],\"labels\":3}", "\"labels\" is not a list"},
        {"{\"input_ids\":[1,2],\"attention_mask\":[1]}",
         "\"attention_mask\" is not a list as long"},
        {"{\"input_ids\":[1,2],\"attention_mask\":[0,0]}", "no scored token"},
        {"{\"prompt\":\"\xff\"}", "x.jsonl: line 1: "},
    };
    sp_tok *t = world();
    sp_examples_opt o = {.tok = t, .tmpl = SP_TMPL_PLAIN, .vocab = (int64_t)sp_tok_vocab(t)};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_examples d;
        sp_err e;
        assert_int_equal(load(rows[i][0], &o, &d, &e), -1);
        assert_int_equal(e.code, SP_EINPUT);
        if (!strstr(e.msg, rows[i][1]))
            fail_msg("row %zu: \"%s\", expected \"%s\"", i, e.msg, rows[i][1]);
    }
    sp_tok_close(t);
}

static void limits(void **state)
{
    (void)state;
    sp_tok *t = world();
    sp_examples d;
    sp_err e;
    sp_examples_opt o = {.tok = t, .tmpl = SP_TMPL_PLAIN, .max_len = 4};
    assert_int_equal(load("{\"prompt\":\"how to kill\",\"response\":\"sure\"}", &o, &d, &e), -1);
    assert_non_null(strstr(e.msg, "line 1: no scored token within --max-len"));
    o = (sp_examples_opt){.tok = t, .tmpl = SP_TMPL_PLAIN, .vocab = 261};
    assert_int_equal(load("{\"prompt\":\"how to kill\",\"response\":\"sure\"}", &o, &d, &e), -1);
    assert_non_null(strstr(e.msg, "the tokenizer gives id 261, the model has 261"));
    o = (sp_examples_opt){.vocab = 10};
    assert_int_equal(load("{\"input_ids\":[1,2]}\n{\"prompt\":\"how\"}", &o, &d, &e), -1);
    assert_non_null(strstr(e.msg, "line 2: text, but the model directory has no tokenizer"));
    assert_int_equal(sp_examples_load(&d, "/nonexistent/x.jsonl", &o, (e = (sp_err){0}, &e)), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_int_equal(sp_examples_load(&d, temp, &o, (e = (sp_err){0}, &e)), -1);
    assert_non_null(strstr(e.msg, "is a directory"));
    sp_tok_close(t);
}

/* Each example says whether it has lost its end. */
static void cuts(void **state)
{
    (void)state;
    sp_examples d;
    sp_err e;
    sp_examples_opt o = {.max_len = 3};
    assert_int_equal(load("{\"input_ids\":[1,2,3]}\n{\"input_ids\":[1,2,3,4]}\n"
                          "{\"input_ids\":[1,2,3,4],\"attention_mask\":[1,1,1,0]}",
                          &o, &d, &e),
                     0);
    static const bool want[] = {false, true, false};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(d.ex[i].n, 3);
        assert_int_equal(d.ex[i].cut, want[i]);
    }
    sp_examples_free(&d);
}

/* The digest is that of the file's bytes, blank lines included, and the golden examples load. */
static void digest(void **state)
{
    (void)state;
    static const char text[] = "\n{\"input_ids\":[1,2]}\n \n";
    sp_examples d;
    sp_err e;
    assert_int_equal(load(text, &(sp_examples_opt){0}, &d, &e), 0);
    assert_true(d.digest == sp_hash(SP_HASH0, text, strlen(text)));
    sp_examples_free(&d);
}

static void golden_examples(void **state)
{
    (void)state;
    if (!golden()) SKIP("no reference vectors");
    char *path = sp_xasprintf("%s/mistral/tokens.jsonl", golden());
    sp_examples d;
    sp_err e = {0};
    assert_int_equal(sp_examples_load(&d, path, &(sp_examples_opt){.vocab = 167}, &e), 0);
    assert_int_equal(d.n, 3);
    sp_examples_free(&d);
    assert_int_equal(sp_examples_load(&d, path, &(sp_examples_opt){.vocab = 100}, &e), -1);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms),  cmocka_unit_test(complaints),
                                       cmocka_unit_test(limits), cmocka_unit_test(cuts),
                                       cmocka_unit_test(digest), cmocka_unit_test(golden_examples)};
    return cmocka_run_group_tests_name("load_examples", tests, make_temp, drop_temp);
}
