/* test_grad.c - gradients of whole small models, one of each family: against finite differences of
 * the loss, per example against separate runs, and the same bits however they are computed.
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
    };
    return cmocka_run_group_tests_name("grad", tests, NULL, NULL);
}
