/* sp-eval - what a model says and how likely it finds what others say: answers, judged answers, log-likelihoods, perplexity, logits.
 *
 * Every verb turns JSON lines into JSON lines (or one object, or a tensor stream). The work is in lib: gen.h decodes, score.h scores, choice.h
 * knows multiple choice, judge.h labels answers. Objects keep their fields and their order; results are added to them.
 */
#include "choice.h"
#include "data.h"
#include "filter.h"
#include "gemm.h"
#include "gen.h"
#include "jsonl.h"
#include "judge.h"
#include "opt.h"
#include "score.h"
#include "tally.h"
#include "zio.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TURNS 256
#define MAX_STOPS 32
#define MAX_ENDS 64

static const char *weights, *judge_cmd, *by;
static int template, loss_on;
static int64_t max_len, batch_tokens = 8192;
static bool ignore_eos, summary, decode;
static const char *stops[MAX_STOPS];
static sp_gen_opt gen = {.max_new = 128, .batch = 32, .prefill = 2048, .sampler = {0, 1, 0}, .stop = stops};

static int add_stop(void *self, const char *name, const char *value, sp_err *e)
{
    (void)self, (void)name;
    if (gen.n_stop == MAX_STOPS || !*value) return sp_fail(e, SP_EUSAGE, "empty, or more than %d of them", MAX_STOPS);
    stops[gen.n_stop++] = value;
    return 0;
}
static sp_opt_call stop_call = {add_stop, NULL};

#define MODEL_OPTS \
    {"weights", 0, SP_STRING, &weights, "STREAM", "take the weights from STREAM, the rest from MODEL", 0, 0}, \
    {"template", 0, SP_CHOICE, &template, SP_TEMPLATE_CHOICES, "chat template (default: auto, from the model's own files)", 0, 0}
#define BATCH_OPT {"batch-tokens", 0, SP_INT, &batch_tokens, "N", "tokens worked on at a time (default: 8192)", 1, 1 << 24}
#define DATA_OPTS \
    {"loss-on", 0, SP_CHOICE, &loss_on, SP_LOSS_ON_CHOICES, "tokens that are scored (default: answer)", 0, 0}, \
    {"max-len", 0, SP_INT, &max_len, "N", "cut examples after N tokens (default: the model's context)", 1, 1 << 30}

static const sp_opt generate_opts[] = {
    {"max-new", 'n', SP_INT, &gen.max_new, "N", "tokens an answer may have (default: 128)", 1, 1 << 24},
    {"temperature", 0, SP_REAL, &gen.sampler.temperature, "T", "draw from softmax(logits / T); 0 = greedy (default: 0)", 0, 1e6},
    {"top-p", 0, SP_REAL, &gen.sampler.top_p, "P", "draw from the likeliest tokens that hold P together (default: 1)", 0, 1},
    {"top-k", 0, SP_INT, &gen.sampler.top_k, "K", "draw from the K likeliest tokens; 0 = all (default: 0)", 0, 1 << 24},
    {"stop", 0, SP_CALL, &stop_call, "TEXT", "end an answer before TEXT (repeatable)", 0, 0},
    {"ignore-eos", 0, SP_FLAG, &ignore_eos, NULL, "do not stop at end tokens", 0, 0},
    {"batch", 'b', SP_INT, &gen.batch, "N", "prompts side by side (default: 32)", 1, 1 << 16},
    {"prefill", 0, SP_INT, &gen.prefill, "N", "prompt tokens worked on in one step (default: 2048)", 1, 1 << 24},
    {"no-cache", 0, SP_FLAG, &gen.no_cache, NULL, "recompute all keys and values at every step (slow; a check)", 0, 0},
    MODEL_OPTS,
    {0},
};
static const sp_opt loglik_opts[] = {BATCH_OPT, MODEL_OPTS, {0}};
static const sp_opt data_opts[] = {DATA_OPTS, BATCH_OPT, MODEL_OPTS, {0}};
static const sp_opt judge_opts[] = {
    {"judge", 0, SP_STRING, &judge_cmd, "CMD", "let CMD label them: a filter that adds \"label\" to each JSON line", 0, 0},
    {"summary", 0, SP_FLAG, &summary, NULL, "one JSON object with counts and rates (Wilson 95 % intervals) instead", 0, 0},
    {"by", 0, SP_STRING, &by, "FIELD", "with --summary: also for each value of FIELD", 0, 0},
    {0},
};
static const sp_opt tokenize_opts[] = {{"decode", 0, SP_FLAG, &decode, NULL, "from {\"ids\"} to {\"text\"}", 0, 0}, {0}};

/* ---- what the verbs share ----------------------------------------------------------------------------------------- */

static void check(int rc, const sp_err *e)
{
    if (rc < 0) sp_die_err(e);
}

typedef struct {
    sp_model *m;
    sp_tok *tok; /* NULL where the directory has none: then ids only */
    sp_data_opt opt;
} subject;

static bool has_file(const char *dir, const char *name)
{
    char *path = sp_xasprintf("%s/%s", dir, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static void open_subject(subject *s, const char *dir)
{
    sp_err e = {0};
    if (has_file(dir, "tokenizer.json") || has_file(dir, "tokenizer.model")) {
        s->tok = sp_tok_open(dir, &e);
        if (!s->tok) sp_die_err(&e);
    }
    s->m = sp_model_open(dir, weights, 0, 0, &e);
    if (!s->m) sp_die_err(&e);
    s->opt = (sp_data_opt){.tok = s->tok, .tmpl = template ? (sp_template)template : sp_template_auto(dir), .loss_on = (sp_loss_on)loss_on};
    s->opt.vocab = s->m->cfg.vocab;
    s->opt.max_len = max_len ? max_len : s->m->cfg.max_position;
    sp_note("%s: %s, template %s", dir, s->m->cfg.family, sp_template_name(s->opt.tmpl));
}

static void close_subject(subject *s)
{
    if (s->tok) sp_tok_close(s->tok);
    sp_model_close(s->m);
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

/* ---- generate ----------------------------------------------------------------------------------------------------- */

typedef struct {
    subject s;
    json_t **objs;      /* until they are written */
    sp_gen_item *items;
    bool *finished;
    size_t n, written, n_finished;
    sp_text out;
} generation;

static int encode_prompt(const subject *s, const json_t *obj, sp_ids *ids, sp_err *e)
{
    const json_t *given = json_object_get(obj, "input_ids"), *text = json_object_get(obj, "text");
    if (given) return sp_json_get_ids(given, s->m->cfg.vocab, ids, e);
    if (!s->tok) return sp_fail(e, SP_EINPUT, "the model directory has no tokenizer: \"input_ids\" are needed");
    if (json_is_string(text)) return sp_tok_encode(s->tok, json_string_value(text), json_string_length(text), SP_TOK_SPECIAL, ids, e);
    sp_turn turns[MAX_TURNS];
    int n = sp_turns_of(obj, false, turns, MAX_TURNS, e);
    return n < 0 ? -1 : sp_chat_encode(s->tok, s->opt.tmpl, turns, (size_t)n, ids, NULL, e);
}

static int add_prompt(void *self, json_t *obj, sp_err *e)
{
    generation *g = self;
    sp_ids ids = {0};
    int64_t most = g->s.m->cfg.max_position;
    if (encode_prompt(&g->s, obj, &ids, e) < 0) return -1;
    if (!ids.n) return sp_fail(e, SP_EINPUT, "the prompt has no tokens");
    if ((int64_t)ids.n >= most) return sp_fail(e, SP_EINPUT, "a prompt of %zu tokens, but the model takes %lld", ids.n, (long long)most - 1);
    if ((g->n & (g->n - 1)) == 0) {
        size_t cap = SP_MAX(2 * g->n, 1);
        g->objs = sp_xrealloc(g->objs, cap * sizeof *g->objs);
        g->items = sp_xrealloc(g->items, cap * sizeof *g->items);
    }
    g->objs[g->n] = obj;
    g->items[g->n++] = (sp_gen_item){.prompt = ids.ids, .n_prompt = (int64_t)ids.n};
    return 0;
}

static void write_answer(generation *g, size_t i)
{
    sp_gen_item *it = &g->items[i];
    json_t *obj = g->objs[i];
    if (g->s.tok) {
        size_t n;
        char *text = sp_tok_decode(g->s.tok, it->out.ids, it->out.n, true, &n);
        json_object_set_new(obj, "response", sp_json_text(text, sp_gen_cut(text, n, gen.stop, gen.n_stop)));
        free(text);
    }
    json_object_set_new(obj, "ids", sp_json_ids(it->out.ids, it->out.n));
    json_object_set_new(obj, "finish", json_string(it->stopped ? "stop" : "length"));
    json_object_set_new(obj, "tokens", json_integer((json_int_t)it->out.n));
    json_object_set_new(obj, "seconds", json_real(round(it->seconds * 1e6) / 1e6));
    sp_json_put(g->out.f, obj);
    json_decref(obj);
    free((void *)it->prompt);
    sp_ids_free(&it->out);
}

/* Answers finish in any order and are written in that of the prompts. */
static void answer_done(void *self, size_t i)
{
    generation *g = self;
    g->finished[i] = true;
    sp_progress_at(&progress, (double)++g->n_finished);
    while (g->written < g->n && g->finished[g->written]) write_answer(g, g->written++);
}

static int run_generate(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    int32_t ends[MAX_ENDS];
    generation g = {0};
    open_subject(&g.s, argv[0]);
    each_line(argv[1], add_prompt, &g);
    g.finished = sp_xcalloc(g.n, sizeof *g.finished);
    const sp_config *c = &g.s.m->cfg;
    for (int i = 0; i < c->n_eos && !ignore_eos; i++) ends[gen.n_end++] = c->eos[i];
    if (g.s.tok && !ignore_eos) gen.n_end += sp_chat_stops(g.s.tok, g.s.opt.tmpl, ends + gen.n_end, MAX_ENDS - gen.n_end);
    gen.end = ends;
    gen.tok = g.s.tok;
    gen.seed = (uint64_t)sp_args.seed;
    if (gen.n_stop && !gen.tok) sp_die(SP_EINPUT, "%s: --stop needs a tokenizer", argv[0]);
    sp_text_open(&g.out, sp_args.out);
    sp_progress_start(&progress, "generate", "answers", (double)g.n);
    check(sp_generate(g.s.m, g.items, g.n, &gen, answer_done, &g, &e), &e);
    sp_progress_end(&progress);
    sp_text_finish(&g.out);
    free(g.objs), free(g.items), free(g.finished);
    close_subject(&g.s);
    return SP_OK;
}

/* ---- loglik, ppl, logits ------------------------------------------------------------------------------------------ */

static int64_t tokens_of(const sp_data *d)
{
    int64_t n = 0;
    for (size_t i = 0; i < d->n; i++) n += d->ex[i].n;
    return n;
}

static sp_score *score_all(subject *s, const sp_data *d, const char *what)
{
    sp_score *scores = sp_xarray(d->n, sizeof *scores);
    sp_progress_start(&progress, what, "tokens", (double)tokens_of(d));
    sp_score_data(s->m, d, batch_tokens, scores, show_progress, NULL);
    sp_progress_end(&progress);
    return scores;
}

typedef struct {
    subject s;
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
    open_subject(&c.s, argv[0]);
    if (!c.s.tok) sp_die(SP_EINPUT, "%s: no tokenizer", argv[0]);
    each_line(argv[1], add_item, &c);
    sp_score *scores = score_all(&c.s, &c.items.data, "loglik");
    sp_text_open(&out, sp_args.out);
    for (size_t i = 0; i < c.items.n; i++) {
        sp_items_report(&c.items, i, scores);
        sp_json_put(out.f, c.items.items[i].obj);
    }
    sp_text_finish(&out);
    free(scores);
    sp_items_free(&c.items);
    close_subject(&c.s);
    return SP_OK;
}

static int run_ppl(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    subject s = {0};
    sp_data d;
    sp_text out;
    open_subject(&s, argv[0]);
    check(sp_data_load(&d, argv[1], &s.opt, &e), &e);
    sp_score *scores = score_all(&s, &d, "ppl");
    double nll = 0;
    int64_t tokens = 0;
    for (size_t i = 0; i < d.n; i++) nll += scores[i].nll, tokens += scores[i].tokens;
    nll /= (double)SP_MAX(tokens, 1);
    if (!isfinite(nll)) sp_die(SP_EINPUT, "%s: the loss is not finite: the weights are damaged", argv[0]);
    json_t *o = json_pack("{s:f,s:I,s:I}", "nll", nll, "tokens", (json_int_t)tokens, "examples", (json_int_t)d.n);
    if (isfinite(exp(nll))) json_object_set_new(o, "ppl", json_real(exp(nll)));
    sp_text_open(&out, sp_args.out);
    sp_json_put(out.f, o);
    sp_text_finish(&out);
    json_decref(o);
    free(scores);
    sp_data_free(&d);
    close_subject(&s);
    return SP_OK;
}

static int run_logits(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    subject s = {0};
    sp_data d;
    sp_meta meta = {0};
    open_subject(&s, argv[0]);
    check(sp_data_load(&d, argv[1], &s.opt, &e), &e);
    sp_tinfo *tensors = sp_logits_tensors(s.m, &d);
    sp_pg_append(&meta, &s.m->src, 1);
    sp_dst *out = sp_dst_open(sp_args.out, tensors, d.n, &meta, (int)sp_args.level, &e);
    if (!out) sp_die_err(&e);
    check(sp_score_logits(s.m, &d, batch_tokens, out, &e), &e);
    check(sp_dst_finish(out, &e), &e);
    sp_logits_tensors_free(tensors, d.n);
    sp_meta_free(&meta);
    sp_data_free(&d);
    close_subject(&s);
    return SP_OK;
}

/* ---- judge -------------------------------------------------------------------------------------------------------- */

static int label_item(json_t *obj, sp_err *e)
{
    const json_t *text = json_object_get(obj, "response");
    if (!json_is_string(text)) return sp_fail(e, SP_EINPUT, "no \"response\"");
    const char *rule;
    sp_label l = sp_judge(json_string_value(text), json_string_length(text), &rule);
    json_object_set_new(obj, "label", json_string(sp_label_name(l)));
    json_object_set_new(obj, "rule", json_string(rule));
    return 0;
}

static int add_answer(void *self, json_t *obj, sp_err *e)
{
    const char *text = json_string_value(json_object_get(obj, "response")), *ref = json_string_value(json_object_get(obj, "reference"));
    if (!judge_cmd && label_item(obj, e) < 0) return -1;
    if (text && ref) json_object_set_new(obj, "match", json_boolean(sp_judge_match(text, ref)));
    json_array_append_new(self, obj);
    return 0;
}

/* Let the external judge label the items: what it prints for each is merged into it. */
static void ask_judge(json_t *items)
{
    sp_err e = {0};
    json_t *said = sp_filter(judge_cmd, items, &e);
    if (!said) sp_die_err(&e);
    size_t n = json_array_size(items), n_said = json_array_size(said);
    if (n_said != n) sp_die(SP_EINPUT, "%s: %zu lines out for %zu lines in", judge_cmd, n_said, n);
    for (size_t i = 0; i < n; i++) json_object_update(json_array_get(items, i), json_array_get(said, i));
    json_decref(said);
}

static int run_judge(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    sp_text out;
    json_t *items = json_array();
    each_line(argv[0], add_answer, items);
    if (judge_cmd) ask_judge(items);
    json_t *total = sp_tally(items, summary ? by : NULL, &e);
    if (!total) sp_die(e.code, "%s: %s", judge_cmd ? judge_cmd : argv[0], e.msg);
    sp_text_open(&out, sp_args.out);
    for (size_t i = 0; i < json_array_size(items) && !summary; i++) sp_json_put(out.f, json_array_get(items, i));
    if (summary) sp_json_put(out.f, total);
    sp_text_finish(&out);
    json_decref(total);
    json_decref(items);
    return SP_OK;
}

/* ---- tokenize ----------------------------------------------------------------------------------------------------- */

typedef struct {
    sp_tok *tok;
    sp_text out;
} tokenizing;

static int encode_line(const sp_tok *tok, const json_t *obj, json_t *to, sp_err *e)
{
    const json_t *text = json_object_get(obj, "text");
    if (!json_is_string(text)) return sp_fail(e, SP_EINPUT, "no \"text\"");
    const char *s = json_string_value(text);
    size_t n = json_string_length(text), len;
    sp_ids ids = {0}, plain = {0};
    int rc = sp_tok_encode(tok, s, n, SP_TOK_SPECIAL, &ids, e);
    if (rc == 0) rc = sp_tok_encode(tok, s, n, 0, &plain, e);
    char *decoded = sp_tok_decode(tok, plain.ids, plain.n, false, &len);
    json_object_set_new(to, "ids", sp_json_ids(ids.ids, ids.n));
    json_object_set_new(to, "ids_no_special", sp_json_ids(plain.ids, plain.n));
    json_object_set_new(to, "decoded", sp_json_text(decoded, len));
    free(decoded);
    sp_ids_free(&ids), sp_ids_free(&plain);
    return rc;
}

static int decode_line(const sp_tok *tok, const json_t *obj, json_t *to, sp_err *e)
{
    sp_ids ids = {0};
    size_t len;
    int rc = sp_json_get_ids(json_object_get(obj, "ids"), (int64_t)sp_tok_vocab(tok), &ids, e);
    char *text = sp_tok_decode(tok, ids.ids, ids.n, false, &len);
    json_object_set_new(to, "text", sp_json_text(text, len));
    free(text);
    sp_ids_free(&ids);
    return rc;
}

static int tokenize_line(void *self, json_t *obj, sp_err *e)
{
    tokenizing *t = self;
    json_t *to = json_object();
    int rc = decode ? decode_line(t->tok, obj, to, e) : encode_line(t->tok, obj, to, e);
    if (rc == 0) sp_json_put(t->out.f, to);
    json_decref(to);
    json_decref(obj);
    return rc;
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

/* ---- the command line --------------------------------------------------------------------------------------------- */

static const sp_cmd cmds[] = {
    {"generate", "MODEL PROMPTS", "answers to prompts: response, ids, finish, tokens, seconds are added to each line", generate_opts, 2, 2,
     run_generate},
    {"loglik", "MODEL ITEMS", "log-likelihood (nats) of continuations or choices: loglik, tokens, greedy, pick are added", loglik_opts, 2, 2,
     run_loglik},
    {"ppl", "MODEL DATA", "mean negative log-likelihood (nats) and perplexity over the scored tokens, one JSON object", data_opts, 2, 2, run_ppl},
    {"logits", "MODEL DATA", "logits as a tensor stream: logits.0, logits.1 ... (tokens, vocabulary), F32", data_opts, 2, 2, run_logits},
    {"judge", "RESPONSES", "label each response: comply, partial, refuse or degenerate", judge_opts, 1, 1, run_judge},
    {"tokenize", "MODEL [TEXTS]", "{\"text\"} to {\"ids\",\"ids_no_special\",\"decoded\"}; only the tokenizer of MODEL is needed", tokenize_opts, 1,
     2, run_tokenize},
    {0},
};

static const char tail[] =
    "PROMPTS, ITEMS, DATA, RESPONSES and TEXTS are JSON lines, - is standard input. A prompt is {\"prompt\",\"system\"?},\n"
    "{\"messages\"}, {\"text\"} (as it stands) or {\"input_ids\"}; an item {\"context\",\"continuation\"} or {\"context\",\"choices\"};\n"
    "an example of DATA {\"input_ids\",\"labels\"}, {\"prompt\",\"response\"}, {\"messages\"} or {\"text\"}.";

int main(int argc, char **argv)
{
    sp_gemm_start(argv);
    return sp_opt_main(argc, argv, "generate with a model, score it, judge its answers", cmds, tail);
}
