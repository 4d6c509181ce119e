/* test_options.c - the fingerprint of a run: it changes with everything that has a say in the
 * result, and with nothing else. */
#include "models.h"
#include "train/options.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

static int32_t ids[2][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}},
               labels[2][4] = {{-100, 2, 3, 4}, {5, 6, 7, 8}};
static sp_example examples[2] = {{4, ids[0], labels[0], false}, {4, ids[1], labels[1], false}};
static const sp_examples data = {.n = 2, .ex = examples};

static sp_tune_opt options(void)
{
    return (sp_tune_opt){.npo_beta = 0.1,
                         .weight = 1,
                         .fraction = 1,
                         .optim = {SP_ADAMW, 0.9, 0.999, 1e-8, 0},
                         .lr = 1e-5,
                         .moments = SP_F32,
                         .epochs = 1,
                         .batch = 16,
                         .accumulate = 1};
}

static sp_model *model;
static int open_model(void **state)
{
    (void)state;
    model = small_model(0);
    return 0;
}
static int close_model(void **state)
{
    (void)state;
    sp_model_close(model);
    return 0;
}

/* Does the fingerprint of this run differ from that of options() on `model` and `data`? */
static bool differs(const sp_model *m, const sp_examples *d, const sp_tune_opt *o, int64_t steps)
{
    sp_tune_opt plain = options();
    char *a = sp_tune_fingerprint(model, &data, &plain, 10),
         *b = sp_tune_fingerprint(m, d, o, steps);
    bool result = strcmp(a, b) != 0;
    free(a);
    free(b);
    return result;
}

static void every_option_counts(void **state)
{
    (void)state;
    sp_tune_opt o = options();
    assert_false(differs(model, &data, &o, 10));
    assert_true(differs(model, &data, &o, 11));
#define COUNTS(change)                                         \
    do {                                                       \
        o = options();                                         \
        change;                                                \
        if (!differs(model, &data, &o, 10)) fail_msg(#change); \
    } while (0)
    COUNTS(o.ascend = true);
    COUNTS(o.loss = SP_LOSS_NPO);
    COUNTS(o.npo_beta = 0.2);
    COUNTS(o.weight = 2);
    COUNTS(o.mean = SP_MEAN_EXAMPLE);
    COUNTS(o.max_loss = 3);
    COUNTS(o.all = true);
    COUNTS(o.fraction = 0.5);
    COUNTS(o.optim.kind = SP_SGD);
    COUNTS(o.optim.beta1 = 0.8);
    COUNTS(o.optim.beta2 = 0.99);
    COUNTS(o.optim.eps = 1e-6);
    COUNTS(o.optim.weight_decay = 0.1);
    COUNTS(o.lr = 1.0000000000000001e-5 * (1 + 1e-15));
    COUNTS(o.schedule = SP_COSINE);
    COUNTS(o.warmup = 3);
    COUNTS(o.moments = SP_BF16);
    COUNTS(o.batch = 8);
    COUNTS(o.accumulate = 2);
    COUNTS(o.shuffle = true);
    COUNTS(o.seed = 1);
    /* where files lie changes nothing */
    o = options();
    o.scratch = "a", o.state = "b", o.log = "c", o.save_every = 5;
    assert_false(differs(model, &data, &o, 10));
}

static void model_and_data_count(void **state)
{
    (void)state;
    sp_model *other = small_model(0);
    sp_tune_opt o = options();
    assert_false(differs(other, &data, &o, 10)); /* the same weights */
    other->params[3].own[0] += 1;
    assert_true(differs(other, &data, &o, 10));
    int32_t changed[4] = {-100, 2, 3, 5};
    sp_example ex[2] = {{4, ids[0], changed, false}, examples[1]};
    assert_true(differs(model, &(sp_examples){.n = 2, .ex = ex}, &o, 10));
    assert_true(differs(model, &(sp_examples){.n = 1, .ex = examples}, &o, 10));
    sp_model_close(other);
}

static void terms_count(void **state)
{
    (void)state;
    sp_term t[2] = {{SP_TERM_CE, 1, data}, {SP_TERM_CE, 1, data}};
    sp_tune_opt o = options(), changed = options();
    o.terms = changed.terms = t;
    o.n_terms = changed.n_terms = 1;
    char *one = sp_tune_fingerprint(model, &data, &o, 10), *other[3];
    t[0].weight = 2, other[0] = sp_tune_fingerprint(model, &data, &o, 10), t[0].weight = 1;
    t[0].kind = SP_TERM_KL, other[1] = sp_tune_fingerprint(model, &data, &o, 10);
    t[0].kind = SP_TERM_CE, o.n_terms = 2, other[2] = sp_tune_fingerprint(model, &data, &o, 10);
    assert_true(differs(model, &data, &o, 10));
    for (int i = 0; i < 3; i++) {
        assert_string_not_equal(one, other[i]);
        free(other[i]);
    }
    free(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_counts),
        cmocka_unit_test(model_and_data_count),
        cmocka_unit_test(terms_count),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
