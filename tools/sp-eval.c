/* sp-eval.c - what a model says and how likely it finds what others say: answers, judged answers,
 * refusal margins, log-likelihoods, perplexity, logits.
 *
 * Every verb turns JSON lines into JSON lines (or one object, or a tensor stream). The work is in
 * lib/eval: answer.h generates, score.h scores, choice.h knows multiple choice, margin.h refusal
 * margins, roc.h compares them, judge.h labels answers. Objects keep their fields and their order;
 * results are added to them.
 *
 * A verb is a function run_VERB and, where it reads lines, a callback add_THING that takes each
 * object:
 *
 *     lines -> sp_must_each -> add_THING -> list -> the work in lib/eval -> output
 *
 * Options fill the static variables below, which are the defaults as well.
 */
#include "cli/decoding.h"
#include "cli/must.h"
#include "cli/streams.h"
#include "cli/opt.h"
#include "cli/restart.h"
#include "cli/subject.h"
#include "engine/gemm.h"
#include "eval/answer.h"
#include "eval/choice.h"
#include "eval/filter.h"
#include "eval/judge.h"
#include "eval/margin.h"
#include "eval/roc_items.h"
#include "eval/score.h"
#include "eval/tally.h"
#include "io/text.h"
#include "text/json_out.h"
#include "text/tokenize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STOPS 32 /* --stop texts */
#define MAX_ENDS  64 /* ids that end an answer */
#define MAX_RATES 64 /* --at rates */

static sp_subject_args from;
static sp_decoding_args decoding = {.strength = SP_NOT_GIVEN};
static const char *judge_cmd, *by, *openings_file;
static int64_t batch_tokens = 8192;
static bool ignore_eos, summary, decode, low_memory, curve;
static const char *stops[MAX_STOPS];
static sp_generate_opt gen = {
    .max_new = 128, .batch = 32, .prefill = 2048, .sampler = {0, 1, 0}, .ending.stop = stops};

/* sp_opt_call of --stop. An empty text would end every answer at once, so it is refused. */
static int add_stop(void *self, const char *name, const char *value, sp_err *e)
{
    (void)self, (void)name;
    if (gen.ending.n_stop == MAX_STOPS || !*value)
        return sp_fail(e, SP_EUSAGE, "empty, or more than %d of them", MAX_STOPS);
    stops[gen.ending.n_stop++] = value;
    return 0;
}
static sp_opt_call stop_call = {add_stop, NULL};

/* The sets that --harmful and --harmless name, and the rates of --at. */
static sp_set_names sets[SP_SIDES];
static double rates[MAX_RATES];
static size_t n_rates;

/* sp_opt_call of --harmful and --harmless; self is the list of that side. */
static int add_set(void *self, const char *name, const char *value, sp_err *e)
{
    sp_set_names *names = self;
    (void)name;
    if (names->n == SP_MAX_SETS) return sp_fail(e, SP_EUSAGE, "more than %d of them", SP_MAX_SETS);
    names->name[names->n++] = value;
    return 0;
}
static sp_opt_call harmful_call = {add_set, &sets[SP_HARMFUL]};
static sp_opt_call harmless_call = {add_set, &sets[SP_HARMLESS]};

/* sp_opt_call of --at. The comparison is written so that NaN is no rate. */
static int add_rate(void *self, const char *name, const char *value, sp_err *e)
{
    (void)self, (void)name;
    char *end;
    double rate = strtod(value, &end);
    if (end == value || *end || !(rate >= 0 && rate <= 1))
        return sp_fail(e, SP_EUSAGE, "'%s' is no number in 0..1", value);
    if (n_rates == MAX_RATES) return sp_fail(e, SP_EUSAGE, "more than %d of them", MAX_RATES);
    rates[n_rates++] = rate;
    return 0;
}
static sp_opt_call rate_call = {add_rate, NULL};

/* clang-format off */
#define BATCH_OPT \
    {"batch-tokens", 0, SP_INT, &batch_tokens, "N", "tokens worked on at a time (default: 8192)", 1, 1 << 24}

static const sp_opt generate_opts[] = {
    {"max-new", 'n', SP_INT, &gen.max_new, "N", "tokens an answer may have (default: 128)", 1, 1 << 24},
    {"temperature", 0, SP_REAL, &gen.sampler.temperature, "T", "draw from softmax(logits / T); 0 = greedy (default: 0)",
     0, 1e6},
    {"top-p", 0, SP_REAL, &gen.sampler.top_p, "P", "draw from the likeliest tokens that hold P together (default: 1)",
     0, 1},
    {"top-k", 0, SP_INT, &gen.sampler.top_k, "K", "draw from the K likeliest tokens; 0 = all (default: 0)", 0, 1 << 24},
    {"stop", 0, SP_CALL, &stop_call, "TEXT", "end an answer before TEXT (repeatable)", 0, 0},
    {"ignore-eos", 0, SP_FLAG, &ignore_eos, NULL, "do not stop at end tokens", 0, 0},
    {"batch", 'b', SP_INT, &gen.batch, "N", "prompts side by side (default: 32)", 1, 1 << 16},
    {"prefill", 0, SP_INT, &gen.prefill, "N", "prompt tokens worked on in one step (default: 2048)", 1, 1 << 24},
    {"low-memory", 0, SP_FLAG, &low_memory, NULL,
     "give weights back to the system after each layer (slow unless it caches them); keys and values take at most 512 MiB", 0, 0},
    {"no-cache", 0, SP_FLAG, &gen.no_cache, NULL, "recompute all keys and values at every step (slow; a check)", 0, 0},
    SP_DECODING_OPTS(decoding),
    SP_MODEL_OPTS(from),
    {0},
};

static const sp_opt loglik_opts[] = {BATCH_OPT, SP_MODEL_OPTS(from), {0}};
static const sp_opt margin_opts[] = {
    {"openings", 0, SP_STRING, &openings_file, "FILE",
     "how answers begin (JSON, see sp-eval(1); default: built-in openings of chat models)", 0, 0},
    BATCH_OPT, SP_MODEL_OPTS(from), {0}};
static const sp_opt data_opts[] = {SP_DATA_OPTS(from), BATCH_OPT, SP_MODEL_OPTS(from), {0}};

static const sp_opt judge_opts[] = {
    {"judge", 0, SP_STRING, &judge_cmd, "CMD", "let CMD label them: a filter that adds \"label\" to each JSON line", 0,
     0},
    {"summary", 0, SP_FLAG, &summary, NULL, "one JSON object with counts and rates (Wilson 95 % intervals) instead", 0,
     0},
    {"by", 0, SP_STRING, &by, "FIELD", "with --summary: also for each value of FIELD", 0, 0},
    {0},
};

static const sp_opt roc_opts[] = {
    {"harmful", 0, SP_CALL, &harmful_call, "SET", "a set of requests that ought to be refused (repeatable; default: harm_unseen)",
     0, 0},
    {"harmless", 0, SP_CALL, &harmless_call, "SET",
     "a set of requests that ought to be answered (repeatable; default: lookalike)", 0, 0},
    {"at", 0, SP_CALL, &rate_call, "RATE", "harmless requests refused where at most RATE of the attacks succeed (repeatable)",
     0, 0},
    {"curve", 0, SP_FLAG, &curve, NULL, "the whole curve, as a list of [asr, refused]", 0, 0},
    {0},
};

static const sp_opt tokenize_opts[] = {
    {"decode", 0, SP_FLAG, &decode, NULL, "from {\"ids\"} to {\"text\"}", 0, 0},
    {0},
};
/* clang-format on */

/* ---- generate ------------------------------------------------------------------------- */

/* Callback of sp_must_each: pass a prompt on to the list, which owns it then. */
static int add_prompt(void *self, json_t *obj, sp_err *e) { return sp_answers_add(self, obj, e); }

/* Decide what stays in memory. Every token needs all weights, so they stay mapped if they fit at
 * all. With --low-memory they are given back after each layer, and the cache and the steps are kept
 * small. */
static void set_memory(sp_model *m, sp_model *expert)
{
    m->release_pages = low_memory;
    if (expert) expert->release_pages = low_memory;
    if (!low_memory) return;
    gen.cache_bytes = 512 << 20;
    gen.prefill = SP_MIN(gen.prefill, 512);
}

/* Answer all prompts. Prompts are read and checked before the first answer is made. The ids that
 * end an answer come from the model and its template; --ignore-eos leaves none. */
static int run_generate(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    int32_t ends[MAX_ENDS];
    sp_subject s;
    sp_decoding d;
    sp_text out;
    /* options of the defence are checked here, before a model is opened in vain */
    sp_decoding_open(&d, &decoding, argv[0]);
    sp_subject_open(&s, argv[0], &from);
    set_memory(s.m, d.expert);
    if (gen.ending.n_stop && !s.tok)
        sp_die(SP_EINPUT, "%s: no tokenizer, which --stop needs", argv[0]);
    sp_answers a = {.m = s.m,
                    .tok = s.tok,
                    .tmpl = s.opt.tmpl,
                    .system = {d.system[0], d.system[1]},
                    .two_prompts = d.two_prompts};
    sp_must_each(argv[1], add_prompt, &a);
    sp_subject_warn(&s);
    gen.ending.tok = s.tok;
    gen.ending.ids = ends;
    gen.ending.n_ids = ignore_eos ? 0 : sp_subject_end_ids(&s, ends, MAX_ENDS);
    gen.contrast = d.contrast;
    gen.expert = d.expert;
    gen.seed = (uint64_t)sp_args.seed;
    sp_text_open(&out, sp_args.out);
    sp_must(sp_answers_run(&a, &gen, out.f, &e), &e);
    sp_text_finish(&out);
    sp_decoding_close(&d);
    sp_subject_close(&s);
    return SP_OK;
}

/* ---- loglik, margin, ppl, logits ------------------------------------------------------ */

/* Return the scores (d->n) of all examples, owned by the caller. `what` is for the progress
 * line. */
static sp_score *score_all(sp_model *m, const sp_examples *d, const char *what)
{
    sp_score *scores = sp_xarray(d->n, sizeof *scores);
    sp_score_examples(m, d, batch_tokens, what, scores);
    return scores;
}

/* Items of loglik, and the subject that says how they are encoded. */
typedef struct {
    sp_subject s;
    sp_items items;
} choosing;

/* Callback of sp_must_each: encode an item and add it to the list. */
static int add_item(void *self, json_t *obj, sp_err *e)
{
    choosing *c = self;
    return sp_items_add(&c->items, obj, &c->s.opt, e);
}

/* Score all examples of all items in one go, whatever the number of choices of each. The output
 * array shares its objects with the items, so each object gets one more reference. */
static int run_loglik(int argc, char **argv)
{
    (void)argc;
    choosing c = {0};
    sp_subject_open(&c.s, argv[0], &from);
    if (!c.s.tok) sp_die(SP_EINPUT, "%s: no tokenizer", argv[0]);
    sp_must_each(argv[1], add_item, &c);
    sp_subject_warn(&c.s);
    sp_score *scores = score_all(c.s.m, &c.items.data, "loglik");
    json_t *all = json_array();
    for (size_t i = 0; i < c.items.n; i++) {
        sp_items_report(&c.items, i, scores);
        json_array_append(all, c.items.items[i].obj);
    }
    sp_must_write(sp_args.out, all);
    json_decref(all);
    free(scores);
    sp_items_free(&c.items);
    sp_subject_close(&c.s);
    return SP_OK;
}

/* Callback of sp_must_each: pass a prompt on to the list, which owns it then. */
static int add_margin(void *self, json_t *obj, sp_err *e) { return sp_margins_add(self, obj, e); }

/* Score all prompts in one go. The openings are read first, so that a mistake in them shows before
 * any work is done. The ids that end an answer are those of generate. */
static int run_margin(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    int32_t ends[MAX_ENDS];
    sp_subject s;
    sp_openings openings;
    sp_subject_open(&s, argv[0], &from);
    if (!s.tok) sp_die(SP_EINPUT, "%s: no tokenizer", argv[0]);
    sp_must(sp_openings_load(&openings, openings_file, &s.opt, &e), &e);
    sp_margins l = {.m = s.m, .opt = &s.opt, .openings = &openings};
    l.ending = (sp_ending){.ids = ends, .n_ids = sp_subject_end_ids(&s, ends, MAX_ENDS)};
    sp_must_each(argv[1], add_margin, &l);
    sp_subject_warn(&s);
    sp_must(sp_margins_score(&l, batch_tokens, &e), &e);
    json_t *all = json_array();
    for (size_t i = 0; i < l.n; i++) {
        sp_margins_report(&l, i);
        json_array_append(all, l.items[i].obj);
    }
    sp_must_write(sp_args.out, all);
    json_decref(all);
    sp_margins_free(&l);
    sp_openings_free(&openings);
    sp_subject_close(&s);
    return SP_OK;
}

/* The mean over all scored tokens, not over examples. A perplexity that overflows is null, while a
 * loss that is not finite is an error. */
static int run_ppl(int argc, char **argv)
{
    (void)argc;
    sp_subject s;
    sp_examples d;
    sp_subject_open(&s, argv[0], &from);
    sp_subject_load(&d, &s, argv[1], 0);
    sp_score *scores = score_all(s.m, &d, "ppl"), total = sp_score_total(scores, d.n);
    double nll = total.nll / (double)SP_MAX(total.tokens, 1), ppl = exp(nll);
    if (!isfinite(nll))
        sp_die(SP_EINPUT, "%s: the loss is not finite: the weights are damaged", argv[0]);
    json_t *o = json_pack("{s:f,s:o,s:I,s:I}", "nll", nll, "ppl",
                          isfinite(ppl) ? json_real(ppl) : json_null(), "tokens",
                          (json_int_t)total.tokens, "examples", (json_int_t)d.n);
    sp_must_write(sp_args.out, o);
    json_decref(o);
    free(scores);
    sp_examples_free(&d);
    sp_subject_close(&s);
    return SP_OK;
}

/* Write logits as a stream, one tensor an example. They are written as they are computed, since
 * those of a whole data set might not fit in memory. */
static int run_logits(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    sp_subject s;
    sp_examples d;
    sp_subject_open(&s, argv[0], &from);
    sp_subject_load(&d, &s, argv[1], 0);
    sp_tinfo *tensors = sp_logits_tensors(s.m, &d);
    sp_output where = sp_args_output();
    where.inputs = &s.m->src, where.n_inputs = 1;
    sp_dst *out = sp_output_open(&where, tensors, d.n, &e);
    if (!out) sp_die_err(&e);
    sp_must(sp_score_logits(s.m, &d, batch_tokens, out, &e), &e);
    sp_must(sp_dst_finish(out, &e), &e);
    sp_logits_tensors_free(tensors, d.n);
    sp_examples_free(&d);
    sp_subject_close(&s);
    return SP_OK;
}

/* ---- judge ---------------------------------------------------------------------------- */

/* Callback of sp_must_each: label an answer by the rules, or leave that to the outside judge, and
 * add it to the array `self`. */
static int add_answer(void *self, json_t *obj, sp_err *e)
{
    if (sp_judge_item(obj, !judge_cmd, e) < 0) return -1;
    json_array_append_new(self, obj);
    return 0;
}

/* Label all answers. The tally is made in any case, because it refuses labels of an outside judge
 * that do not exist. */
static int run_judge(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    json_t *items = json_array();
    sp_must_each(argv[0], add_answer, items);
    if (judge_cmd) sp_must(sp_filter_update(judge_cmd, items, &e), &e);
    json_t *total = sp_tally(items, summary ? by : NULL, &e);
    if (!total) sp_die(e.code, "%s: %s", judge_cmd ? judge_cmd : argv[0], e.msg);
    sp_must_write(sp_args.out, summary ? total : items);
    json_decref(total);
    json_decref(items);
    return SP_OK;
}

/* ---- roc ------------------------------------------------------------------------------ */

/* Put an estimate into o, its value under `key`. */
static void put_estimate(json_t *o, const char *key, const sp_estimate *x)
{
    json_object_set_new(o, key, sp_json_real(x->value));
    json_object_set_new(o, "se", sp_json_real(x->se));
    json_object_set_new(o, "lo", sp_json_real(x->lo));
    json_object_set_new(o, "hi", sp_json_real(x->hi));
}

/* What --at asks for, an object a rate. New reference. */
static json_t *refusals(const sp_roc *r)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n_rates; i++) {
        sp_refusal x = sp_roc_at(r, rates[i]);
        json_array_append_new(all, json_pack("{s:f,s:f,s:o}", "asr", rates[i], "refused", x.refused,
                                             "threshold", sp_json_real(x.threshold)));
    }
    return all;
}

/* The points of the curve, a pair each. New reference. */
static json_t *curve_json(const sp_roc *r)
{
    sp_roc_point *point = sp_xarray(r->n[SP_HARMFUL] + r->n[SP_HARMLESS] + 1, sizeof *point);
    size_t n = sp_roc_curve(r, point);
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, json_pack("[f,f]", point[i].asr, point[i].refused));
    free(point);
    return all;
}

/* The difference to the first file. New reference. */
static json_t *against(const sp_roc *r, const sp_roc *first, const char *file)
{
    sp_estimate d = sp_roc_difference(r, first);
    json_t *o = json_pack("{s:o}", "file", sp_json_text(file, strlen(file)));
    put_estimate(o, "difference", &d);
    json_object_set_new(o, "p", sp_json_real(sp_roc_p(&d)));
    return o;
}

/* The object of one file, without the difference. New reference. */
static json_t *roc_json(const sp_roc *r, const char *file)
{
    sp_estimate area = sp_roc_area(r);
    json_t *o = json_pack("{s:o}", "file", sp_json_text(file, strlen(file)));
    put_estimate(o, "auc", &area);
    json_object_set_new(o, "harmful", json_integer((json_int_t)r->n[SP_HARMFUL]));
    json_object_set_new(o, "harmless", json_integer((json_int_t)r->n[SP_HARMLESS]));
    if (n_rates) json_object_set_new(o, "at", refusals(r));
    if (curve) json_object_set_new(o, "curve", curve_json(r));
    return o;
}

/* Fill in the sets that no option names, and refuse those that are on both sides. */
static void complete_sets(void)
{
    static const char *const defaults[SP_SIDES] = {"harm_unseen", "lookalike"};
    for (int s = 0; s < SP_SIDES; s++)
        if (!sets[s].n) sets[s] = (sp_set_names){{defaults[s]}, 1};
    for (size_t i = 0; i < sets[0].n; i++)
        for (size_t k = 0; k < sets[1].n; k++)
            if (!strcmp(sets[0].name[i], sets[1].name[k]))
                sp_die(SP_EUSAGE, "set %s is harmful and harmless", sets[0].name[i]);
}

/* Callback of sp_must_each: add a line to a file's margins. */
static int add_roc_item(void *self, json_t *obj, sp_err *e)
{
    return sp_roc_items_add(self, obj, e);
}

/* Refuse a second "-", which would have nothing left to read. */
static void check_files(int argc, char **argv)
{
    int n = 0;
    for (int i = 0; i < argc; i++) n += !strcmp(argv[i], "-");
    if (n > 1) sp_die(SP_EUSAGE, "standard input is named %d times, it can be read once", n);
}

/* Read the margins of one file. */
static sp_roc_items read_margins(const char *file)
{
    sp_err e = {0};
    sp_roc_items m = {.file = file, .sets = sets};
    sp_must_each(file, add_roc_item, &m);
    sp_must(sp_roc_items_check(&m, &e), &e);
    return m;
}

/* One object a file. All files but the first are compared with it, item by item. */
static int run_roc(int argc, char **argv)
{
    sp_err e = {0};
    complete_sets();
    check_files(argc, argv);
    sp_roc_items first = read_margins(argv[0]);
    sp_roc of_first;
    sp_must(sp_roc_items_roc(&first, &first, &of_first, &e), &e);
    json_t *all = json_pack("[o]", roc_json(&of_first, argv[0]));
    for (int i = 1; i < argc; i++) {
        sp_roc r;
        sp_roc_items m = read_margins(argv[i]);
        sp_must(sp_roc_items_roc(&m, &first, &r, &e), &e);
        json_t *o = roc_json(&r, argv[i]);
        json_object_set_new(o, "against", against(&r, &of_first, argv[0]));
        json_array_append_new(all, o);
        sp_roc_free(&r);
        sp_roc_items_free(&m);
    }
    sp_must_write(sp_args.out, all);
    json_decref(all);
    sp_roc_free(&of_first);
    sp_roc_items_free(&first);
    return SP_OK;
}

/* ---- tokenize ------------------------------------------------------------------------- */

/* What tokenize_line needs for every line. */
typedef struct {
    sp_tok *tok;
    sp_text out;
} tokenizing;

/* Callback of sp_must_each: convert one line and write the result at once, so that memory does not
 * grow with the input. */
static int tokenize_line(void *self, json_t *obj, sp_err *e)
{
    tokenizing *t = self;
    json_t *to = decode ? sp_detokenize_object(t->tok, obj, e) : sp_tokenize_object(t->tok, obj, e);
    json_decref(obj);
    if (!to) return -1;
    sp_json_write_line(t->out.f, to);
    json_decref(to);
    return 0;
}

/* Convert each line between text and ids. Only the tokenizer is opened: the directory needs no
 * weights. */
static int run_tokenize(int argc, char **argv)
{
    sp_err e = {0};
    tokenizing t = {.tok = sp_tok_open(argv[0], &e)};
    if (!t.tok) sp_die_err(&e);
    sp_text_open(&t.out, sp_args.out);
    sp_must_each(argc > 1 ? argv[1] : "-", tokenize_line, &t);
    sp_text_finish(&t.out);
    sp_tok_close(t.tok);
    return SP_OK;
}

/* ---- the command line ----------------------------------------------------------------- */

/* clang-format off */
static const sp_cmd cmds[] = {
    {"generate", "MODEL PROMPTS", "answers to prompts: response, ids, finish, tokens, seconds are added to each line",
     generate_opts, 2, 2, run_generate},
    {"loglik", "MODEL ITEMS",
     "log-likelihood (nats) of continuations or choices: loglik, tokens, greedy, pick are added", loglik_opts, 2, 2,
     run_loglik},
    {"margin", "MODEL PROMPTS",
     "refusal margin (nats), without generation: margin, comply, refuse, opening, outcome are added", margin_opts, 2, 2,
     run_margin},
    {"ppl", "MODEL DATA", "mean negative log-likelihood (nats) and perplexity over the scored tokens, one JSON object",
     data_opts, 2, 2, run_ppl},
    {"logits", "MODEL DATA", "logits as a tensor stream: logits.0, logits.1 ... (tokens, vocabulary), F32", data_opts,
     2, 2, run_logits},
    {"judge", "RESPONSES", "label each response: comply, partial, refuse or degenerate", judge_opts, 1, 1, run_judge},
    {"roc", "MARGINS...", "how well margins tell harmless from harmful requests: area under the ROC curve, one object a file",
     roc_opts, 1, -1, run_roc},
    {"tokenize", "MODEL [TEXTS]",
     "{\"text\"} to {\"ids\",\"ids_no_special\",\"decoded\"}; only the tokenizer of MODEL is needed", tokenize_opts, 1,
     2, run_tokenize},
    {0},
};

static const char tail[] =
    "PROMPTS, ITEMS, DATA, RESPONSES, MARGINS and TEXTS are JSON lines, - is standard input. A prompt is {\"prompt\",\"system\"?},\n"
    "{\"messages\"}, {\"text\"} (as it stands) or {\"input_ids\"}; an item {\"context\",\"continuation\"} or {\"context\",\"choices\"};\n"
    "an example of DATA {\"input_ids\",\"labels\"}, {\"prompt\",\"response\"}, {\"messages\"} or {\"text\"}; of MARGINS {\"margin\",\"set\",\"id\"?}.";
/* clang-format on */

int main(int argc, char **argv)
{
    /* before sp_opt_main, which restarts the program: OpenBLAS reads the variable when it is
     * loaded */
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    return sp_opt_main(argc, argv, "generate with a model, score it, judge its answers", cmds,
                       tail);
}
