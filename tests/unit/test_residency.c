/* test_residency.c - weights leave memory when they are given back and come again with the same
 * values: those that are mapped from the checkpoint, and private copies in a scratch file.
 */
#include "engine/checkpoint.h"
#include "engine/residency.h"
#include "safetensors.h"

/* Two layers of 3.3 MB in all dtypes. */
static const char config[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":256,\"num_hidden_layers\":2,"
    "\"num_attention_heads\":2,\"intermediate_size\":1024,\"vocab_size\":512}";

typedef struct {
    sp_model *m;
    tensor *t;
    size_t n;
} subject;

static void subject_open(subject *s)
{
    const sp_config c = write_config(config);
    sp_err e = {0};
    s->t = make_tensors(&c, &s->n);
    write_safetensors("model.safetensors", s->t, s->n);
    s->m = sp_model_open(".", NULL, &e);
    if (!s->m) fail_msg("%s", e.msg);
}

static void subject_close(subject *s)
{
    sp_model_close(s->m);
    free_tensors(s->t, s->n);
}

/* Pages of n bytes from p on that are in this process's memory, of those that lie wholly inside:
 * bit 63 of their entry in pagemap. */
static size_t resident(const void *p, size_t n)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)p + page - 1) / page, to = ((uintptr_t)p + n) / page;
    FILE *f = fopen("/proc/self/pagemap", "rb");
    assert_non_null(f);
    size_t count = 0;
    uint64_t entry;
    for (uintptr_t i = from; i < to; i++) {
        assert_int_equal(fseek(f, (long)(i * sizeof entry), SEEK_SET), 0);
        assert_int_equal(fread(&entry, sizeof entry, 1, f), 1);
        count += entry >> 63;
    }
    fclose(f);
    return count;
}

static size_t resident_param(const sp_param *p)
{
    return p->own ? resident(p->own, sp_numel(p) * sizeof *p->own)
                  : resident(p->data, sp_numel(p) * sp_dtype_size(p->dtype));
}

static size_t resident_layer(const sp_model *m, int layer)
{
    size_t count = 0;
    for (size_t i = 0; i < m->n; i++)
        if (m->params[i].layer == layer) count += resident_param(&m->params[i]);
    return count;
}

/* Read all weights and compare them. */
static void expect_values(const subject *s)
{
    float *scratch = sp_xfloats(s->m->max_numel);
    for (size_t i = 0; i < s->n; i++)
        assert_memory_equal(sp_param_values(&s->m->params[i], scratch), s->t[i].x.values,
                            sp_numel(&s->m->params[i]) * sizeof *scratch);
    free(scratch);
}

/* Of the layers beside those that are given back, some pages stay; the kernel may take up to 2 MiB
 * of a neighbour with them, where it maps the file in pieces of that size. */
static void check_release(const subject *s)
{
    const sp_model *m = s->m;
    const sp_param *up = sp_layer_param(m, 1, SP_UP);
    expect_values(s);
    for (int l = -1; l < 2; l++) assert_true(resident_layer(m, l) > 100);
    sp_layer_release(m, 0);
    assert_int_equal(resident_layer(m, 0), 0);
    assert_true(resident_layer(m, 1) > 100);
    expect_values(s);
    sp_layer_release(m, -1);
    assert_int_equal(resident_layer(m, -1), 0);
    assert_true(resident_layer(m, 1) > 100);
    expect_values(s);
    assert_true(resident_param(up) > 0);
    sp_param_release(m, up);
    assert_int_equal(resident_param(up), 0);
    assert_true(resident_layer(m, 1) + resident_layer(m, 0) > 100);
    for (int l = -1; l < 3; l++) sp_layer_prefetch(m, l);
    expect_values(s);
}

static void mapped_weights(void **state)
{
    (void)state;
    subject s;
    subject_open(&s);
    check_release(&s);
    subject_close(&s);
}

/* A model that says no keeps its weights. */
static void kept_weights(void **state)
{
    (void)state;
    subject s;
    subject_open(&s);
    s.m->release_pages = false;
    expect_values(&s);
    size_t before = resident_layer(s.m, 0);
    sp_layer_release(s.m, 0);
    assert_int_equal(resident_layer(s.m, 0), before);
    subject_close(&s);
}

/* In a scratch file they always leave; in memory never. */
static void own_copies(void **state)
{
    (void)state;
    for (int in_scratch = 0; in_scratch < 2; in_scratch++) {
        subject s;
        sp_err e = {0};
        subject_open(&s);
        if (in_scratch) s.m->scratch = sp_scratch_open(".", "test", 16 << 20, &e);
        if (e.code) fail_msg("%s", e.msg);
        for (size_t i = 0; i < s.n; i++) sp_model_own(s.m, &s.m->params[i]);
        s.m->release_pages = false;
        if (in_scratch) check_release(&s);
        else {
            size_t before = resident_layer(s.m, 0);
            sp_layer_release(s.m, 0);
            assert_int_equal(resident_layer(s.m, 0), before);
            expect_values(&s);
        }
        subject_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(mapped_weights),
        IN_DIR(kept_weights),
        IN_DIR(own_copies),
    };
    return cmocka_run_group_tests_name("residency", tests, NULL, NULL);
}
