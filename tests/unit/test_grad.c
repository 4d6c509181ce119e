/* test_grad.c - gradients of whole small models, one of each family: against finite differences of
 * the loss, per example against separate runs, and the same bits however they are computed. What a
 * run emits and in which order, chunks, and how it ends early.
 */
#include "cli/restart.h"
#include "engine/gemm.h"
#include "models.h"

#include <omp.h>

typedef struct {
    sp_model *m;
    float **g; /* by index in m->params */
} grads;

static int keep(void *self, sp_param *p, int64_t row, int64_t rows, float *g, sp_err *e)
{
    (void)e;
    grads *k = self;
    size_t i = (size_t)(p - k->m->params);
    if (!row) k->g[i] = sp_xfloats(sp_numel(p));
    memcpy(k->g[i] + row * p->cols, g, (size_t)(rows * p->cols) * sizeof *g);
    return 0;
}

static grads gradients_in(sp_grad_buffers *buffers, sp_model *m, const sp_batch *b,
                          sp_each per_example)
{
    grads k = {m, sp_xcalloc(m->n, sizeof *k.g)};
    run_grad(
        m, b,
        &(sp_grad_job){
            .buffers = buffers, .all = true, .per_example = per_example, .emit = keep, .self = &k});
    return k;
}

static grads all_gradients(sp_model *m, const sp_batch *b, sp_each per_example)
{
    return gradients_in(NULL, m, b, per_example);
}

static void free_grads(grads *k)
{
    for (size_t i = 0; i < k->m->n; i++) free(k->g[i]);
    free(k->g);
}

static double batch_loss(sp_model *m, const sp_batch *b)
{
    float *x = sp_forward_all(m, b);
    double loss = sp_head_loss(m, x, b->n, b->target, b->coef, &(sp_head_io){0});
    free(x);
    return loss;
}

/* Along g/|g| the loss must rise at the rate |g|: central difference with a step that moves the
 * loss well above rounding. */
static void check_differences(int which)
{
    sp_model *m = small_model(which);
    sp_batch b;
    small_batch(&b, SP_MEAN_TOKEN);
    grads k = all_gradients(m, &b, SP_EACH_NONE);
    double worst = 0;
    for (size_t i = 0; i < m->n; i++) {
        sp_param *p = &m->params[i];
        size_t n = sp_numel(p);
        double norm = 0, loss[2];
        for (size_t j = 0; j < n; j++) norm += (double)k.g[i][j] * (double)k.g[i][j];
        norm = sqrt(norm);
        assert_true(norm > 1e-6);
        double step = SP_MIN(4e-3 / norm, 0.03);
        float *was = sp_xfloats(n);
        memcpy(was, p->own, n * sizeof *was);
        for (int side = 0; side < 2; side++) {
            for (size_t j = 0; j < n; j++)
                p->own[j] = was[j] + (float)((side ? -step : step) * k.g[i][j] / norm);
            loss[side] = batch_loss(m, &b);
        }
        memcpy(p->own, was, n * sizeof *was);
        free(was);
        double rel = fabs((loss[0] - loss[1]) / (2 * step) / norm - 1);
        if (!(rel < 2e-3)) fail_msg("%s: finite difference off by %.3g", p->name, rel);
        worst = SP_MAX(worst, rel);
    }
    printf("# %s: finite differences, relative error %.3g (limit 2e-3)\n", m->cfg.family, worst);
    free_grads(&k);
    sp_batch_free(&b);
    sp_model_close(m);
}

static void differences_llama(void **s) { (void)s, check_differences(0); }
static void differences_mistral(void **s) { (void)s, check_differences(1); }
static void differences_gemma(void **s) { (void)s, check_differences(2); }

/* Per-example sums must equal separate runs on each example, absolute values or squares added. */
static void per_example_is_separate_runs(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        sp_model *m = small_model(which);
        sp_batch b;
        small_batch(&b, SP_MEAN_OWN);
        grads abs = all_gradients(m, &b, SP_EACH_ABS),
              square = all_gradients(m, &b, SP_EACH_SQUARE);
        grads sum = {m, sp_xcalloc(m->n, sizeof(float *))},
              sum2 = {m, sp_xcalloc(m->n, sizeof(float *))};
        for (size_t i = 0; i < m->n; i++) sum.g[i] = sp_xfloats0(sp_numel(&m->params[i]));
        for (size_t i = 0; i < m->n; i++) sum2.g[i] = sp_xfloats0(sp_numel(&m->params[i]));
        for (int64_t s = 0; s < b.n_seq; s++) {
            int64_t at = b.start[s], len = b.start[s + 1] - at;
            sp_batch one = {1, len, (int64_t[]){0, len}, b.ids + at, b.target + at, b.coef + at, 0};
            grads k = all_gradients(m, &one, SP_EACH_NONE);
            for (size_t i = 0; i < m->n; i++)
                for (size_t j = 0; j < sp_numel(&m->params[i]); j++) {
                    sum.g[i][j] += fabsf(k.g[i][j]);
                    sum2.g[i][j] += k.g[i][j] * k.g[i][j];
                }
            free_grads(&k);
        }
        for (size_t i = 0; i < m->n; i++) {
            assert_true(relative_l2(abs.g[i], sum.g[i], sp_numel(&m->params[i])) < 1e-5);
            assert_true(relative_l2(square.g[i], sum2.g[i], sp_numel(&m->params[i])) < 1e-5);
        }
        free_grads(&abs);
        free_grads(&square);
        free_grads(&sum);
        free_grads(&sum2);
        sp_batch_free(&b);
        sp_model_close(m);
    }
}

static void threads_do_not_change_bytes(void **state)
{
    (void)state;
    int before = omp_get_max_threads();
    for (int which = 0; which < 3; which++) {
        sp_model *m = small_model(which);
        sp_batch b;
        small_batch(&b, SP_MEAN_TOKEN);
        omp_set_num_threads(1);
        grads one = all_gradients(m, &b, SP_EACH_NONE);
        omp_set_num_threads(3);
        grads three = all_gradients(m, &b, SP_EACH_NONE);
        for (size_t i = 0; i < m->n; i++)
            assert_memory_equal(one.g[i], three.g[i], sp_numel(&m->params[i]) * sizeof(float));
        free_grads(&one);
        free_grads(&three);
        sp_batch_free(&b);
        sp_model_close(m);
    }
    omp_set_num_threads(before);
}

/* Kept, computed again, or some of each: the same bits, also in buffers that a larger and a smaller
 * batch have used. */
static void kept_or_computed_again(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        sp_model *m = small_model(which);
        sp_batch b;
        small_batch(&b, SP_MEAN_TOKEN);
        const uint64_t one_layer = sp_acts_bytes(&m->cfg, b.n);
        grads want = all_gradients(m, &b, SP_EACH_NONE);
        sp_batch shorter = b;
        shorter.n_seq = 1, shorter.n = b.start[1];
        for (uint64_t layers = 0; layers < 3; layers++) {
            sp_grad_buffers *buffers = sp_grad_buffers_new(layers * one_layer);
            for (int round = 0; round < 3; round++) {
                grads k = gradients_in(buffers, m, round == 1 ? &shorter : &b, SP_EACH_NONE);
                for (size_t i = 0; round != 1 && i < m->n; i++)
                    assert_memory_equal(k.g[i], want.g[i], sp_numel(&m->params[i]) * sizeof(float));
                free_grads(&k);
            }
            sp_grad_buffers_free(buffers);
        }
        free_grads(&want);
        sp_batch_free(&b);
        sp_model_close(m);
    }
}

/* ---- the run -------------------------------------------------------------------------- */

/* Sequences of these lengths, three tokens of four scored. */
static void some_batch(sp_batch *b, const int64_t *lengths, size_t n)
{
    sp_example ex[8];
    for (size_t s = 0; s < n; s++) {
        ex[s] = (sp_example){lengths[s], sp_xarray((size_t)lengths[s], 4),
                             sp_xarray((size_t)lengths[s], 4), false};
        for (int64_t t = 0; t < lengths[s]; t++) {
            ex[s].ids[t] = (int32_t)(sp_rand_u64(6, s, (uint64_t)t) % 37);
            ex[s].labels[t] = t % 4 ? ex[s].ids[t] : -100;
        }
    }
    sp_batch_make(b, &(sp_examples){.n = n, .ex = ex}, NULL, n, SP_MEAN_TOKEN);
    for (size_t s = 0; s < n; s++) free(ex[s].ids), free(ex[s].labels);
}

/* ---- order, and early ends ------------------------------------------------------------ */

typedef struct {
    sp_param *order[64];
    size_t n, seen, fail_at; /* fail with the emission of that number */
    int64_t next_row;
    bool decline, weighed;
} listener;

static int listen(void *self, sp_param *p, int64_t row, int64_t rows, float *g, sp_err *e)
{
    listener *l = self;
    if (l->seen == l->fail_at) return sp_fail(e, SP_EINPUT, "enough");
    assert_true(l->seen < l->n);
    assert_ptr_equal(p, l->order[l->seen]);
    assert_int_equal(row, l->next_row);
    l->next_row = (row + rows) % p->rows;
    l->seen += !l->next_row;
    for (int64_t i = 0; i < rows * p->cols; i++) g[i] = NAN; /* it is the receiver's to overwrite */
    return 0;
}

static bool weigh(void *self, const double *ce)
{
    listener *l = self;
    l->weighed = true;
    assert_true(ce[0] >= 0);
    return !l->decline;
}

static sp_grad_end run(sp_model *m, const sp_batch *b, bool all, sp_each each, listener *l,
                       sp_err *e)
{
    double loss = 0;
    l->n = sp_grad_order(m, all, l->order);
    return sp_grad_run(
        m, b,
        &(sp_grad_job){.all = all, .per_example = each, .emit = listen, .weigh = weigh, .self = l},
        &loss, e);
}

static void each_parameter_once_in_order(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++)
        for (int each = SP_EACH_NONE; each <= SP_EACH_SQUARE; each++)
            for (int all = 0; all < 2; all++) {
                sp_model *m = small_model(which);
                sp_batch b;
                sp_err e = {0};
                some_batch(&b, (int64_t[]){5, 12}, 2);
                listener l = {.fail_at = 99};
                assert_int_equal(run(m, &b, all, (sp_each)each, &l, &e), SP_GRAD_DONE);
                assert_int_equal(l.seen, l.n);
                assert_true(l.weighed && !l.next_row);
                sp_batch_free(&b);
                sp_model_close(m);
            }
}

/* Whichever emission fails, the run ends there with its message. */
static void a_failing_receiver_ends_the_run(void **state)
{
    (void)state;
    sp_model *m = small_model(1);
    sp_batch b;
    some_batch(&b, (int64_t[]){5, 12}, 2);
    for (int each = SP_EACH_NONE; each <= SP_EACH_ABS; each++)
        for (size_t at = 0; at < 21; at += 4) { /* head, layers, and at 20 the embedding */
            sp_err e = {0};
            listener l = {.fail_at = at};
            assert_int_equal(run(m, &b, true, (sp_each)each, &l, &e), SP_GRAD_ERROR);
            assert_int_equal(l.seen, at);
            assert_string_equal(e.msg, "enough");
        }
    sp_batch_free(&b);
    sp_model_close(m);
}

static void nothing_is_emitted_when_declined(void **state)
{
    (void)state;
    sp_model *m = small_model(0);
    sp_batch b;
    sp_err e = {0};
    some_batch(&b, (int64_t[]){5, 12}, 2);
    listener l = {.fail_at = 0, .decline = true};
    assert_int_equal(run(m, &b, true, SP_EACH_NONE, &l, &e), SP_GRAD_DECLINED);
    assert_true(l.weighed && l.seen == 0 && e.code == 0);
    sp_batch_free(&b);
    sp_model_close(m);
}

/* ---- chunks --------------------------------------------------------------------------- */

typedef struct {
    sp_model *m;
    float **g; /* by index in m->params, added to */
} sums;

static int add(void *self, sp_param *p, int64_t row, int64_t rows, float *g, sp_err *e)
{
    (void)e;
    sums *s = self;
    size_t k = (size_t)(p - s->m->params);
    if (!s->g[k]) s->g[k] = sp_xfloats0(sp_numel(p));
    for (int64_t i = 0; i < rows * p->cols; i++) s->g[k][row * p->cols + i] += g[i];
    return 0;
}

static double gradients(sp_model *m, const sp_batch *b, sums *s)
{
    return run_grad(m, b, &(sp_grad_job){.all = true, .emit = add, .self = s});
}

/* A batch of three chunks has the gradient of its sequences one after the other. */
static void chunks_add_up(void **state)
{
    (void)state;
    static const int64_t lengths[4] = {1500, 700, 2100, 30};
    for (int which = 0; which < 2; which++) {
        sp_model *m = small_model(which);
        sp_batch b;
        some_batch(&b, lengths, 4);
        assert_int_equal(sp_chunk_count(&b).n, 4);
        sums whole = {m, sp_xcalloc(m->n, sizeof *whole.g)}, parts = whole;
        parts.g = sp_xcalloc(m->n, sizeof *parts.g);
        double loss = gradients(m, &b, &whole), sum = 0;
        for (int64_t s = 0; s < 4; s++) {
            int64_t start[2] = {0, lengths[s]}, at = b.start[s];
            sp_batch one = {.n_seq = 1,
                            .n = lengths[s],
                            .start = start,
                            .ids = b.ids + at,
                            .target = b.target + at,
                            .coef = b.coef + at};
            sum += gradients(m, &one, &parts);
        }
        assert_true(fabs(loss - sum) < 1e-6);
        for (size_t k = 0; k < m->n; k++) {
            double d = 0, norm = 0;
            for (size_t i = 0; i < sp_numel(&m->params[k]); i++) {
                double x = (double)whole.g[k][i], y = (double)parts.g[k][i];
                d += (x - y) * (x - y), norm += y * y;
            }
            if (!(norm > 0 && d < 1e-8 * norm)) fail_msg("%s", m->params[k].name);
            free(whole.g[k]), free(parts.g[k]);
        }
        free(whole.g), free(parts.g);
        sp_batch_free(&b);
        sp_model_close(m);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    sp_restart(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_llama),
        cmocka_unit_test(differences_mistral),
        cmocka_unit_test(differences_gemma),
        cmocka_unit_test(per_example_is_separate_runs),
        cmocka_unit_test(threads_do_not_change_bytes),
        cmocka_unit_test(kept_or_computed_again),
        cmocka_unit_test(each_parameter_once_in_order),
        cmocka_unit_test(a_failing_receiver_ends_the_run),
        cmocka_unit_test(nothing_is_emitted_when_declined),
        cmocka_unit_test(chunks_add_up),
    };
    return cmocka_run_group_tests_name("grad", tests, NULL, NULL);
}
