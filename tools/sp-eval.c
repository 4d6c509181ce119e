/* sp-eval - what a model says and how likely it finds what others say: answers, judged answers,
 * log-likelihoods, perplexity, logits.
 *
 * Every verb turns JSON lines into JSON lines (or one object, or a tensor stream). The work is in
 * lib: gen.h decodes, score.h scores, choice.h knows multiple choice, judge.h labels answers.
 * Objects keep their fields and their order; results are added to them.
 */
#include "base/progress.h"
#include "cli/decoding.h"
#include "cli/opt.h"
#include "cli/restart.h"
#include "cli/subject.h"
#include "engine/gemm.h"
#include "eval/answer.h"
#include "eval/choice.h"
#include "eval/filter.h"
#include "eval/judge.h"
#include "eval/score.h"
#include "eval/tally.h"
#include "io/text.h"
#include "text/json_out.h"
#include "text/lines.h"
#include "text/tokenize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_STOPS 32
#define MAX_ENDS  64

static sp_subject_args from;
static sp_decoding_args decoding = {.strength = SP_NOT_GIVEN};
static const char *judge_cmd, *by;
static int64_t batch_tokens = 8192;
static bool ignore_eos, summary, decode, low_memory;
static const char *stops[MAX_STOPS];
static sp_gen_opt gen = {
    .max_new = 128, .batch = 32, .prefill = 2048, .sampler = {0, 1, 0}, .stop = stops};

static int add_stop(void *self, const char *name, const char *value, sp_err *e)
{
    (void)self, (void)name;
    if (gen.n_stop == MAX_STOPS || !*value)
        return sp_fail(e, SP_EUSAGE, "empty, or more than %d of them", MAX_STOPS);
    stops[gen.n_stop++] = value;
    return 0;
}
static sp_opt_call stop_call = {add_stop, NULL};

#define BATCH_OPT                                                    \
    {                                                                \
        "batch-tokens", 0, SP_INT, &batch_tokens, "N",               \
            "tokens worked on at a time (default: 8192)", 1, 1 << 24 \
    }

/* clang-format off */
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
/* clang-format on */
static const sp_opt loglik_opts[] = {BATCH_OPT, SP_MODEL_OPTS(from), {0}};
static const sp_opt data_opts[] = {SP_DATA_OPTS(from), BATCH_OPT, SP_MODEL_OPTS(from), {0}};
/* clang-format off */
static const sp_opt judge_opts[] = {
    {"judge", 0, SP_STRING, &judge_cmd, "CMD", "let CMD label them: a filter that adds \"label\" to each JSON line", 0,
     0},
    {"summary", 0, SP_FLAG, &summary, NULL, "one JSON object with counts and rates (Wilson 95 % intervals) instead", 0,
     0},
    {"by", 0, SP_STRING, &by, "FIELD", "with --summary: also for each value of FIELD", 0, 0},
    {0},
};
/* clang-format on */
/* clang-format off */
static const sp_opt tokenize_opts[] = {{"decode", 0, SP_FLAG, &decode, NULL, "from {\"ids\"} to {\"text\"}", 0, 0},
                                       {0}};

/* ---- what the verbs share ------------------------------------------------------------- */

static void check(int rc, const sp_err *e)
{
    if (rc < 0) sp_die_err(e);
}

/* All objects of a JSONL file; each() turns one into what the verb needs and may refuse it, which names the line. */
static void each_line(const char *path, int (*each)(void *self, json_t *obj, sp_err *e), void *self)
{
    sp_err e = {0}, bad = {0};
    json_t *obj;
    int rc;
    sp_lines *l = sp_lines_open(path, &e);
    if (!l) sp_die_err(&e);
    while ((rc = sp_lines_next(l, &obj, &e)) > 0)
        if (each(self, obj, &bad) < 0) sp_die(bad.code, "%s: line %zu: %s", path, sp_lines_number(l), bad.msg);
    check(rc, &e);
    if (!sp_lines_number(l)) sp_die(SP_EINPUT, "%s: no lines", path);
    sp_lines_close(l);
}

static sp_progress progress;
static void show_progress(void *self, int64_t done)
{
    (void)self;
    sp_progress_at(&progress, (double)done);
}

/* ---- generate ------------------------------------------------------------------------- */

static int add_prompt(void *self, json_t *obj, sp_err *e) { return sp_answers_add(self, obj, e); }

/* Ids that end an answer: those of the configuration and of the template. */
static size_t end_ids(const sp_subject *s, int32_t *ids)
{
    size_t n = 0;
    for (int i = 0; i < s->m->cfg.n_eos; i++) ids[n++] = s->m->cfg.eos[i];
    return s->tok ? n + sp_chat_stops(s->tok, s->opt.tmpl, ids + n, MAX_ENDS - n) : n;
}

static int run_generate(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    int32_t ends[MAX_ENDS];
    sp_subject s;
    sp_decoding d;
    sp_text out;
    sp_decoding_open(&d, &decoding, argv[0]);
    sp_subject_open(&s, argv[0], &from);
    s.m->release_pages = low_memory; /* every token needs all weights: keep them mapped if they fit at all */
    if (low_memory) gen.cache_bytes = 512 << 20, gen.prefill = SP_MIN(gen.prefill, 512);
    if (gen.n_stop && !s.tok) sp_die(SP_EINPUT, "%s: no tokenizer, which --stop needs", argv[0]);
    if (d.expert) d.expert->release_pages = low_memory;
    sp_answers a = {.tok = s.tok, .tmpl = s.opt.tmpl, .m = s.m};
    a.system[0] = d.system[0], a.system[1] = d.system[1], a.two_prompts = d.two_prompts;
    each_line(argv[1], add_prompt, &a);
    gen.tok = s.tok;
    gen.contrast = d.contrast;
    gen.expert = d.expert;
    gen.seed = (uint64_t)sp_args.seed;
    gen.end = ends;
    gen.n_end = ignore_eos ? 0 : end_ids(&s, ends);
    sp_text_open(&out, sp_args.out);
    check(sp_answers_run(&a, &gen, out.f, &e), &e);
    sp_text_finish(&out);
    sp_decoding_close(&d);
    sp_subject_close(&s);
    return SP_OK;
}

/* ---- loglik, ppl, logits -------------------------------------------------------------- */

static int64_t tokens_of(const sp_examples *d)
{
    int64_t n = 0;
    for (size_t i = 0; i < d->n; i++) n += d->ex[i].n;
    return n;
}

static sp_score *score_all(sp_subject *s, const sp_examples *d, const char *what)
{
    sp_score *scores = sp_xarray(d->n, sizeof *scores);
    sp_progress_start(&progress, what, "tokens", (double)tokens_of(d));
    sp_score_data(s->m, d, batch_tokens, scores, show_progress, NULL);
    sp_progress_end(&progress);
    return scores;
}

typedef struct {
    sp_subject s;
    sp_items items;
} choosing;

static int add_item(void *self, json_t *obj, sp_err *e)
{
    choosing *c = self;
    return sp_items_add(&c->items, obj, &c->s.opt, e);
}

static int run_loglik(int argc, char **argv)
{
    (void)argc;
    choosing c = {0};
    sp_text out;
    sp_subject_open(&c.s, argv[0], &from);
    if (!c.s.tok) sp_die(SP_EINPUT, "%s: no tokenizer", argv[0]);
    each_line(argv[1], add_item, &c);
    sp_score *scores = score_all(&c.s, &c.items.data, "loglik");
    sp_text_open(&out, sp_args.out);
    for (size_t i = 0; i < c.items.n; i++) {
        sp_items_report(&c.items, i, scores);
        sp_json_write_line(out.f, c.items.items[i].obj);
    }
    sp_text_finish(&out);
    free(scores);
    sp_items_free(&c.items);
    sp_subject_close(&c.s);
    return SP_OK;
}

static void open_data(sp_subject *s, sp_examples *d, char **argv)
{
    sp_err e = {0};
    sp_subject_open(s, argv[0], &from);
    check(sp_examples_load(d, argv[1], &s->opt, &e), &e);
}

static int run_ppl(int argc, char **argv)
{
    (void)argc;
    sp_subject s;
    sp_examples d;
    sp_text out;
    open_data(&s, &d, argv);
    sp_score *scores = score_all(&s, &d, "ppl");
    double nll = 0;
    int64_t tokens = 0;
    for (size_t i = 0; i < d.n; i++) nll += scores[i].nll, tokens += scores[i].tokens;
    nll /= (double)SP_MAX(tokens, 1);
    if (!isfinite(nll)) sp_die(SP_EINPUT, "%s: the loss is not finite: the weights are damaged", argv[0]);
    json_t *ppl = isfinite(exp(nll)) ? json_real(exp(nll)) : json_null();
    json_t *o = json_pack("{s:f,s:o,s:I,s:I}", "nll", nll, "ppl", ppl, "tokens", (json_int_t)tokens, "examples",
                          (json_int_t)d.n);
    sp_text_open(&out, sp_args.out);
    sp_json_write_line(out.f, o);
    sp_text_finish(&out);
    json_decref(o);
    free(scores);
    sp_examples_free(&d);
    sp_subject_close(&s);
    return SP_OK;
}

static int run_logits(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    sp_subject s;
    sp_examples d;
    sp_meta meta = {0};
    open_data(&s, &d, argv);
    sp_tinfo *tensors = sp_logits_tensors(s.m, &d);
    sp_pg_append(&meta, &s.m->src, 1);
    sp_dst *out = sp_dst_open(sp_args.out, tensors, d.n, &meta, (int)sp_args.level, &e);
    if (!out) sp_die_err(&e);
    check(sp_score_logits(s.m, &d, batch_tokens, out, &e), &e);
    check(sp_dst_finish(out, &e), &e);
    sp_logits_tensors_free(tensors, d.n);
    sp_meta_free(&meta);
    sp_examples_free(&d);
    sp_subject_close(&s);
    return SP_OK;
}

/* ---- judge ---------------------------------------------------------------------------- */

static int add_answer(void *self, json_t *obj, sp_err *e)
{
    if (sp_judge_item(obj, !judge_cmd, e) < 0) return -1;
    json_array_append_new(self, obj);
    return 0;
}

static int run_judge(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    sp_text out;
    json_t *items = json_array();
    each_line(argv[0], add_answer, items);
    if (judge_cmd) check(sp_filter_update(judge_cmd, items, &e), &e);
    json_t *total = sp_tally(items, summary ? by : NULL, &e);
    if (!total) sp_die(e.code, "%s: %s", judge_cmd ? judge_cmd : argv[0], e.msg);
    sp_text_open(&out, sp_args.out);
    for (size_t i = 0; i < json_array_size(items) && !summary; i++) sp_json_write_line(out.f, json_array_get(items, i));
    if (summary) sp_json_write_line(out.f, total);
    sp_text_finish(&out);
    json_decref(total);
    json_decref(items);
    return SP_OK;
}

/* ---- tokenize ------------------------------------------------------------------------- */

typedef struct {
    sp_tok *tok;
    sp_text out;
} tokenizing;

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

static int run_tokenize(int argc, char **argv)
{
    sp_err e = {0};
    tokenizing t = {.tok = sp_tok_open(argv[0], &e)};
    if (!t.tok) sp_die_err(&e);
    sp_text_open(&t.out, sp_args.out);
    each_line(argc > 1 ? argv[1] : "-", tokenize_line, &t);
    sp_text_finish(&t.out);
    sp_tok_close(t.tok);
    return SP_OK;
}

/* ---- the command line ----------------------------------------------------------------- */

static const sp_cmd cmds[] = {
    {"generate", "MODEL PROMPTS", "answers to prompts: response, ids, finish, tokens, seconds are added to each line",
     generate_opts, 2, 2, run_generate},
    {"loglik", "MODEL ITEMS",
     "log-likelihood (nats) of continuations or choices: loglik, tokens, greedy, pick are added", loglik_opts, 2, 2,
     run_loglik},
    {"ppl", "MODEL DATA", "mean negative log-likelihood (nats) and perplexity over the scored tokens, one JSON object",
     data_opts, 2, 2, run_ppl},
    {"logits", "MODEL DATA", "logits as a tensor stream: logits.0, logits.1 ... (tokens, vocabulary), F32", data_opts,
     2, 2, run_logits},
    {"judge", "RESPONSES", "label each response: comply, partial, refuse or degenerate", judge_opts, 1, 1, run_judge},
    {"tokenize", "MODEL [TEXTS]",
     "{\"text\"} to {\"ids\",\"ids_no_special\",\"decoded\"}; only the tokenizer of MODEL is needed", tokenize_opts, 1,
     2, run_tokenize},
    {0},
};
/* clang-format on */

static const char tail[] =
    "PROMPTS, ITEMS, DATA, RESPONSES and TEXTS are JSON lines, - is standard input. A prompt is "
    "{\"prompt\",\"system\"?},\n"
    "{\"messages\"}, {\"text\"} (as it stands) or {\"input_ids\"}; an item "
    "{\"context\",\"continuation\"} or "
    "{\"context\",\"choices\"};\n"
    "an example of DATA {\"input_ids\",\"labels\"}, {\"prompt\",\"response\"}, {\"messages\"} or "
    "{\"text\"}.";

int main(int argc, char **argv)
{
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    return sp_opt_main(argc, argv, "generate with a model, score it, judge its answers", cmds,
                       tail);
}
