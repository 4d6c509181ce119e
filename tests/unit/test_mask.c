/* test_mask.c - masks: drawn independently, combined by their truth tables, applied, compared. */
#include "patch/mask.h"

#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DRAWN 20000

static double agree(const uint8_t *a, const uint8_t *b)
{
    size_t same = 0;
    for (size_t i = 0; i < DRAWN; i++) same += a[i] == b[i];
    return (double)same / DRAWN;
}

/* The rate is met; another seed, key, name or place gives another mask; a mask is the same whatever
 * the pieces it is drawn in. */
static void drawing(void **state)
{
    (void)state;
    static uint8_t m[6][DRAWN], again[DRAWN];
    sp_mask_draw(m[0], 1, "k", "w", 0, DRAWN, .5);
    sp_mask_draw(m[1], 2, "k", "w", 0, DRAWN, .5);
    sp_mask_draw(m[2], 1, "j", "w", 0, DRAWN, .5);
    sp_mask_draw(m[3], 1, "k", "v", 0, DRAWN, .5);
    sp_mask_draw(m[4], 1, "", "kw", 0, DRAWN, .5); /* the same letters */
    sp_mask_draw(m[5], 1, "k", "w", DRAWN, DRAWN, .5);
    double spread = 5 * .5 / sqrt(DRAWN);
    for (int i = 1; i < 6; i++) assert_true(fabs(agree(m[0], m[i]) - .5) < spread);
    for (size_t at = 0; at < DRAWN; at += 777)
        sp_mask_draw(again + at, 1, "k", "w", at, SP_MIN((size_t)777, DRAWN - at), .5);
    assert_memory_equal(m[0], again, DRAWN);
    sp_mask_draw(again, 1, "k", "w", 0, DRAWN, .1);
    size_t set = 0;
    for (size_t i = 0; i < DRAWN; i++) {
        set += again[i];
        assert_true(again[i] <= m[0][i]); /* a smaller rate gives a part of it */
    }
    assert_true(fabs((double)set / DRAWN - .1) < 5 * .3 / sqrt(DRAWN));
}

static void set_algebra(void **state)
{
    (void)state;
    static const uint8_t a[] = {0, 0, 1, 1, 255, 2}, b[] = {0, 1, 0, 1, 0, 4};
    static const uint8_t want[][6] = {[SP_MASK_MINUS] = {0, 0, 1, 0, 1, 0},
                                      [SP_MASK_AND] = {0, 0, 0, 1, 0, 1},
                                      [SP_MASK_OR] = {0, 1, 1, 1, 1, 1}};
    for (int op = SP_MASK_MINUS; op <= SP_MASK_OR; op++) {
        uint8_t out[6];
        sp_mask_combine(out, (sp_mask_op)op, a, b, 6);
        assert_memory_equal(out, want[op], 6);
    }
}

static void applying(void **state)
{
    (void)state;
    enum { N = 3001 }; /* more than two blocks */
    static float x[N], out[N];
    static uint8_t mask[N];
    for (int i = 0; i < N; i++) x[i] = i % 2 ? (float)i : -0.0f, mask[i] = i % 3 == 0;
    assert_true(sp_mask_apply(out, x, SP_F32, mask, 1, N));
    for (int i = 0; i < N; i++) {
        float want = i % 3 ? 0 : x[i];
        assert_memory_equal(&out[i], &want, sizeof want); /* -0 stays where it is kept */
    }
    assert_true(sp_mask_apply(out, x, SP_F32, mask, .25, N));
    for (int i = 0; i < N; i++) assert_true(out[i] == (i % 3 ? 0 : 4 * x[i]));
    uint16_t half[2] = {0x7bff, 0x3c00}, got[2]; /* 65504, 1: F16 */
    static const uint8_t second[] = {0, 1};
    assert_true(sp_mask_apply(got, half, SP_F16, second, 1, 2));
    assert_int_equal(got[0] * 65536 + got[1], 0x3c00);
    assert_false(sp_mask_apply(got, half, SP_F16, second, .5, 2)); /* the masked one overflows */
    for (int bad = 0; bad < N; bad += 1500) {                      /* in each of the blocks */
        float was = x[bad];
        x[bad] = NAN;
        assert_false(sp_mask_apply(out, x, SP_F32, mask, 1, N));
        x[bad] = was;
    }
}

static void overlaps(void **state)
{
    (void)state;
    static const float a[] = {1, 0, -2, 0, 3}, b[] = {2, 1, 0, 0, -1};
    sp_overlap o = {0}, total = {0};
    sp_overlap_add(&o, a, b, 3);
    sp_overlap_add(&o, a + 3, b + 3, 2);
    sp_overlap_merge(&total, &o);
    sp_overlap_merge(&total, &o);
    assert_int_equal(total.numel, 10);
    assert_int_equal(total.a * 100 + total.b * 10 + total.both, 664);
    assert_true(total.aa == 28 && total.bb == 12 && total.ab == -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawing),
        cmocka_unit_test(set_algebra),
        cmocka_unit_test(applying),
        cmocka_unit_test(overlaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
