/* test_masters.c - the parameters in training: where masters and moments lie, and what they take.
 */
#include "files.h"
#include "models.h"
#include "train/masters.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* A model with stored weights, whose masters are still to be made: F32 values behind `data`. */
static sp_model *stored_model(void)
{
    sp_model *m = small_model(1);
    for (size_t i = 0; i < m->n; i++) {
        m->params[i].copy = m->params[i].own;
        m->params[i].data = m->params[i].own;
        m->params[i].dtype = SP_F32;
        m->params[i].own = NULL;
    }
    return m;
}

static const sp_masters_opt adamw = {.optim = SP_ADAMW, .moments = SP_F32, .seed = 5};

static void open_masters(sp_masters *s, sp_model *m, const sp_masters_opt *o)
{
    sp_err e = {0};
    int rc = sp_masters_open(s, m, o, &e);
    die_on(&e);
    assert_int_equal(rc, 0);
}

static uint64_t weights_in_scope(const sp_masters *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += sp_numel(s->v[i].p);
    return n;
}

/* A state has a master and two moments a weight: 12 bytes, 8 with BF16, 4 without moments. */
static void bytes_of_a_state(void **state)
{
    (void)state;
    static const struct {
        sp_optim_kind optim;
        sp_dtype moments;
        uint64_t bytes;
    } kinds[] = {{SP_ADAMW, SP_F32, 12}, {SP_ADAMW, SP_BF16, 8}, {SP_SGD, SP_F32, 4}};
    for (size_t i = 0; i < 3; i++) {
        sp_model *m = stored_model();
        sp_masters s;
        open_masters(
            &s, m,
            &(sp_masters_opt){.all = true, .optim = kinds[i].optim, .moments = kinds[i].moments});
        assert_int_equal(s.n, m->n);
        assert_true(sp_masters_state_bytes(&s) == kinds[i].bytes * weights_in_scope(&s));
        assert_int_equal(s.v[0].mo.m != NULL, kinds[i].optim == SP_ADAMW);
        sp_masters_close(&s);
        sp_model_close(m);
    }
}

/* Moments begin at zero; the random bits of each parameter's rounding are its own, by seed. */
static void moments_of_each_parameter(void **state)
{
    (void)state;
    sp_model *m = stored_model();
    sp_masters s, other;
    sp_masters_opt seed = adamw;
    seed.seed = 6;
    open_masters(&s, m, &adamw);
    open_masters(&other, m, &seed);
    assert_int_equal(s.n, 14); /* the matrices of two layers */
    for (size_t i = 0; i < s.n; i++) {
        const float *mom[2] = {s.v[i].mo.m, s.v[i].mo.v};
        assert_ptr_not_equal(mom[0], mom[1]);
        for (size_t j = 0; j < sp_numel(s.v[i].p); j++)
            assert_true(mom[0][j] == 0 && mom[1][j] == 0);
        for (size_t k = 0; k < i; k++) assert_true(s.v[k].mo.key != s.v[i].mo.key);
        assert_true(s.v[i].mo.key != other.v[i].mo.key);
    }
    sp_masters_close(&s);
    sp_masters_close(&other);
    sp_model_close(m);
}

/* In memory as long as they take no more than half of it; otherwise in a file of $TMPDIR, of which
 * only a layer's masters and a parameter's moments are in memory. */
static void more_than_half_of_the_memory_goes_to_a_file(void **state)
{
    (void)state;
    char memory[32];
    setenv("TMPDIR", ".", 1);
    for (int fits = 0; fits < 2; fits++) {
        sp_model *m = stored_model();
        sp_masters s;
        open_masters(&s, m, &adamw);
        uint64_t in_memory = sp_masters_memory_bytes(&s), layer = 0, largest = 0;
        assert_true(in_memory >= sp_masters_state_bytes(&s));
        sp_masters_close(&s);
        snprintf(memory, sizeof memory, "%.17g",
                 (double)(2 * in_memory + (fits ? 2 : 0) - 1) / (1 << 30));
        setenv("SP_MEMORY", memory, 1);
        open_masters(&s, m, &adamw);
        assert_int_equal(m->scratch == NULL, fits);
        for (size_t i = 0; i < s.n; i++) {
            uint64_t n = sp_numel(s.v[i].p) * sizeof(float);
            layer += s.v[i].p->layer == 0 ? n : 0;
            largest = SP_MAX(largest, n);
            for (size_t j = 0; j < sp_numel(s.v[i].p); j++)
                assert_true(((float *)s.v[i].mo.m)[j] == 0);
        }
        assert_true(sp_masters_memory_bytes(&s) == (fits ? in_memory : layer + 2 * largest));
        sp_masters_close(&s);
        sp_model_close(m);
        unsetenv("SP_MEMORY");
    }
    assert_int_equal(entries(), 0);
    unsetenv("TMPDIR");
}

/* What is released leaves memory, not the file. */
static void released_values_stay(void **state)
{
    (void)state;
    sp_model *m = stored_model();
    sp_masters s;
    sp_masters_opt o = adamw;
    o.scratch = ".";
    open_masters(&s, m, &o);
    for (size_t i = 0; i < s.n; i++) {
        size_t n = sp_numel(s.v[i].p);
        sp_model_own(m, s.v[i].p);
        for (size_t j = 0; j < n; j++) {
            s.v[i].p->own[j] += 1;
            ((float *)s.v[i].mo.m)[j] = (float)(i + j), ((float *)s.v[i].mo.v)[j] = -(float)j;
        }
        sp_master_release(&s, i);
    }
    for (size_t i = 0; i < s.n; i++)
        for (size_t j = 0; j < sp_numel(s.v[i].p); j++) {
            assert_true(s.v[i].p->own[j] == ((const float *)s.v[i].p->data)[j] + 1);
            assert_true(((float *)s.v[i].mo.m)[j] == (float)(i + j));
            assert_true(((float *)s.v[i].mo.v)[j] == -(float)j);
        }
    sp_masters_close(&s);
    sp_model_close(m);
}

/* A scratch disk without room, none at all, and a model whose weights are in memory already. */
static void no_place(void **state)
{
    (void)state;
    sp_model *m = stored_model(), *random = small_model(1);
    sp_masters s;
    sp_masters_opt o = adamw;
    o.scratch = ".";
    sp_err full = {0}, none = {0}, in_memory = {0};
    setenv("SP_DISK", "0.00001", 1);
    assert_int_equal(sp_masters_open(&s, m, &o, &full), -1);
    assert_int_equal(full.code, SP_ESYSTEM);
    assert_message(full, ".: masters and moments: 0.");
    assert_null(m->scratch);
    sp_masters_close(&s);
    unsetenv("SP_DISK");
    o.scratch = "nowhere";
    assert_int_equal(sp_masters_open(&s, m, &o, &none), -1);
    assert_message(none, "nowhere: No such file");
    sp_masters_close(&s);
    o.scratch = ".";
    assert_int_equal(sp_masters_open(&s, random, &o, &in_memory), -1);
    assert_int_equal(in_memory.code, SP_EUSAGE);
    sp_masters_close(&s);
    assert_int_equal(entries(), 0);
    sp_model_close(m);
    sp_model_close(random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_a_state),
        cmocka_unit_test(moments_of_each_parameter),
        IN_DIR(more_than_half_of_the_memory_goes_to_a_file),
        IN_DIR(released_values_stay),
        IN_DIR(no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
