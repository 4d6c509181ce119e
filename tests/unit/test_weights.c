/* test_weights.c - trained weights on their way into a stream. */
#include "files.h"
#include "models.h"
#include "tensor/src.h"
#include "tensor/vec.h"
#include "train/weights.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

static void names_and_shapes(void **state)
{
    (void)state;
    sp_model *m = small_model(1);
    sp_tinfo t = sp_param_tensor(sp_layer_param(m, 0, SP_K), SP_BF16);
    assert_string_equal(t.name, "model.layers.0.self_attn.k_proj.weight");
    assert_true(t.rank == 2 && t.shape[0] == 12 && t.shape[1] == 24 && t.dtype == SP_BF16);
    assert_true(t.numel == 288 && t.nbytes == 576);
    t = sp_param_tensor(m->norm, SP_F32);
    assert_true(t.rank == 1 && t.shape[0] == 24 && t.nbytes == 96);
    sp_model_close(m);
}

/* Open x.st for the weights of m. */
static sp_dst *open_dst(const sp_model *m, sp_dtype d)
{
    sp_err e = {0};
    sp_tinfo *info = sp_xcalloc(m->n, sizeof *info);
    for (size_t i = 0; i < m->n; i++) info[i] = sp_param_tensor(&m->params[i], d);
    sp_dst *dst = sp_dst_open("x.st", info, m->n, NULL, 0, &e);
    die_on(&e);
    free(info);
    return dst;
}

/* Trained weights in place of stored ones: what is written is the stored weight plus an F32 number
 * (sp_reachable), parameter by parameter; others go as they are. */
static void reachable_from_what_is_stored(void **state)
{
    (void)state;
    sp_model *m = small_model(0);
    sp_err e = {0};
    for (size_t i = 0; i < m->n; i += 2) { /* every other one was trained */
        sp_param *p = &m->params[i];
        p->copy = p->own;
        p->data = p->own;
        p->dtype = SP_F32;
        p->own = sp_xfloats(sp_numel(p));
        for (size_t j = 0; j < sp_numel(p); j++) /* down to where few bits are left */
            p->own[j] = ((const float *)p->data)[j] * (j % 3 ? 1.3f : 3e-8f);
    }
    sp_rounding rounding = {0};
    sp_dst *dst = open_dst(m, SP_F32);
    assert_int_equal(sp_weights_write(m, SP_F32, dst, &rounding, &e), 0);
    assert_int_equal(sp_dst_finish(dst, &e), 0);
    sp_src *src = sp_src_open("x.st", &e);
    die_on(&e);
    size_t unlike = 0;
    for (size_t i = 0; i < m->n; i++) {
        const sp_param *p = &m->params[i];
        float *got = sp_xfloats(sp_numel(p));
        int64_t at = sp_src_find(src, p->name);
        assert_int_equal(sp_src_read_f32(src, (size_t)at, got, &e), 0);
        for (size_t j = 0; j < sp_numel(p); j++) {
            float own = p->own[j];
            assert_true(got[j] == (i % 2 ? own : sp_reachable(own, ((const float *)p->data)[j])));
            unlike += got[j] != own;
        }
        free(got);
    }
    assert_true(unlike > 10);
    sp_src_close(src);
    sp_model_close(m);
}

static void other_dtypes_and_full_disks(void **state)
{
    (void)state;
    sp_model *m = small_model(0);
    sp_err e = {0};
    sp_rounding rounding = {0};
    sp_dst *dst = open_dst(m, SP_BF16);
    assert_int_equal(sp_weights_write(m, SP_BF16, dst, &rounding, &e), 0);
    assert_int_equal(sp_dst_finish(dst, &e), 0);
    sp_src *src = sp_src_open("x.st", &e);
    die_on(&e);
    float got[24 * 37];
    assert_int_equal(sp_src_read_f32(src, (size_t)sp_src_find(src, m->embed->name), got, &e), 0);
    for (size_t j = 0; j < sp_numel(m->embed); j++)
        assert_true(fabsf(got[j] - m->embed->own[j]) <= fabsf(m->embed->own[j]) / 256);
    sp_src_close(src);
    /* more weights than the stream has place for: the write fails, and so does this */
    dst = open_dst(m, SP_BF16);
    assert_int_equal(sp_weights_write(m, SP_F32, dst, &rounding, &e), -1);
    assert_true(e.code != 0);
    sp_dst_abort(dst);
    sp_model_close(m);
}

/* Of the embedding every number was trained: a third not at all, a third too little for BF16. */
static void lost_in_rounding(void **state)
{
    (void)state;
    sp_model *m = small_model(0);
    sp_param *p = m->embed;
    size_t n = sp_numel(p), changed = 0, lost = 0;
    sp_err e = {0};
    sp_rounding rounding = {0};
    p->copy = p->own;
    p->data = p->own;
    p->dtype = SP_F32;
    p->own = sp_xfloats(n);
    for (size_t i = 0; i < n; i++) {
        float *was = (float *)p->copy + i;
        *was = 1 + (float)(i % 64) / 128; /* a number of BF16 */
        p->own[i] = *was + (float)(i % 3) * 0x1p-8f * .7f;
        changed += i % 3 > 0;
        lost += i % 3 == 1;
    }
    sp_dst *dst = open_dst(m, SP_BF16);
    assert_int_equal(sp_weights_write(m, SP_BF16, dst, &rounding, &e), 0);
    assert_int_equal(sp_dst_finish(dst, &e), 0);
    assert_int_equal(rounding.changed, changed);
    assert_int_equal(rounding.lost, lost);
    rounding = (sp_rounding){0};
    dst = open_dst(m, SP_F32);
    assert_int_equal(sp_weights_write(m, SP_F32, dst, &rounding, &e), 0);
    assert_int_equal(sp_dst_finish(dst, &e), 0);
    assert_int_equal(rounding.changed, changed);
    assert_int_equal(rounding.lost, 0);
    sp_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_shapes),
        IN_DIR(reachable_from_what_is_stored),
        IN_DIR(other_dtypes_and_full_disks),
        IN_DIR(lost_in_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
