/* test_param.c - names, shapes and order of all parameters; stored values as F32. */
#include "engine/param.h"
#include "operands.h"

#include <stdio.h>

static const sp_config config = {
    .layers = 2, .hidden = 6, .heads = 4, .kv_heads = 2, .head_dim = 8, .mlp = 10, .vocab = 20};

static void free_list(sp_param *list, size_t n)
{
    for (size_t i = 0; i < n; i++) free(list[i].name);
    free(list);
}

/* The names that Hugging Face gives them, and their shapes. */
static void canonical_order(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t rows, cols;
    } want[] = {
        {"self_attn.q_proj", 32, 6},        {"self_attn.k_proj", 16, 6},
        {"self_attn.v_proj", 16, 6},        {"self_attn.o_proj", 6, 32},
        {"mlp.gate_proj", 10, 6},           {"mlp.up_proj", 10, 6},
        {"mlp.down_proj", 6, 10},           {"input_layernorm", 6, 1},
        {"post_attention_layernorm", 6, 1},
    };
    size_t n;
    sp_param *list = sp_param_list(&config, &n);
    assert_int_equal(n, 2 * 9 + 3);
    assert_string_equal(list[0].name, "model.embed_tokens.weight");
    assert_true(list[0].rows == 20 && list[0].cols == 6 && list[0].layer == -1);
    for (int l = 0; l < 2; l++)
        for (int k = 0; k < 9; k++) {
            const sp_param *p = &list[1 + 9 * l + k];
            char name[100];
            snprintf(name, sizeof name, "model.layers.%d.%s.weight", l, want[k].name);
            assert_string_equal(p->name, name);
            assert_true(p->rows == want[k].rows && p->cols == want[k].cols);
            assert_true(p->layer == l && p->kind == k);
            assert_int_equal(sp_numel(p), want[k].rows * want[k].cols);
        }
    assert_string_equal(list[n - 2].name, "model.norm.weight");
    assert_string_equal(list[n - 1].name, "lm_head.weight");
    free_list(list, n);
}

static void tied_head(void **state)
{
    (void)state;
    sp_config c = config;
    size_t n;
    c.tied = true;
    sp_param *list = sp_param_list(&c, &n);
    assert_int_equal(n, 2 * 9 + 2);
    assert_string_equal(list[n - 1].name, "model.norm.weight");
    free_list(list, n);
}

/* Widened into scratch, or in place where they are F32; an own copy comes first. */
static void values(void **state)
{
    (void)state;
    float scratch[12];
    operand half = random_operand(1, 3, 4, SP_BF16), full = random_operand(2, 3, 4, SP_F32);
    sp_param p = {.rows = 3, .cols = 4, .dtype = SP_BF16, .data = half.stored};
    assert_ptr_equal(sp_param_values(&p, scratch), scratch);
    assert_memory_equal(scratch, half.values, sizeof scratch);
    assert_ptr_equal(sp_param_part(&p, 5, 3, scratch), scratch);
    assert_memory_equal(scratch, half.values + 5, 3 * sizeof *scratch);
    assert_true(sp_param_matrix(&p).dtype == SP_BF16 && sp_param_matrix(&p).data == half.stored);
    p = (sp_param){.rows = 3, .cols = 4, .dtype = SP_F32, .data = full.stored};
    assert_ptr_equal(sp_param_part(&p, 5, 3, scratch), (float *)full.stored + 5);
    p.own = half.values;
    assert_ptr_equal(sp_param_part(&p, 5, 3, scratch), half.values + 5);
    p.dtype = SP_BF16;
    assert_true(sp_param_matrix(&p).dtype == SP_F32 && sp_param_matrix(&p).data == half.values);
    operand_free(&half), operand_free(&full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_order),
        cmocka_unit_test(tied_head),
        cmocka_unit_test(values),
    };
    return cmocka_run_group_tests_name("param", tests, NULL, NULL);
}
