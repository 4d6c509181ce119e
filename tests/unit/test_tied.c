/* test_tied.c - tensors that nothing reads, taken out; the head and the embedding of tied models.
 */
#include "tensor/tied.h"

#include "tensor_files.h"

#define FREQ "model.layers.0.self_attn.rotary_emb.inv_freq"

/* x: these tensors, of 3 elements each, F32 except `odd`, which is BF16 (-1 = none). */
static sp_src *stored(const char *const *name, size_t n, const float *const *x, int odd)
{
    sp_tinfo t[4];
    for (size_t i = 0; i < n; i++) t[i] = vector_of(name[i], (int)i == odd ? SP_BF16 : SP_F32, 3);
    put_tensors("x", 0, t, n, x);
    return must_open("x");
}

static const float a[] = {1, 2, 3}, b[] = {1, 2, 4};

static void dropped(void **state)
{
    (void)state;
    static const char *const all[] = {SP_HEAD_NAME, FREQ, SP_EMBED_NAME, "w"};
    const float *const x[] = {a, a, b, b};
    for (int tied = 0; tied < 2; tied++) {
        sp_src *s = stored(all, 4, x, -1);
        sp_err e = {0};
        float got[3];
        sp_drop_idle(s, tied);
        assert_int_equal(sp_src_count(s), tied ? 2 : 3);
        assert_int_equal(sp_src_find(s, FREQ), -1);
        assert_int_equal(sp_src_find(s, SP_HEAD_NAME), tied ? -1 : 0);
        int64_t w = sp_src_find(s, "w");
        assert_int_equal(w, tied ? 1 : 2);
        assert_string_equal(sp_src_info(s, (size_t)w)->name, "w");
        assert_int_equal(sp_src_read_f32(s, (size_t)w, got, &e), 0); /* its own bytes still */
        assert_memory_equal(got, b, sizeof b);
        assert_int_equal(sp_src_end(s, &e), 0);
        sp_src_close(s);
    }
    sp_src *s = stored(all, 2, x, -1); /* a head alone is the embedding of a tied model */
    assert_true(sp_has_head_alone(s) && !sp_has_both(s));
    sp_drop_idle(s, true);
    assert_int_equal(sp_src_find(s, SP_HEAD_NAME), 0);
    sp_src_rename(s, 0, SP_EMBED_NAME);
    assert_int_equal(sp_src_find(s, SP_EMBED_NAME), 0);
    assert_int_equal(sp_src_find(s, SP_HEAD_NAME), -1);
    sp_drop_head(s); /* there is none */
    assert_int_equal(sp_src_count(s), 1);
    sp_src_close(s);
}

static void copies(void **state)
{
    (void)state;
    static const char *const both[] = {SP_HEAD_NAME, SP_EMBED_NAME};
    const float *const same[] = {a, a}, *const other[] = {a, b};
    sp_err e = {0};
    sp_src *s = stored(both, 2, same, -1);
    assert_true(sp_has_both(s) && !sp_has_head_alone(s));
    assert_int_equal(sp_head_is_copy(s, &e), 1);
    sp_drop_head(s);
    assert_int_equal(sp_head_is_copy(s, &e), 0);
    sp_src_close(s);
    s = stored(both, 2, other, -1);
    assert_int_equal(sp_head_is_copy(s, &e), 0);
    sp_src_close(s);
    s = stored(both, 2, same, 0); /* of another dtype */
    assert_int_equal(sp_head_is_copy(s, &e), 0);
    sp_src_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {IN_DIR(dropped), IN_DIR(copies)};
    return cmocka_run_group_tests_name("tied", tests, NULL, NULL);
}
