/* test_state.c - the state of a training run: there and back to the bit, and what is refused. */
#include "files.h"
#include "models.h"
#include "train/state.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* Masters of a small model; every value told apart by `salt`. */
static void fill(sp_masters *s, sp_model *m, sp_dtype moments, float salt)
{
    sp_err e = {0};
    int rc = sp_masters_open(
        s, m, &(sp_masters_opt){.all = true, .optim = SP_ADAMW, .moments = moments}, &e);
    die_on(&e);
    assert_int_equal(rc, 0);
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < sp_numel(s->v[i].p); j++) {
            s->v[i].p->own[j] = salt + (float)j;
            uint16_t *half[2] = {s->v[i].mo.m, s->v[i].mo.v};
            float *full[2] = {s->v[i].mo.m, s->v[i].mo.v};
            for (int k = 0; k < 2; k++)
                if (moments == SP_BF16) half[k][j] = (uint16_t)((float)(j + i) + salt + (float)k);
                else full[k][j] = (float)(j + i) + 2 * salt + (float)k;
        }
}

static void same(const sp_masters *a, const sp_masters *b)
{
    for (size_t i = 0; i < a->n; i++) {
        size_t n = sp_numel(a->v[i].p);
        assert_memory_equal(a->v[i].p->own, b->v[i].p->own, n * sizeof(float));
        assert_memory_equal(a->v[i].mo.m, b->v[i].mo.m, n * a->moment_size);
        assert_memory_equal(a->v[i].mo.v, b->v[i].mo.v, n * a->moment_size);
    }
}

static int open_state(sp_state *st, const char *dir, const char *fingerprint, sp_masters *s,
                      int64_t *step, sp_err *e)
{
    *e = (sp_err){0};
    return sp_state_open(st, dir, fingerprint, s, step, e);
}

static void there_and_back(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        sp_model *m = small_model(1), *n = small_model(1);
        sp_masters a, b;
        sp_state st;
        sp_err e;
        int64_t step = 7;
        const char *dir = bf16 ? "narrow" : "wide";
        fill(&a, m, bf16 ? SP_BF16 : SP_F32, 3);
        fill(&b, n, bf16 ? SP_BF16 : SP_F32, 99);
        assert_int_equal(open_state(&st, dir, "run 1", &a, &step, &e), 0);
        assert_int_equal(step, 0); /* nothing there yet */
        assert_int_equal(sp_state_save(&st, 41, &e), 0);
        assert_int_equal(sp_state_save(&st, 42, &e), 0); /* replaces it */
        sp_state_close(&st);
        assert_int_equal(open_state(&st, dir, "run 1", &b, &step, &e), 0);
        assert_int_equal(step, 42);
        same(&a, &b);
        sp_state_close(&st);
        sp_masters_close(&a), sp_masters_close(&b);
        sp_model_close(m), sp_model_close(n);
    }
}

/* A state that cannot be written leaves the one before. */
static void a_failed_save_changes_nothing(void **state)
{
    (void)state;
    sp_model *m = small_model(1);
    sp_masters a;
    sp_state st;
    sp_err e;
    int64_t step;
    size_t n, n_after;
    fill(&a, m, SP_F32, 3);
    assert_int_equal(open_state(&st, "s", "run 1", &a, &step, &e), 0);
    assert_int_equal(sp_state_save(&st, 5, &e), 0);
    char *before = get_file("s/state.safetensors", &n);
    sp_state nowhere = st;
    nowhere.path = "s/none/state.safetensors";
    assert_int_equal(sp_state_save(&nowhere, 6, &e), -1);
    assert_int_equal(e.code, SP_ESYSTEM);
    char *after = get_file("s/state.safetensors", &n_after);
    assert_int_equal(n, n_after);
    assert_memory_equal(before, after, n);
    free(before), free(after);
    sp_state_close(&st);
    sp_masters_close(&a);
    sp_model_close(m);
}

static void what_is_refused(void **state)
{
    (void)state;
    sp_model *m = small_model(1), *narrow = small_model(1);
    sp_masters a, b;
    sp_state st;
    sp_err e;
    int64_t step;
    fill(&a, m, SP_F32, 3);
    fill(&b, narrow, SP_BF16, 3);
    assert_int_equal(open_state(&st, "s", "run 1", &a, &step, &e), 0);
    assert_int_equal(sp_state_save(&st, 5, &e), 0);
    sp_state_close(&st);
    assert_int_equal(open_state(&st, "s", "run 2", &a, &step, &e), -1);
    assert_string_equal(e.msg, "s/state.safetensors: state of another run: found \"run 1\", "
                               "expected \"run 2\"");
    sp_state_close(&st);
    /* the same run, they say, but moments of another size */
    assert_int_equal(open_state(&st, "s", "run 1", &b, &step, &e), -1);
    assert_message(e, "is missing or has the wrong size");
    sp_state_close(&st);
    put_file("s/state.safetensors", "\2\0\0\0\0\0\0\0{}", 10);
    assert_int_equal(open_state(&st, "s", "run 1", &a, &step, &e), -1);
    sp_state_close(&st);
    assert_int_equal(open_state(&st, "no/where", "run 1", &a, &step, &e), -1);
    assert_int_equal(e.code, SP_ESYSTEM);
    sp_state_close(&st);
    sp_masters_close(&a), sp_masters_close(&b);
    sp_model_close(m), sp_model_close(narrow);
}

/* Two states must fit, what is there counted; without a directory nothing is asked. */
static void room_for_two(void **state)
{
    (void)state;
    sp_model *m = small_model(1);
    sp_masters a;
    sp_state st;
    sp_err e;
    int64_t step;
    char disk[32];
    fill(&a, m, SP_F32, 3);
    double one = (double)sp_masters_state_bytes(&a) / (1 << 30);
    snprintf(disk, sizeof disk, "%.17g", 1.9 * one);
    setenv("SP_DISK", disk, 1);
    assert_int_equal(open_state(&st, NULL, "run 1", &a, &step, &e), 0);
    assert_null(st.path);
    sp_state_close(&st);
    assert_int_equal(open_state(&st, "s", "run 1", &a, &step, &e), -1);
    assert_message(e, "s: states: ");
    sp_state_close(&st);
    snprintf(disk, sizeof disk, "%.17g", 2.1 * one);
    setenv("SP_DISK", disk, 1);
    assert_int_equal(open_state(&st, "s", "run 1", &a, &step, &e), 0);
    assert_int_equal(sp_state_save(&st, 5, &e), 0);
    sp_state_close(&st);
    snprintf(disk, sizeof disk, "%.17g", 1.1 * one);
    setenv("SP_DISK", disk, 1);
    assert_int_equal(open_state(&st, "s", "run 1", &a, &step, &e), 0);
    sp_state_close(&st);
    unsetenv("SP_DISK");
    sp_masters_close(&a);
    sp_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(there_and_back),
        IN_DIR(a_failed_save_changes_nothing),
        IN_DIR(what_is_refused),
        IN_DIR(room_for_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
