/* sp-grad.c - gradients, SNIP scores and training of a checkpoint on JSONL examples.
 *
 * All three verbs open a model and a data file, run the layer-major driver (train/grad.h) and write
 * a tensor stream. What they do with each gradient differs: `grad` writes it, `snip` multiplies it
 * by a factor and writes it (train/scores.h), `tune` updates the weight in place and writes the
 * weights at the end (train/tune.h, train/weights.h).
 */
#include "base/capacity.h"
#include "cli/streams.h"
#include "cli/opt.h"
#include "cli/restart.h"
#include "cli/subject.h"
#include "engine/checkpoint.h"
#include "engine/gemm.h"
#include "train/footprint.h"
#include "train/scores.h"
#include "train/tune.h"
#include "train/weights.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Options of all verbs. A variable that several tables name is shared by their verbs. SP_CHOICE
 * stores the place of the word in its list: scope 0 is "all", 1 is "linears". */
static sp_subject_args from;
static const char *factor;
static int mean, dtype, moments, scope_out, scope_tune = 1;
static int64_t limit;
static bool square;
static sp_tune_opt tune = {.npo_beta = 0.1,
                           .weight = 1,
                           .fraction = 1,
                           .optim = {SP_ADAMW, 0.9, 0.999, 1e-8, 0},
                           .lr = 1e-5,
                           .epochs = 1,
                           .batch = 16,
                           .accumulate = 1,
                           .save_every = 30};

/* --term KIND,WEIGHT,FILE: kept as text until the model is open, since FILE is read with its
 * tokenizer. FILE may hold commas of its own. */
#define MAX_TERMS 8
static const char *term_args[MAX_TERMS];
static size_t n_terms;
static int add_term(void *self, const char *name, const char *value, sp_err *e)
{
    (void)self, (void)name;
    if (n_terms == MAX_TERMS) return sp_fail(e, SP_EUSAGE, "more than %d terms", MAX_TERMS);
    const char *weight = strchr(value, ','), *file = weight ? strchr(weight + 1, ',') : NULL;
    if (!file || (strncmp(value, "ce,", 3) && strncmp(value, "kl,", 3)))
        return sp_fail(e, SP_EUSAGE, "'%s' is not ce,WEIGHT,FILE or kl,WEIGHT,FILE", value);
    term_args[n_terms++] = value;
    return 0;
}
static sp_opt_call term_call = {add_term, NULL};

/* clang-format off */
#define DATA_OPTS SP_MODEL_OPTS(from), SP_DATA_OPTS(from), \
    {"limit", 0, SP_INT, &limit, "N", "use only the first N examples", 1, 1 << 30}

static const sp_opt grad_opts[] = {
    {"square", 0, SP_FLAG, &square, NULL, "mean over examples of the squared gradient of each one's own mean loss (Fisher information)", 0, 0},
    {"scope", 0, SP_CHOICE, &scope_out, "all|linears", "parameters written (default: all)", 0, 0},
    {"mean", 0, SP_CHOICE, &mean, "token|example", "mean over all scored tokens, or over examples of their own means (default: token)", 0, 0},
    DATA_OPTS,
    {0},
};
static const sp_opt snip_opts[] = {
    {"factor", 0, SP_STRING, &factor, "STREAM", "multiply |gradient| by |STREAM| instead of |weights| (e.g. a patch)", 0, 0},
    {"scope", 0, SP_CHOICE, &scope_out, "all|linears", "parameters written (default: all)", 0, 0},
    DATA_OPTS,
    {0},
};
static const sp_opt tune_opts[] = {
    {"ascend", 0, SP_FLAG, &tune.ascend, NULL, "maximise the loss instead of minimising it", 0, 0},
    {"loss", 0, SP_CHOICE, &tune.loss, "ce|npo", "main loss: cross-entropy, or negative preference optimization (default: ce)", 0, 0},
    {"npo-beta", 0, SP_REAL, &tune.npo_beta, "X", "inverse temperature of NPO (default: 0.1)", 1e-6, 1e3},
    {"weight", 0, SP_REAL, &tune.weight, "X", "weight of the main loss (default: 1)", 1e-9, 1e9},
    {"term", 0, SP_CALL, &term_call, "KIND,WEIGHT,FILE", "add a loss on other data: ce (cross-entropy) or kl (to the start); repeatable", 0, 0},
    {"fraction", 0, SP_REAL, &tune.fraction, "P", "train a random share P of the parameters in each epoch (default: 1)", 0, 1},
    {"optimizer", 0, SP_CHOICE, &tune.optim.kind, SP_OPTIM_CHOICES, "(default: adamw)", 0, 0},
    {"lr", 0, SP_REAL, &tune.lr, "X", "learning rate (default: 1e-5)", 0, 1e6},
    {"beta1", 0, SP_REAL, &tune.optim.beta1, "X", "AdamW (default: 0.9)", 0, 0.9999999},
    {"beta2", 0, SP_REAL, &tune.optim.beta2, "X", "AdamW (default: 0.999)", 0, 0.9999999},
    {"eps", 0, SP_REAL, &tune.optim.eps, "X", "AdamW (default: 1e-8)", 0, 1},
    {"weight-decay", 0, SP_REAL, &tune.optim.weight_decay, "X", "decoupled, matrices only (default: 0)", 0, 1e6},
    {"schedule", 0, SP_CHOICE, &tune.schedule, SP_SCHEDULE_CHOICES, "learning rate over the run (default: constant)", 0, 0},
    {"warmup", 0, SP_INT, &tune.warmup, "N", "steps of linear warm-up (default: 0)", 0, 1 << 30},
    {"steps", 0, SP_INT, &tune.steps, "N", "train N steps", 1, 1 << 30},
    {"epochs", 0, SP_INT, &tune.epochs, "N", "or N passes over DATA (default: 1)", 1, 1 << 20},
    {"batch", 0, SP_INT, &tune.batch, "N", "examples a step, 0 = all (default: 16)", 0, 1 << 30},
    {"accumulate", 0, SP_INT, &tune.accumulate, "N", "batches a step (default: 1)", 1, 1 << 20},
    {"shuffle", 0, SP_FLAG, &tune.shuffle, NULL, "a new random order each epoch, from --seed", 0, 0},
    {"max-loss", 0, SP_REAL, &tune.max_loss, "X", "stop before a step whose loss is above X", 0, 1e9},
    {"mean", 0, SP_CHOICE, &mean, "token|example", "mean over all scored tokens, or over examples of their own means (default: token)", 0, 0},
    {"scope", 0, SP_CHOICE, &scope_tune, "all|linears", "parameters trained (default: linears)", 0, 0},
    {"init", 0, SP_REAL, &from.init_std, "STD", "start from random weights N(0, STD^2); MODEL needs no weights", 0, 100},
    {"dtype", 0, SP_CHOICE, &dtype, "f32|bf16|f16", "of the weights written (default: f32)", 0, 0},
    {"moments", 0, SP_CHOICE, &moments, "f32|bf16", "AdamW's moments: bf16 halves them, with stochastic rounding (default: f32)", 0, 0},
    {"scratch", 0, SP_STRING, &tune.scratch, "DIR", "keep masters and moments in a file there (default: if they exceed half of the memory)", 0, 0},
    {"state", 0, SP_STRING, &tune.state, "DIR", "keep the state there and resume from it after any kill", 0, 0},
    {"save-every", 0, SP_REAL, &tune.save_every, "SECONDS", "between states (default: 30)", 0, 1e9},
    {"log", 0, SP_STRING, &tune.log, "FILE", "JSON lines: step, loss, lr, grad_norm, tokens_per_s", 0, 0},
    DATA_OPTS,
    {0},
};
/* clang-format on */

/* ---- what the verbs share ------------------------------------------------------------- */

/* End the program with *e if rc, the result of a call that may have filled it, is negative. */
static void check(int rc, const sp_err *e)
{
    if (rc < 0) sp_die_err(e);
}

/* Open the output for n parameters in dtype d, made from `inputs`. It is a stream, or with a
 * base_dir a checkpoint directory like that one if -o ends in a slash. Metadata of `like`, the
 * weights whose place the output takes, go along; NULL = none. Never returns NULL. */
static sp_dst *open_output(sp_param *const *list, size_t n, sp_dtype d, sp_src *const *inputs,
                           size_t n_inputs, const char *base_dir, const sp_src *like)
{
    sp_err e = {0};
    sp_output out = sp_args_output();
    out.replaces = like, out.inputs = inputs, out.n_inputs = n_inputs;
    if (out.path && *out.path && out.path[strlen(out.path) - 1] == '/') out.base_dir = base_dir;
    sp_tinfo *info = sp_xcalloc(n, sizeof *info);
    for (size_t i = 0; i < n; i++) info[i] = sp_param_tensor(list[i], d);
    sp_dst *dst = sp_output_open(&out, info, n, &e);
    if (!dst) sp_die_err(&e);
    free(info);
    return dst;
}

/* ---- grad and snip -------------------------------------------------------------------- */

/* Tokens of the longest example, at least 1. */
static int64_t longest_of(const sp_examples *d)
{
    int64_t n = 1;
    for (size_t i = 0; i < d->n; i++) n = SP_MAX(n, d->ex[i].n);
    return n;
}

/* Open the stream of --factor; NULL without one, which means the weights. The caller closes it. */
static sp_src *open_factor(void)
{
    sp_err e = {0};
    sp_src *v = factor ? sp_src_open(factor, &e) : NULL;
    if (factor && !v) sp_die_err(&e);
    return v;
}

/* Write the gradients of `data` to the output. `each` says what is made of each example, and `snip`
 * multiplies by the factor. All examples are one batch, so that every weight is read once.
 *
 * The order of the steps matters: memory is checked before the output is opened, and the factor is
 * proved to be whole before the output appears under its name.
 */
static void write_gradients(sp_model *m, const sp_examples *data, sp_each each, bool snip)
{
    sp_err e = {0};
    sp_batch batch;
    sp_src *v = open_factor();
    sp_param **list = sp_xarray(m->n, sizeof *list);
    size_t n = sp_grad_order(m, !scope_out, list);
    double n_examples = (double)data->n, loss = 0;
    sp_scores scores = {.each = each, .examples = n_examples, .times = snip, .factor = v};
    sp_grad_job job = {
        .all = !scope_out, .per_example = each, .emit = sp_scores_emit, .self = &scores};
    sp_batch_make(&batch, data, NULL, data->n, each ? SP_MEAN_OWN : (sp_mean)mean);
    uint64_t bytes = sp_footprint(m, job.all, each, batch.n, longest_of(data));
    check(sp_capacity_check_memory("gradients", bytes, &e), &e);
    scores.dst = open_output(list, n, SP_F32, (sp_src *[]){m->src, v}, 2, NULL, NULL);
    sp_scores_open(&scores);
    check(sp_grad_run(m, &batch, &job, &loss, &e), &e);
    /* of losses per example the run returns the sum */
    sp_note("loss %.9g nats over %" PRId64 " scored tokens of %zu examples",
            each ? loss / n_examples : loss, batch.scored, data->n);
    if (v) check(sp_src_end(v, &e), &e);
    check(sp_dst_finish(scores.dst, &e), &e);
    if (v) sp_src_close(v);
    sp_scores_close(&scores);
    sp_batch_free(&batch);
    free(list);
}

/* Open model and data and write gradients: what `grad` and `snip` have in common. */
static int run_gradients(char **argv, sp_each each, bool snip)
{
    sp_examples data;
    sp_subject s;
    sp_subject_open(&s, argv[0], &from);
    sp_subject_load(&data, &s, argv[1], limit);
    write_gradients(s.m, &data, each, snip);
    sp_examples_free(&data);
    sp_subject_close(&s);
    return SP_OK;
}

static int run_grad(int argc, char **argv)
{
    (void)argc;
    return run_gradients(argv, square ? SP_EACH_SQUARE : SP_EACH_NONE, false);
}

static int run_snip(int argc, char **argv)
{
    (void)argc;
    return run_gradients(argv, SP_EACH_ABS, true);
}

/* ---- tune ----------------------------------------------------------------------------- */

/* Read one --term KIND,WEIGHT,FILE, whose form add_term has checked: two letters and two commas.
 * The data of the result belong to the caller. */
static sp_term open_term(const sp_subject *s, const char *arg)
{
    char *end;
    sp_term t = {.kind = arg[0] == 'k' ? SP_TERM_KL : SP_TERM_CE};
    t.weight = strtod(arg + 3, &end);
    if (*end != ',' || !isfinite(t.weight))
        sp_die(SP_EUSAGE, "option --term: '%s': the weight is not a number", arg);
    sp_subject_load(&t.data, s, end + 1, limit);
    return t;
}

/* Open the terms, and the frozen reference where a loss needs one. The reference is the model
 * before training. It is opened a second time because training changes the first in place; the
 * weights that both map from the checkpoint are in memory once. */
static void open_terms(const sp_subject *s, const char *dir)
{
    sp_err e = {0};
    bool needs_ref = tune.loss == SP_LOSS_NPO;
    tune.terms = sp_xcalloc(n_terms, sizeof *tune.terms);
    for (tune.n_terms = 0; tune.n_terms < n_terms; tune.n_terms++) {
        sp_term *t = &tune.terms[tune.n_terms];
        *t = open_term(s, term_args[tune.n_terms]);
        needs_ref |= t->kind == SP_TERM_KL;
    }
    if (needs_ref) tune.ref = sp_model_open(dir, from.weights, &e);
    if (needs_ref && !tune.ref) sp_die_err(&e);
}

static void close_terms(void)
{
    for (size_t i = 0; i < n_terms; i++) sp_examples_free(&tune.terms[i].data);
    free(tune.terms);
    sp_model_close(tune.ref);
}

/* Write all weights of m, trained or not, in the order of the checkpoint. `dir` is the model
 * directory, from which a checkpoint directory takes its other files. */
static void write_weights(const sp_model *m, const char *dir)
{
    static const sp_dtype dtypes[] = {SP_F32, SP_BF16, SP_F16};
    sp_err e = {0};
    sp_rounding rounding = {0};
    sp_dtype d = dtypes[dtype];
    sp_param **list = sp_xarray(m->n, sizeof *list);
    for (size_t i = 0; i < m->n; i++) list[i] = &m->params[i];
    sp_dst *dst = open_output(list, m->n, d, (sp_src *[]){m->src}, 1, dir, m->src);
    check(sp_weights_write(m, d, dst, &rounding, &e), &e);
    check(sp_dst_finish(dst, &e), &e);
    sp_say_rounding(rounding.changed, rounding.lost, sp_dtype_name(d), "--dtype f32");
    free(list);
}

/* Train and write the weights. --seed serves random initial weights and everything random in the
 * run. */
static int run_tune(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    sp_examples data;
    sp_subject s;
    if (tune.ascend && tune.loss == SP_LOSS_NPO)
        sp_die(SP_EUSAGE, "--ascend and --loss npo exclude each other");
    from.seed = tune.seed = (uint64_t)sp_args.seed;
    tune.all = !scope_tune;
    tune.mean = (sp_mean)mean;
    tune.moments = moments ? SP_BF16 : SP_F32;
    sp_subject_open(&s, argv[0], &from);
    sp_subject_load(&data, &s, argv[1], limit);
    open_terms(&s, argv[0]);
    check(sp_tune(s.m, &data, &tune, &e), &e);
    write_weights(s.m, argv[0]);
    close_terms();
    sp_examples_free(&data);
    sp_subject_close(&s);
    return SP_OK;
}

/* ---- the command line ----------------------------------------------------------------- */

/* clang-format off */
static const sp_cmd commands[] = {
    {"grad", "MODEL DATA", "gradient of the mean loss of DATA, one F32 tensor a parameter", grad_opts, 2, 2, run_grad},
    {"snip", "MODEL DATA", "SNIP scores: mean over examples of |V * dL_i/dW|, V = W or --factor", snip_opts, 2, 2, run_snip},
    {"tune", "MODEL DATA", "the weights after training on DATA (-o DIR/ writes a checkpoint directory)", tune_opts, 2, 2, run_tune},
    {0},
};
/* clang-format on */

int main(int argc, char **argv)
{
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    return sp_opt_main(argc, argv, "gradients, SNIP scores and training on JSONL examples",
                       commands,
                       "MODEL is a Hugging Face checkpoint directory; DATA is JSON lines, \"-\" "
                       "for standard input.");
}
