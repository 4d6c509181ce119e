/* test_margin.c - refusal margins against a slow version, in which each opening is a sequence of
 * its own and the generator decodes step by step, whatever the batch; by hand; what is refused. In
 * the world of words of tok_help.h, with a model of random weights that says words alone. */
#include "eval/answer.h"
#include "eval/margin.h"
#include "models.h"
#include "text/json_out.h"
#include "tok_help.h"

enum { VOCAB = 269, FIRST_WORD = 259, CONTEXT = 64, MAX_ANSWER = 12 };

/* Of log-probabilities, nats: products of other shapes round otherwise, and weights are large. */
#define NEAR 5e-5

static const char config[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":24,\"num_hidden_layers\":2,"
    "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"intermediate_size\":40,"
    "\"vocab_size\":269,\"max_position_embeddings\":64,\"rms_norm_eps\":1e-5,"
    "\"rope_theta\":10000,\"hidden_act\":\"silu\"}";

static sp_tok *tok;
static sp_model *model;
static sp_examples_opt opt = {.tmpl = SP_TMPL_LLAMA2, .vocab = VOCAB, .max_len = CONTEXT};

/* </s>, to, kill, first, user: so many that answers end soon */
static const int32_t ends[] = {2, 260, 261, 263, 266};
static const sp_ending ending = {.ids = ends, .n_ids = sizeof ends / sizeof *ends};

/* Openings of one token; of several; of both kinds, with beginnings that they share. */
static const char *const lists[] = {
    "{\"comply\":[\"sure\",\"to\"],\"refuse\":[\"answer\"]}",
    "{\"comply\":[\"sure\",\"kill how\"],\"refuse\":[\"answer to\",\"answer sure\",\"how\"]}",
    "{\"comply\":[\"sure to\",\"first sure sure\",\"first sure how\",\"user\"],"
    "\"refuse\":[\"answer\",\"first first\",\"sure sure\",\"sure answer\",\"first answer to\"]}"};

static sp_openings openings_of(const char *json)
{
    sp_err e = {0};
    sp_openings o;
    char *dir = put_file("o", "openings.json", json), *path = sp_xasprintf("%s/openings.json", dir);
    if (sp_openings_load(&o, path, &opt, &e)) fail_msg("%s", e.msg);
    free(path);
    free(dir);
    return o;
}

/* ---- the slow version ----------------------------------------------------------------- */

typedef struct {
    int32_t ids[CONTEXT];
    size_t n;
} tokens;

static tokens join(const tokens *a, const int32_t *ids, size_t n)
{
    tokens both = *a;
    if (n) memcpy(both.ids + a->n, ids, n * sizeof *ids);
    both.n += n;
    return both;
}

/* log P of `more` behind the prompt: a sequence alone, its logits in full. */
static double slow_log_p(const tokens *prompt, const int32_t *more, size_t n)
{
    tokens t = join(prompt, more, n);
    sp_example x = {(int64_t)t.n, t.ids, t.ids, false};
    sp_batch b;
    sp_batch_make(&b, &(sp_examples){.n = 1, .ex = &x}, NULL, 1, SP_MEAN_TOKEN);
    double *lp = log_probs(model, &b), sum = 0;
    for (size_t i = 0; i < n; i++) sum += lp[(prompt->n - 1 + i) * VOCAB + (size_t)more[i]];
    free(lp);
    sp_batch_free(&b);
    return sum;
}

static void done(void *self, size_t i) { (void)self, (void)i; }

/* What the generator answers, greedily. */
static tokens generate(const tokens *prompt, int64_t max_new, const sp_ending *until, bool *stopped)
{
    sp_generation g = {.prompt = prompt->ids, .n_prompt = (int64_t)prompt->n};
    sp_generate_opt o = {.max_new = max_new, .batch = 1, .prefill = 64, .ending = *until};
    sp_err e = {0};
    if (sp_generate(model, &g, 1, &o, done, NULL, &e)) fail_msg("%s", e.msg);
    tokens out = join(&(tokens){.n = 0}, g.out.ids, g.out.n);
    *stopped = g.stopped;
    sp_ids_free(&g.out);
    return out;
}

/* The ids of a text as an answer, and how many of them the text has. */
static tokens answer_of(const char *text, size_t *n_text)
{
    sp_ids ids = {0};
    sp_err e = {0};
    if (sp_chat_answer(tok, opt.tmpl, text, &ids, n_text, &e)) fail_msg("%s", e.msg);
    tokens t = join(&(tokens){.n = 0}, ids.ids, ids.n);
    sp_ids_free(&ids);
    return t;
}

/* log P of a list, and whether `start`, the beginning of a greedy answer, begins with one. */
static double slow_list(const tokens *prompt, const json_t *texts, const tokens *start,
                        bool *begins)
{
    double p = 0;
    size_t i, n;
    json_t *text;
    *begins = false;
    json_array_foreach((json_t *)texts, i, text)
    {
        tokens t = answer_of(json_string_value(text), &n);
        p += exp(slow_log_p(prompt, t.ids, n));
        *begins |= !memcmp(start->ids, t.ids, n * sizeof *t.ids);
    }
    return log(p);
}

static double number(const json_t *obj, const char *key)
{
    const json_t *x = json_object_get(obj, key);
    if (!json_is_real(x)) fail_msg("no number \"%s\"", key);
    return json_real_value(x);
}

static void expect_text(const json_t *obj, const char *key, const char *want)
{
    assert_string_equal(json_string_value(json_object_get(obj, key)), want);
}

/* Results that the test has seen, so that it cannot pass without any of them. */
static struct {
    int comply, refuse, other, exact, space, mismatch, no_reference;
} seen;

/* Does the generator give this text and end? *spaced: with the template's space before the end. */
static bool slow_match(const tokens *prompt, const char *reference, bool *spaced)
{
    size_t n;
    bool stopped;
    tokens want = answer_of(reference, &n), got = generate(prompt, MAX_ANSWER, &ending, &stopped);
    *spaced = got.n == want.n;
    return stopped && (got.n == n || *spaced) && !memcmp(got.ids, want.ids, got.n * 4);
}

static void expect_reference(const json_t *obj, const tokens *prompt, const char *opening)
{
    const char *reference = json_string_value(json_object_get(obj, "reference"));
    bool refuses = !strcmp(opening, "refuse"), spaced;
    if (!reference) {
        assert_null(json_object_get(obj, "loglik"));
        assert_null(json_object_get(obj, "tokens"));
        assert_null(json_object_get(obj, "match"));
        expect_text(obj, "outcome",
                    !strcmp(opening, "comply") ? "answered"
                    : refuses                  ? "refused"
                                               : "neither");
        seen.no_reference++;
        return;
    }
    size_t n;
    tokens want = answer_of(reference, &n);
    bool match = slow_match(prompt, reference, &spaced);
    expect_near("loglik", number(obj, "loglik"), slow_log_p(prompt, want.ids, n), NEAR);
    assert_int_equal(json_integer_value(json_object_get(obj, "tokens")), n);
    assert_true(json_is_boolean(json_object_get(obj, "match")));
    assert_int_equal(json_is_true(json_object_get(obj, "match")), match);
    expect_text(obj, "outcome", match ? "answered" : refuses ? "refused" : "neither");
    if (!match) seen.mismatch++;
    else if (spaced) seen.space++;
    else seen.exact++;
}

/* Is all that was added to the object what the slow version finds? */
static void expect_slow(const json_t *obj, const tokens *prompt, const json_t *texts)
{
    bool stopped, complies, refuses;
    tokens start = generate(prompt, 3, &(sp_ending){0}, &stopped);
    double comply = slow_list(prompt, json_object_get(texts, "comply"), &start, &complies),
           refuse = slow_list(prompt, json_object_get(texts, "refuse"), &start, &refuses);
    const char *opening = complies ? "comply" : refuses ? "refuse" : "other";
    expect_near("comply", number(obj, "comply"), comply, NEAR);
    expect_near("refuse", number(obj, "refuse"), refuse, NEAR);
    expect_near("margin", number(obj, "margin"), comply - refuse, 2 * NEAR);
    expect_text(obj, "opening", opening);
    seen.comply += complies, seen.refuse += refuses, seen.other += !complies && !refuses;
    expect_reference(obj, prompt, opening);
}

/* ---- prompts -------------------------------------------------------------------------- */

static tokens prompt_of(const json_t *obj)
{
    const sp_answers form = {.m = model, .tok = tok, .tmpl = opt.tmpl};
    sp_ids ids = {0};
    sp_err e = {0};
    if (sp_answers_encode(&form, obj, NULL, &ids, &e)) fail_msg("%s", e.msg);
    tokens t = join(&(tokens){.n = 0}, ids.ids, ids.n);
    sp_ids_free(&ids);
    return t;
}

/* A reference by number: none, what the model says, more than it says, a word. */
static void put_reference(json_t *obj, int kind)
{
    if (kind % 4 == 3) return;
    tokens prompt = prompt_of(obj);
    bool stopped;
    tokens said = generate(&prompt, MAX_ANSWER, &ending, &stopped);
    char *text = sp_tok_decode(tok, said.ids, said.n, true, NULL);
    const char *words = text + strspn(text, " ");
    if (kind % 4 == 2 || !*words) words = "sure";
    json_object_set_new(obj, "reference",
                        kind % 4 == 1 ? json_sprintf("%s how", words) : json_string(words));
    free(text);
}

/* Prompts of one word to four, through the template, as text and as ids; every form of reference.
 * New reference. */
static json_t *prompts(void)
{
    static const char *const words[] = {"how", "to", "kill", "sure", "first", "user", "answer"};
    json_t *all = json_array();
    for (int i = 0; i < 42; i++) {
        char *text = sp_xasprintf("%s %s %s %s", words[i % 7], i % 3 ? words[i / 7 % 7] : "",
                                  i % 2 ? words[i / 3 % 7] : "", i % 5 ? "" : "sure first how to");
        json_t *obj = i % 14 == 6    ? json_pack("{s:s}", "text", text)
                      : i % 14 == 13 ? json_pack("{s:[i,i,i]}", "input_ids", 1, 264 + i % 3,
                                                 FIRST_WORD + i % 9)
                                     : json_pack("{s:s,s:i}", "prompt", text, "number", i);
        put_reference(obj, i < 28 ? 4 * i : i); /* most of them what the model says */
        json_array_append_new(all, obj);
        free(text);
    }
    return all;
}

/* All prompts, scored: the lines of the output, one text. *sequences gets how many there were. */
static char *score(const json_t *all, const sp_openings *o, int64_t batch_tokens, size_t *sequences)
{
    sp_margins l = {.m = model, .opt = &opt, .openings = o, .ending = ending};
    sp_err e = {0};
    size_t i, n;
    json_t *obj;
    char *text;
    json_array_foreach((json_t *)all, i, obj)
    {
        if (sp_margins_add(&l, json_deep_copy(obj), &e)) fail_msg("%s", e.msg);
    }
    *sequences = l.data.n;
    if (sp_margins_score(&l, batch_tokens, &e)) fail_msg("%s", e.msg);
    FILE *f = open_memstream(&text, &n);
    for (i = 0; i < l.n; i++) {
        sp_margins_report(&l, i);
        sp_json_write_line(f, l.items[i].obj);
    }
    fclose(f);
    sp_margins_free(&l);
    return text;
}

/* ---- tests ---------------------------------------------------------------------------- */

/* Whatever the batch. */
static void against_slow(void **state)
{
    const char *json = *state;
    static const int64_t batches[] = {1, 60};
    sp_openings o = openings_of(json);
    json_t *texts = json_loads(json, 0, NULL), *all = prompts();
    memset(&seen, 0, sizeof seen);
    for (int k = 0; k < 2; k++) {
        size_t sequences;
        char *text = score(all, &o, batches[k], &sequences), *save;
        assert_int_equal(sequences, json_array_size(all) * (1 + o.n_paths));
        size_t i = 0;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
            json_t *got = json_loads(line, 0, NULL), *obj = json_array_get(all, i++);
            tokens prompt = prompt_of(obj);
            expect_slow(got, &prompt, texts);
            json_decref(got);
        }
        assert_int_equal(i, json_array_size(all));
        free(text);
    }
    json_decref(texts);
    json_decref(all);
    sp_openings_free(&o);
    assert_true(seen.comply && seen.refuse && seen.other && seen.mismatch && seen.no_reference);
    assert_true(seen.exact && seen.space);
}

/* A head of zeros finds every token equally likely, so that an opening of n tokens, or a reference,
 * has the log-probability -n log 269; the lowest id is the likeliest everywhere. */
static void by_hand(void **state)
{
    (void)state;
    static const int32_t lowest = 0;
    const double v = VOCAB;
    float *kept = model->head->own;
    sp_openings o = openings_of(lists[1]);
    sp_margins l = {.m = model, .opt = &opt, .openings = &o, .ending = {&lowest, 1, NULL, 0, NULL}};
    sp_err e = {0};
    json_t *obj = json_pack("{s:s,s:s}", "prompt", "how", "reference", "sure first to");
    assert_int_equal(sp_margins_add(&l, obj, &e), 0);
    model->head->own = sp_xfloats0(sp_numel(model->head));
    assert_int_equal(sp_margins_score(&l, 1, &e), 0);
    free(model->head->own);
    model->head->own = kept;
    sp_margins_report(&l, 0);
    double comply = log(1 / v + 1 / v / v), refuse = log(1 / v + 2 / v / v);
    expect_near("comply", number(obj, "comply"), comply, 1e-6);
    expect_near("refuse", number(obj, "refuse"), refuse, 1e-6);
    expect_near("margin", number(obj, "margin"), comply - refuse, 1e-6);
    expect_near("loglik", number(obj, "loglik"), -3 * log(v), 1e-6);
    expect_text(obj, "opening", "other");
    expect_text(obj, "outcome", "neither");
    assert_true(json_is_false(json_object_get(obj, "match")));
    sp_margins_free(&l);
    sp_openings_free(&o);
}

static void refuse(const sp_openings *o, const char *json, const char *why)
{
    sp_margins l = {.m = model, .opt = &opt, .openings = o};
    sp_err e = {0};
    json_t *obj = json_loads(json, 0, NULL);
    assert_non_null(obj);
    assert_int_equal(sp_margins_add(&l, obj, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    if (!strstr(e.msg, why)) fail_msg("\"%s\" does not hold \"%s\"", e.msg, why);
    sp_margins_free(&l);
}

static void what_is_refused(void **state)
{
    (void)state;
    sp_openings o = openings_of(lists[2]);
    refuse(&o, "{\"reference\":\"sure\"}", "no \"prompt\"");
    refuse(&o, "{\"prompt\":\"how\",\"reference\":3}", "\"reference\" is not a string");
    refuse(&o, "{\"prompt\":\"how\",\"reference\":\" \"}", "\"reference\" has no tokens");
    refuse(&o, "{\"input_ids\":[1,269]}", "outside 0..268");
    char ids[200] = "{\"input_ids\":[1", *with;
    for (int i = 1; i < 62; i++) strcat(ids, ",5");
    /* 62 tokens, with the longest path 64 */
    sp_margins l = {.m = model, .opt = &opt, .openings = &o};
    sp_err e = {0};
    with = sp_xasprintf("%s]}", ids);
    assert_int_equal(sp_margins_add(&l, json_loads(with, 0, NULL), &e), 0);
    sp_margins_free(&l);
    free(with);
    with = sp_xasprintf("%s],\"reference\":\"sure first\"}", ids); /* and the space behind it */
    refuse(&o, with, "65 tokens with the answer, but the model takes 64");
    free(with);
    with = sp_xasprintf("%s,5]}", ids);
    refuse(&o, with, "65 tokens with the answer, but the model takes 64");
    free(with);
    opt.vocab = 264; /* the template's [INST] is outside */
    refuse(&o, "{\"prompt\":\"how\"}", "token id 264 is outside 0..263");
    opt.vocab = VOCAB;
    sp_openings_free(&o);
}

static void damage_shows(void **state)
{
    (void)state;
    sp_openings o = openings_of(lists[0]);
    sp_margins l = {.m = model, .opt = &opt, .openings = &o};
    sp_err e = {0};
    float *x = &model->head->own[24 * 200], kept = *x;
    assert_int_equal(sp_margins_add(&l, json_pack("{s:s}", "prompt", "how"), &e), 0);
    *x = NAN;
    assert_int_equal(sp_margins_score(&l, 1, &e), -1);
    *x = kept;
    assert_non_null(strstr(e.msg, "not finite"));
    sp_margins_free(&l);
    sp_openings_free(&o);
}

/* The head says nothing but words, 259 to 268: what is generated can be written as a reference. */
static int make_world(void **state)
{
    if (make_temp(state)) return -1;
    opt.tok = tok = world();
    model = model_of(config, 0.4);
    for (int64_t i = 0; i < FIRST_WORD * 24; i++) model->head->own[i] = 0;
    return 0;
}

static int drop_world(void **state)
{
    sp_tok_close(tok);
    sp_model_close(model);
    return drop_temp(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(against_slow, (void *)lists[0]),
        cmocka_unit_test_prestate(against_slow, (void *)lists[1]),
        cmocka_unit_test_prestate(against_slow, (void *)lists[2]),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(damage_shows),
    };
    return cmocka_run_group_tests_name("margin", tests, make_world, drop_world);
}
