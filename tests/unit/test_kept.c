/* test_kept.c - which activations stay in memory: as many as are granted, of the topmost layers. */
#include "models.h"
#include "train/kept.h"

#include <stdarg.h>
#include <stddef.h>

/* Four layers, as in the picture of kept.h. */
static sp_model *four_layers(void)
{
    return model_of("{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":8,"
                    "\"num_hidden_layers\":4,\"num_attention_heads\":2,\"num_key_value_heads\":2,"
                    "\"intermediate_size\":8,\"vocab_size\":9,\"hidden_act\":\"silu\"}",
                    0.1);
}

static void topmost_layers_keep_theirs(void **state)
{
    (void)state;
    sp_model *m = four_layers();
    sp_kept *k = sp_kept_new(5 * sp_acts_bytes(&m->cfg, 10) + 1);
    sp_kept_reserve(k, m, 10, 2);
    static const bool want[4][2] = {{false, false}, {true, false}, {true, true}, {true, true}};
    sp_acts *shared = sp_kept_of(k, 0, 0).acts, *seen[8];
    int n_kept = 0;
    for (int l = 0; l < 4; l++)
        for (int c = 0; c < 2; c++) {
            sp_kept_set s = sp_kept_of(k, l, c);
            assert_int_equal(s.kept, want[l][c]);
            if (!s.kept) assert_ptr_equal(s.acts, shared);
            for (int i = 0; s.kept && i < n_kept; i++) assert_ptr_not_equal(s.acts, seen[i]);
            if (s.kept) seen[n_kept++] = s.acts;
        }
    assert_int_equal(n_kept, 5);
    sp_kept_free(k);
    sp_model_close(m);
}

/* Sets of an earlier batch serve a smaller one; a longer chunk needs new ones; nothing granted,
 * nothing kept. */
static void batches_of_other_sizes(void **state)
{
    (void)state;
    sp_model *m = four_layers();
    sp_kept *k = sp_kept_new(3 * sp_acts_bytes(&m->cfg, 20)), *none = sp_kept_new(0);
    sp_kept_reserve(k, m, 10, 1);
    assert_true(sp_kept_of(k, 0, 0).kept); /* all four fit */
    sp_acts *top = sp_kept_of(k, 3, 0).acts;
    sp_kept_reserve(k, m, 5, 2); /* sets are still for 10 tokens */
    assert_ptr_equal(sp_kept_of(k, 3, 0).acts, top);
    assert_true(sp_kept_of(k, 1, 0).kept && !sp_kept_of(k, 0, 0).kept);
    sp_kept_reserve(k, m, 20, 1); /* three fit */
    assert_true(sp_kept_of(k, 1, 0).kept && !sp_kept_of(k, 0, 0).kept);
    sp_kept_reserve(none, m, 20, 1);
    assert_false(sp_kept_of(none, 3, 0).kept);
    sp_kept_free(k);
    sp_kept_free(none);
    sp_kept_free(NULL);
    sp_model_close(m);
}

static void no_more_than_an_eighth_of_the_memory(void **state)
{
    (void)state;
    setenv("SP_MEMORY", "0.0625", 1); /* 64 MiB */
    assert_true(sp_kept_limit(1000) == 1000);
    assert_true(sp_kept_limit(SP_KEEP) == 8u << 20);
    unsetenv("SP_MEMORY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topmost_layers_keep_theirs),
        cmocka_unit_test(batches_of_other_sizes),
        cmocka_unit_test(no_more_than_an_eighth_of_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
