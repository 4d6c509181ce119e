/* test_tune.c - the objectives of the training baselines: one step of each against numbers worked
 * by hand on a model that is a table of word frequencies, and against slow scalar versions of their
 * definitions on a transformer. Half fine-tuning against full steps.
 */

#include "base/hash.h"
#include "base/philox.h"
#include "cli/restart.h"
#include "engine/gemm.h"
#include "train/tune.h"
#include "files.h"
#include "models.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* One SGD step of size 1 on everything, whatever the objective. */
static sp_tune_opt one_step(void)
{
    return (sp_tune_opt){.weight = 1,
                         .fraction = 1,
                         .npo_beta = 1,
                         .moments = SP_F32,
                         .optim = {.kind = SP_SGD},
                         .lr = 1,
                         .steps = 1,
                         .accumulate = 1,
                         .all = true};
}

static void train(sp_model *m, const sp_examples *data, const sp_tune_opt *o)
{
    sp_err e = {0};
    int rc = sp_tune(m, data, o, &e);
    die_on(&e);
    assert_int_equal(rc, 0);
}

/* ---- by hand -------------------------------------------------------------------------- */

/* A model of four words that looks at nothing: the hidden state is all ones, so a row of the head
 * of v/4 gives the word the logit v. */
static sp_model *table_model(const double *p)
{
    sp_model *m = model_of("{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":4,\"num_"
                           "hidden_layers\":1,\"num_attention_heads\":1,"
                           "\"num_key_value_heads\":1,\"intermediate_size\":4,\"vocab_size\":4,"
                           "\"rms_norm_eps\":1e-12,\"rope_theta\":10000,"
                           "\"tie_word_embeddings\":false,\"hidden_act\":\"silu\"}",
                           0.1);
    for (size_t i = 0; i < m->n; i++)
        for (size_t j = 0; j < sp_numel(&m->params[i]); j++)
            m->params[i].own[j] = &m->params[i] == m->embed || m->params[i].cols == 1;
    for (int v = 0; v < 4; v++)
        for (int j = 0; j < 4; j++) m->head->own[v * 4 + j] = (float)log(p[v]) / 4;
    return m;
}

static const double frequent[] = {1 / 2., 1 / 4., 1 / 8., 1 / 8.},
                    even[] = {1 / 4., 1 / 4., 1 / 4., 1 / 4.};

/* The harmful answers are 0 1 (3 ln 2 nats) and 2 (3 ln 2 nats); one token elsewhere: 3. */
static int32_t hand_ids[3][3] = {{0, 0, 1}, {0, 2, 0}, {0, 3, 0}},
               hand_labels[3][3] = {{-100, 0, 1}, {-100, 2, 0}, {-100, 3, 0}};
static sp_example hand_examples[3] = {{3, hand_ids[0], hand_labels[0], false},
                                      {2, hand_ids[1], hand_labels[1], false},
                                      {2, hand_ids[2], hand_labels[2], false}};
static const sp_examples harmful = {.n = 2, .ex = hand_examples},
                         harmless = {.n = 1, .ex = hand_examples + 2};

/* One step from `frequent`, with `even` as the reference, moves the logits' rows by these amounts:
 * minus the gradient. */
static void moves(sp_tune_opt o, double a, double b, double c, double d)
{
    const double want[] = {a, b, c, d};
    sp_model *m = table_model(frequent), *start = table_model(frequent);
    o.ref = table_model(even);
    train(m, &harmful, &o);
    for (int i = 0; i < 16; i++) {
        double moved = (double)m->head->own[i] - (double)start->head->own[i];
        if (!(fabs(moved - want[i / 4]) < 1e-6))
            fail_msg("word %d moved by %.9g, expected %.9g", i / 4, moved, want[i / 4]);
    }
    sp_model_close(m), sp_model_close(start), sp_model_close(o.ref);
}

/* A step down moves word v by sum_t coef_t (1[v = y_t] - p_v). */
static void descent_and_ascent_by_hand(void **state)
{
    (void)state;
    sp_tune_opt o = one_step(); /* three tokens, a third each */
    moves(o, -1 / 6., 1 / 12., 5 / 24., -1 / 8.);
    o.ascend = true;
    o.weight = 0.5;
    moves(o, 1 / 12., -1 / 24., -5 / 48., 1 / 16.);
    /* a quarter each for the two tokens of the first answer, a half for the second's */
    o.mean = SP_MEAN_EXAMPLE;
    moves(o, 1 / 8., 0, -3 / 16., 1 / 16.);
}

/* The reference of the KL term is even, so it pulls by 1/4 - p; the mismatched answer is 3. */
static void ascent_with_terms_by_hand(void **state)
{
    (void)state;
    sp_term terms[] = {{SP_TERM_KL, 1, harmless}, {SP_TERM_CE, 1, harmless}};
    sp_tune_opt o = one_step();
    o.ascend = true;
    o.weight = 0.5;
    o.terms = terms;
    o.n_terms = 1;
    moves(o, 1 / 12. - 1 / 4., -1 / 24., -5 / 48. + 1 / 8., 1 / 16. + 1 / 8.);
    o.n_terms = 2;
    moves(o, 1 / 12. - 3 / 4., -1 / 24. - 1 / 4., -5 / 48., 1 / 16. + 1);
}

/* Sums of 3 ln 2 each, of the reference 4 ln 2 and 2 ln 2: the answers weigh 2 / (1 + 1/2) = 4/3
 * and 2 / (1 + 2) = 2/3, over two examples. For beta to 0 both weigh 1: ascent on the sums. */
static void npo_by_hand(void **state)
{
    (void)state;
    sp_term retain = {SP_TERM_CE, 1, harmless};
    sp_tune_opt o = one_step();
    o.loss = SP_LOSS_NPO;
    moves(o, 1 / 6., -1 / 4., -1 / 8., 5 / 24.);
    o.terms = &retain;
    o.n_terms = 1;
    moves(o, 1 / 6. - 1 / 2., -1 / 4. - 1 / 4., -1 / 8. - 1 / 8., 5 / 24. + 7 / 8.);
    o.n_terms = 0;
    o.npo_beta = 1e-9;
    moves(o, 1 / 4., -1 / 8., -5 / 16., 3 / 16.);
}

/* ---- against slow versions ------------------------------------------------------------ */

enum { N_MAIN = 3, N_OTHER = 2 };

typedef struct {
    sp_examples main, other;
} texts;

static void texts_open(texts *t)
{
    sp_example *ex = sp_xcalloc(N_MAIN + N_OTHER, sizeof *ex);
    for (uint64_t s = 0; s < N_MAIN + N_OTHER; s++) {
        int64_t n = 5 + (int64_t)(s * 7 % 11);
        ex[s] = (sp_example){n, sp_xarray((size_t)n, 4), sp_xarray((size_t)n, 4), false};
        for (int64_t i = 0; i < n; i++) {
            ex[s].ids[i] = (int32_t)(sp_rand_u64(3, s, (uint64_t)i) % 37);
            /* the terms' data are scored all over */
            ex[s].labels[i] = i < 3 && s < N_MAIN ? -100 : ex[s].ids[i];
        }
    }
    t->main = (sp_examples){.n = N_MAIN, .ex = ex};
    t->other = (sp_examples){.n = N_OTHER, .ex = ex + N_MAIN};
}

static void texts_close(texts *t)
{
    for (size_t s = 0; s < N_MAIN + N_OTHER; s++)
        free(t->main.ex[s].ids), free(t->main.ex[s].labels);
    free(t->main.ex);
}

/* Per example: the cross-entropy of its scored tokens, and of the reference's whole distribution
 * there; and how many they are. */
typedef struct {
    double ce[4], kl[4];
    int64_t scored[4], all;
} sums;

static sums slow_sums(sp_model *m, sp_model *ref, const sp_examples *d)
{
    sums s = {{0}, {0}, {0}, 0};
    for (size_t i = 0; i < d->n; i++) {
        sp_batch b;
        sp_batch_make(&b, &(sp_examples){.n = 1, .ex = &d->ex[i]}, NULL, 1, SP_MEAN_TOKEN);
        double *lp = log_probs(m, &b), *lr = log_probs(ref, &b);
        for (int64_t t = 0; t + 1 < b.n; t++) {
            int32_t y = d->ex[i].labels[t + 1];
            if (y < 0) continue;
            s.ce[i] -= lp[t * 37 + y];
            for (int64_t v = 0; v < 37; v++) s.kl[i] -= exp(lr[t * 37 + v]) * lp[t * 37 + v];
            s.scored[i]++, s.all++;
        }
        free(lp), free(lr);
        sp_batch_free(&b);
    }
    return s;
}

static double total(const double *x, size_t n) { return n ? x[n - 1] + total(x, n - 1) : 0; }

/* What a step is to make smaller, by the formulas of tune.h and objective.h. */
static double slow_objective(sp_model *m, const texts *t, const sp_tune_opt *o)
{
    sums main = slow_sums(m, o->ref, &t->main), ref = slow_sums(o->ref, o->ref, &t->main),
         other = slow_sums(m, o->ref, &t->other);
    double loss = total(main.ce, N_MAIN) / (double)main.all * (o->ascend ? -1 : 1), npo = 0;
    for (int i = 0; i < N_MAIN; i++)
        npo += -log(1 / (1 + exp(-o->npo_beta * (main.ce[i] - ref.ce[i]))));
    if (o->loss == SP_LOSS_NPO) loss = 2 / o->npo_beta * npo / N_MAIN;
    if (o->mean == SP_MEAN_EXAMPLE) {
        loss = 0;
        for (int i = 0; i < N_MAIN; i++) loss -= main.ce[i] / (double)main.scored[i] / N_MAIN;
    }
    loss *= o->weight;
    for (size_t k = 0; k < o->n_terms; k++)
        loss += o->terms[k].weight *
                total(o->terms[k].kind == SP_TERM_KL ? other.kl : other.ce, N_OTHER) /
                (double)other.all;
    return loss;
}

/* A step moves each weight matrix against the gradient: along it, the objective changes at the rate
 * of its length. */
static void check_slow(const texts *t, sp_tune_opt o)
{
    sp_model *m = shaken_model(0), *before = shaken_model(0);
    o.ref = small_model(0);
    train(m, &t->main, &o);
    for (size_t i = 0; i < m->n; i++) {
        float *w = before->params[i].own;
        size_t n = sp_numel(&m->params[i]);
        float *start = sp_xfloats(n);
        double norm = 0, loss[2];
        memcpy(start, w, n * sizeof *w);
        for (size_t j = 0; j < n; j++)
            norm += pow((double)start[j] - (double)m->params[i].own[j], 2);
        norm = sqrt(norm);
        double h = SP_MIN(0.02 / norm, 0.05); /* well above rounding, well below curvature */
        for (int side = 0; side < 2; side++) {
            for (size_t j = 0; j < n; j++)
                w[j] =
                    (float)(start[j] + (side ? -h : h) *
                                           ((double)start[j] - (double)m->params[i].own[j]) / norm);
            loss[side] = slow_objective(before, t, &o);
        }
        memcpy(w, start, n * sizeof *w);
        double slope = (loss[0] - loss[1]) / (2 * h);
        if (!(fabs(slope / norm - 1) < 0.02))
            fail_msg("%s: slope %.6g, expected %.6g", m->params[i].name, slope, norm);
        free(start);
    }
    sp_model_close(m), sp_model_close(before), sp_model_close(o.ref);
}

static void as_slow_version(void **state)
{
    (void)state;
    texts t;
    texts_open(&t);
    sp_term kl_ce[] = {{SP_TERM_KL, 1, t.other}, {SP_TERM_CE, 0.7, t.other}};
    sp_tune_opt o = one_step();
    check_slow(&t, o);
    o.ascend = true, o.weight = 0.5;
    check_slow(&t, o);
    o.mean = SP_MEAN_EXAMPLE;
    check_slow(&t, o);
    o.mean = SP_MEAN_TOKEN;
    o.terms = kl_ce;
    for (o.n_terms = 1; o.n_terms <= 2; o.n_terms++) check_slow(&t, o);
    o.ascend = false, o.weight = 1;
    o.loss = SP_LOSS_NPO;
    for (o.n_terms = 0; o.n_terms <= 2; o.n_terms++)
        for (int i = 0; i < 2; i++) {
            o.npo_beta = i ? 1 : 0.1;
            check_slow(&t, o);
        }
    texts_close(&t);
}

/* ---- half fine-tuning ----------------------------------------------------------------- */

/* In an epoch of one step each parameter is either where a full step leaves it or untouched to the
 * bit; which, is a draw by seed and name. */
static int half_step(uint64_t seed, bool *moved)
{
    texts t;
    texts_open(&t);
    sp_model *half = small_model(0), *full = small_model(0), *start = small_model(0);
    sp_tune_opt o = one_step();
    o.seed = seed;
    train(full, &t.main, &o);
    o.fraction = 0.5;
    train(half, &t.main, &o);
    int n_moved = 0;
    for (size_t i = 0; i < half->n; i++) {
        const char *name = half->params[i].name;
        bool want = sp_rand_unit(seed, sp_hash(SP_HASH0, name, strlen(name)), 0) < 0.5;
        assert_memory_equal(half->params[i].own, (want ? full : start)->params[i].own,
                            sp_numel(&half->params[i]) * sizeof(float));
        moved[i] = want;
        n_moved += want;
    }
    sp_model_close(half), sp_model_close(full), sp_model_close(start);
    texts_close(&t);
    return n_moved;
}

static void half_is_a_full_step_or_none(void **state)
{
    (void)state;
    bool moved[2][64];
    int n = 0, draws = 0, same = 0;
    sp_model *m = small_model(0);
    int params = (int)m->n;
    sp_model_close(m);
    for (uint64_t seed = 0; seed < 16; seed++) {
        n += half_step(seed, moved[seed % 2]);
        draws += params;
        for (int i = 0; seed % 2 && i < params; i++) same += moved[0][i] == moved[1][i];
    }
    assert_true(fabs(n - draws / 2.) < 5 * sqrt(draws / 4.));
    assert_true(fabs(same - draws / 4.) < 5 * sqrt(draws / 8.));
}

/* A second epoch draws anew: what neither moved is at the start, what only the second moved is
 * where one step from the first leaves it. */
static void each_epoch_draws_anew(void **state)
{
    (void)state;
    texts t;
    texts_open(&t);
    sp_model *one = small_model(0), *two = small_model(0), *start = small_model(0);
    sp_tune_opt o = one_step();
    o.fraction = 0.5;
    train(one, &t.main, &o);
    o.steps = 2;
    train(two, &t.main, &o);
    int kinds[4] = {0};
    for (size_t i = 0; i < one->n; i++) {
        const char *name = one->params[i].name;
        size_t bytes = sp_numel(&one->params[i]) * sizeof(float);
        bool first = sp_rand_unit(0, sp_hash(SP_HASH0, name, strlen(name)), 0) < 0.5,
             second = sp_rand_unit(0, sp_hash(SP_HASH0, name, strlen(name)), 1) < 0.5;
        kinds[first + 2 * second]++;
        assert_int_equal(memcmp(one->params[i].own, start->params[i].own, bytes) != 0, first);
        assert_int_equal(memcmp(two->params[i].own, one->params[i].own, bytes) != 0, second);
    }
    assert_true(kinds[0] && kinds[1] && kinds[2] && kinds[3]);
    sp_model_close(one), sp_model_close(two), sp_model_close(start);
    texts_close(&t);
}

/* ---- the run -------------------------------------------------------------------------- */

/* A run in which step 3 blows up: its log has the steps before it, all of whose numbers are some,
 * and the state is that of the last save. */
static void a_diverged_step_leaves_no_line(void **state)
{
    (void)state;
    texts t;
    texts_open(&t);
    sp_model *m = small_model(0);
    sp_err e = {0};
    sp_tune_opt o = one_step();
    o.lr = 0.01, o.steps = 9, o.log = "log";
    o.optim.weight_decay = 1e13; /* weights of 1e22 after two steps: products overflow */
    assert_int_equal(sp_tune(m, &t.main, &o, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, "training has diverged");
    int64_t failed = strtoll(e.msg + strlen("step "), NULL, 10), lines = 0;
    assert_true(failed > 1);
    size_t n;
    char *log = get_file("log", &n);
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *o_line = json_loads(line, 0, NULL); /* NaN is no JSON */
        assert_non_null(o_line);
        assert_int_equal(json_integer_value(json_object_get(o_line, "step")), ++lines);
        assert_true(json_is_number(json_object_get(o_line, "grad_norm")));
        json_decref(o_line);
    }
    assert_int_equal(lines, failed - 1);
    free(log);
    sp_model_close(m);
    texts_close(&t);
}

/* Linear decay after two steps of warm-up: 0, 1/2, 1, 1/2 of the rate. */
static void the_rate_follows_its_schedule(void **state)
{
    (void)state;
    static const double want[4] = {0, 0.005, 0.01, 0.005};
    texts t;
    texts_open(&t);
    sp_model *m = small_model(0);
    sp_tune_opt o = one_step();
    o.lr = 0.01, o.steps = 4, o.schedule = SP_LINEAR, o.warmup = 2, o.log = "log";
    train(m, &t.main, &o);
    FILE *f = fopen("log", "r");
    char line[300];
    for (int i = 0; i < 4; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        json_t *record = json_loads(line, 0, NULL);
        assert_true(fabs(json_number_value(json_object_get(record, "lr")) - want[i]) < 1e-9);
        json_decref(record);
    }
    fclose(f);
    sp_model_close(m);
    texts_close(&t);
}

/* Ascent with a cap: the step that would begin above it is not done, in whole or in part. */
static void stopped_before_the_cap(void **state)
{
    (void)state;
    texts t;
    texts_open(&t);
    sp_model *capped = small_model(0), *one = small_model(0);
    sp_tune_opt o = one_step();
    o.ascend = true, o.lr = 0.3;
    train(one, &t.main, &o);
    sp_model *start = small_model(0);
    sums before = slow_sums(start, one, &t.main), after = slow_sums(one, one, &t.main);
    double a = total(before.ce, N_MAIN) / (double)before.all,
           b = total(after.ce, N_MAIN) / (double)after.all;
    assert_true(b > a);
    o.max_loss = (a + b) / 2, o.steps = 5;
    train(capped, &t.main, &o);
    for (size_t i = 0; i < one->n; i++)
        assert_memory_equal(capped->params[i].own, one->params[i].own,
                            sp_numel(&one->params[i]) * sizeof(float));
    sp_model_close(capped);
    sp_model_close(one);
    sp_model_close(start);
    texts_close(&t);
}

static int lines_of(const char *path)
{
    FILE *f = fopen(path, "r");
    int c, n = 0;
    while (f && (c = getc(f)) != EOF) n += c == '\n';
    if (f) fclose(f);
    return n;
}

/* A run that is killed and goes on ends where one run does. (The first test: the child must find
 * no threads started.) */
static void goes_on_from_its_state(void **state)
{
    (void)state;
    texts t;
    texts_open(&t);
    int status;
    sp_tune_opt o = one_step();
    o.optim = (sp_optim){SP_ADAMW, 0.9, 0.99, 1e-8, 0.1};
    o.lr = 1e-4, o.steps = 300, o.batch = 2, o.shuffle = true, o.schedule = SP_COSINE, o.warmup = 9;
    sp_tune_opt kept = o;
    kept.state = "state", kept.log = "log";
    pid_t pid = fork();
    if (pid == 0) {
        train(small_model(0), &t.main, &kept);
        _exit(0);
    }
    while (lines_of("log") < 20 && waitpid(pid, &status, WNOHANG) == 0) usleep(1000);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status) && lines_of("log") < 300);
    sp_model *whole = small_model(0), *again = small_model(0), *done = small_model(0);
    train(whole, &t.main, &o);
    train(again, &t.main, &kept);
    assert_int_equal(lines_of("log"), 300);
    train(done, &t.main, &kept); /* nothing is left to do */
    for (size_t i = 0; i < whole->n; i++) {
        size_t bytes = sp_numel(&whole->params[i]) * sizeof(float);
        assert_memory_equal(again->params[i].own, whole->params[i].own, bytes);
        assert_memory_equal(done->params[i].own, whole->params[i].own, bytes);
    }
    sp_model_close(whole), sp_model_close(again), sp_model_close(done);
    texts_close(&t);
}

int main(int argc, char **argv)
{
    (void)argc;
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    sp_restart(argv);
    const struct CMUnitTest tests[] = {
        IN_DIR(goes_on_from_its_state),
        cmocka_unit_test(descent_and_ascent_by_hand),
        cmocka_unit_test(ascent_with_terms_by_hand),
        cmocka_unit_test(npo_by_hand),
        cmocka_unit_test(as_slow_version),
        cmocka_unit_test(half_is_a_full_step_or_none),
        cmocka_unit_test(each_epoch_draws_anew),
        IN_DIR(a_diverged_step_leaves_no_line),
        IN_DIR(the_rate_follows_its_schedule),
        IN_DIR(stopped_before_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
