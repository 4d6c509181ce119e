/* test_order.c - parameters in the order in which the backward pass completes them. */
#include "models.h"
#include "train/order.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* The names of what is in scope, without "model." and ".weight", each followed by a blank. */
static void names(const sp_model *m, bool all, char *out, size_t size)
{
    sp_param *list[64];
    size_t n = sp_grad_order(m, all, list), at = 0;
    out[0] = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = list[i]->name;
        if (!strncmp(name, "model.", 6)) name += 6;
        int len = (int)(strlen(name) - strlen(".weight"));
        at += (size_t)snprintf(out + at, size - at, "%.*s ", len, name);
        assert_true(at < size);
    }
}

#define MATRICES(l)                                                                              \
    "layers." l ".mlp.down_proj layers." l ".mlp.gate_proj layers." l ".mlp.up_proj "            \
    "layers." l ".self_attn.o_proj layers." l ".self_attn.q_proj layers." l ".self_attn.k_proj " \
    "layers." l ".self_attn.v_proj "
#define ALL_OF(l)                                                                                \
    "layers." l ".mlp.down_proj layers." l ".mlp.gate_proj layers." l ".mlp.up_proj "            \
    "layers." l ".post_attention_layernorm layers." l ".self_attn.o_proj "                       \
    "layers." l ".self_attn.q_proj layers." l ".self_attn.k_proj layers." l ".self_attn.v_proj " \
    "layers." l ".input_layernorm "

static void head_to_embedding(void **state)
{
    (void)state;
    char got[4000];
    sp_model *tied = small_model(0), *untied = small_model(1);
    names(untied, true, got, sizeof got);
    assert_string_equal(got, "lm_head norm " ALL_OF("1") ALL_OF("0") "embed_tokens ");
    names(tied, true, got, sizeof got); /* the embedding is the head */
    assert_string_equal(got, "norm " ALL_OF("1") ALL_OF("0") "embed_tokens ");
    names(untied, false, got, sizeof got);
    assert_string_equal(got, MATRICES("1") MATRICES("0"));
    sp_model_close(tied);
    sp_model_close(untied);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(head_to_embedding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
