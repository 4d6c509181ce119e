/* test_idle.c - names of tensors that nothing reads. */
#include "tensor/idle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void names(void **state)
{
    (void)state;
    assert_true(sp_idle_name("model.layers.3.self_attn.rotary_emb.inv_freq", false));
    assert_true(sp_idle_name("model.rotary_emb.inv_freq", false));
    assert_false(sp_idle_name(".rotary_emb.inv_freq", false)); /* of nothing */
    assert_false(sp_idle_name("model.rotary_emb.inv_freqs", true));
    assert_true(sp_idle_name("lm_head.weight", true));
    assert_false(sp_idle_name("lm_head.weight", false));
    assert_false(sp_idle_name("model.embed_tokens.weight", true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names)};
    return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
