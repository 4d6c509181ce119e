/* test_scores.c - gradients into a stream: plain, per example, times a factor; and factors that do
 * not fit. */
#include "files.h"
#include "models.h"
#include "train/scores.h"
#include "train/weights.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* A stream of one tensor (rows, cols), or a vector where cols is 0, of values 1, 2, 3 ... times
 * sign. */
static sp_src *one_tensor(const char *path, char *name, int64_t rows, int64_t cols, float sign)
{
    sp_err e = {0};
    uint64_t n = (uint64_t)(rows * (cols ? cols : 1));
    sp_tinfo t = {.name = name,
                  .dtype = SP_F32,
                  .rank = cols ? 2 : 1,
                  .shape = {rows, cols},
                  .numel = n,
                  .nbytes = n * sizeof(float)};
    sp_dst *dst = sp_dst_open(path, &t, 1, NULL, 0, &e);
    die_on(&e);
    for (uint64_t i = 0; i < n; i++) {
        float x = sign * (float)(i + 1);
        assert_int_equal(sp_dst_write(dst, &x, sizeof x, &e), 0);
    }
    assert_int_equal(sp_dst_finish(dst, &e), 0);
    sp_src *src = sp_src_open(path, &e);
    die_on(&e);
    return src;
}

/* What becomes of the gradient g (4, 3) = 1 .. 12 of p, in two blocks of rows. */
static int emit_twice(sp_scores s, sp_param *p, float *got, sp_err *e)
{
    sp_tinfo t = sp_param_tensor(p, SP_F32);
    float g[12];
    s.dst = sp_dst_open("out.st", &t, 1, NULL, 0, e);
    for (int i = 0; i < 12; i++) g[i] = (float)(i + 1);
    sp_scores_open(&s);
    int rc = sp_scores_emit(&s, p, 0, 3, g, e);
    if (rc == 0) rc = sp_scores_emit(&s, p, 3, 1, g + 9, e);
    sp_scores_close(&s);
    if (rc < 0) {
        sp_dst_abort(s.dst);
        return rc;
    }
    assert_int_equal(sp_dst_finish(s.dst, e), 0);
    sp_src *src = sp_src_open("out.st", e);
    assert_int_equal(sp_src_read_f32(src, 0, got, e), 0);
    sp_src_close(src);
    return 0;
}

static float weights[12] = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12};
static sp_param param(void)
{
    return (sp_param){.name = "w", .rows = 4, .cols = 3, .dtype = SP_F32, .data = weights};
}

static void expect(sp_scores s, double scale, double power)
{
    sp_param p = param();
    float got[12];
    sp_err e = {0};
    assert_int_equal(emit_twice(s, &p, got, &e), 0);
    for (int i = 0; i < 12; i++)
        assert_true(fabs((double)got[i] - scale * pow(i + 1, power)) < 1e-5 * (double)got[i]);
}

static void as_they_are_divided_multiplied(void **state)
{
    (void)state;
    char name[] = "w";
    expect((sp_scores){.each = SP_EACH_NONE, .examples = 5}, 1, 1);
    expect((sp_scores){.each = SP_EACH_SQUARE, .examples = 5}, 0.2, 1);
    expect((sp_scores){.each = SP_EACH_ABS, .examples = 5, .times = true}, 0.2,
           2); /* |w| = 1 .. 12 */
    sp_src *v = one_tensor("v.st", name, 4, 3, -2);
    expect((sp_scores){.each = SP_EACH_ABS, .examples = 5, .times = true, .factor = v}, 0.4, 2);
    sp_src_close(v);
}

static void refuse(sp_scores s, const char *message)
{
    sp_param p = param();
    float got[12];
    sp_err e = {0};
    assert_int_equal(emit_twice(s, &p, got, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, message);
}

static void factors_that_do_not_fit(void **state)
{
    (void)state;
    char w[] = "w", other[] = "v";
    sp_scores s = {.each = SP_EACH_ABS, .examples = 5, .times = true};
    s.factor = one_tensor("a.st", other, 4, 3, 1);
    refuse(s, "a.st: tensor \"w\" is missing");
    sp_src_close(s.factor);
    s.factor = one_tensor("b.st", w, 3, 4, 1);
    refuse(s, "b.st: tensor \"w\": shape 3x4, expected 4x3");
    sp_src_close(s.factor);
    s.factor = one_tensor("c.st", w, 12, 0, 1);
    refuse(s, "c.st: tensor \"w\": shape 12, expected 4x3");
    sp_src_close(s.factor);
}

static void gradients_that_are_no_numbers(void **state)
{
    (void)state;
    sp_scores s = {.each = SP_EACH_ABS, .examples = 0}; /* 1 / 0 */
    refuse(s, "tensor \"w\": the gradient is not finite");
    weights[10] = NAN;
    s.examples = 5, s.times = true;
    refuse(s, "tensor \"w\": the gradient is not finite");
    weights[10] = 11;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(as_they_are_divided_multiplied),
        IN_DIR(factors_that_do_not_fit),
        IN_DIR(gradients_that_are_no_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
