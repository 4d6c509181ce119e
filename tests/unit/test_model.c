/* test_model.c - roles of the parameters, and their private copies. */
#include "engine/checkpoint.h"
#include "safetensors.h"

static const char config[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":12,\"num_hidden_layers\":2,"
    "\"num_attention_heads\":2,\"intermediate_size\":30,\"vocab_size\":11}";

static sp_model *open_model(tensor **t, size_t *n)
{
    const sp_config c = write_config(config);
    sp_err e = {0};
    *t = make_tensors(&c, n);
    write_safetensors("model.safetensors", *t, *n);
    sp_model *m = sp_model_open(".", NULL, &e);
    if (!m) fail_msg("%s", e.msg);
    return m;
}

/* Roles follow the parameters into another order. */
static void indexed_anew(void **state)
{
    (void)state;
    tensor *t;
    size_t n;
    sp_model *m = open_model(&t, &n);
    sp_param first = m->params[0];
    memmove(m->params, m->params + 1, (n - 1) * sizeof first);
    m->params[n - 1] = first;
    sp_model_index(m);
    assert_ptr_equal(m->embed, &m->params[n - 1]);
    assert_string_equal(m->norm->name, "model.norm.weight");
    assert_string_equal(m->head->name, "lm_head.weight");
    assert_string_equal(sp_layer_param(m, 1, SP_DOWN)->name, "model.layers.1.mlp.down_proj.weight");
    assert_int_equal(m->max_numel, 30 * 12);
    sp_model_close(m);
    free_tensors(t, n);
}

/* A copy is widened once and belongs to whoever changes it; the stored values stay. */
static void check_own(bool in_scratch)
{
    tensor *t;
    size_t n;
    sp_err e = {0};
    sp_model *m = open_model(&t, &n);
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += sp_scratch_size(sp_numel(&m->params[i]) * sizeof(float));
    if (in_scratch) m->scratch = sp_scratch_open(".", "test", bytes, &e);
    if (e.code) fail_msg("%s", e.msg);
    for (size_t i = 0; i < n; i++) {
        sp_param *p = &m->params[i];
        sp_model_own(m, p);
        float *own = p->own;
        assert_memory_equal(own, t[i].x.values, sp_numel(p) * sizeof *own);
        own[0] = 1234;
        sp_model_own(m, p);
        assert_ptr_equal(p->own, own);
        assert_true(own[0] == 1234 && sp_param_matrix(p).data == own);
    }
    for (size_t i = 0; i < n; i++) {
        assert_true(m->params[i].own[0] == 1234);
        assert_memory_equal(m->params[i].data, t[i].x.stored,
                            sp_numel(&m->params[i]) * sp_dtype_size(t[i].x.dtype));
    }
    sp_model_close(m);
    free_tensors(t, n);
}

static void own_in_memory(void **state) { (void)state, check_own(false); }
static void own_in_scratch(void **state) { (void)state, check_own(true); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(indexed_anew),
        IN_DIR(own_in_memory),
        IN_DIR(own_in_scratch),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
