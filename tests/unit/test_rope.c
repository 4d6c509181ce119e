/* test_rope.c - rotary tables of each kind against the formulas of their sources, and the turning
 * of heads.
 */
#include "engine/rope.h"
#include "operands.h"

enum { DIM = 16, HALF = DIM / 2, REACH = 50 };

static const sp_config base = {.head_dim = DIM, .rope_theta = 10000};

/* The angle of pair i at position t, where frequencies are scaled by `scaled`. */
static void check_tables(const sp_config *c, double (*scaled)(const sp_config *, double f))
{
    sp_rope r = {0};
    sp_rope_reserve(&r, c, REACH);
    assert_true(r.n >= REACH);
    for (int64_t t = 0; t < REACH; t++)
        for (int64_t i = 0; i < HALF; i++) {
            double angle =
                (double)t * scaled(c, 1 / pow(c->rope_theta, (double)(2 * i) / (double)DIM));
            expect_near("cos", (double)r.cos[t * HALF + i], cos(angle), 1e-7);
            expect_near("sin", (double)r.sin[t * HALF + i], sin(angle), 1e-7);
        }
    sp_rope_free(&r);
    assert_true(!r.cos && !r.sin && !r.n);
}

static double as_it_is(const sp_config *c, double f) { return (void)c, f; }

static void plain(void **state)
{
    (void)state;
    check_tables(&base, as_it_is);
    sp_config other = base;
    other.rope_theta = 500000;
    check_tables(&other, as_it_is);
}

/* Chen et al. 2023, position interpolation: position t counts as t / factor. */
static double interpolated(const sp_config *c, double f) { return f / c->rope_factor; }

static void linear(void **state)
{
    (void)state;
    sp_config c = base;
    c.rope = SP_ROPE_LINEAR, c.rope_factor = 2.5;
    check_tables(&c, interpolated);
}

/* As in apply_scaling of the reference code of LLaMA 3.1, by wavelengths. */
static double by_wavelength(const sp_config *c, double f)
{
    double wavelength = 2 * M_PI / f, longest = c->rope_orig / c->rope_low,
           shortest = c->rope_orig / c->rope_high;
    if (wavelength < shortest) return f;
    if (wavelength > longest) return f / c->rope_factor;
    double smooth = (c->rope_orig / wavelength - c->rope_low) / (c->rope_high - c->rope_low);
    return (1 - smooth) * f / c->rope_factor + smooth * f;
}

/* All three bands occur: with an original context of 64, pair 0 turns 10 times in it, pair 1 3.2
 * times, pair 2 once, pair 3 0.3 times. */
static void llama3(void **state)
{
    (void)state;
    sp_config c = base;
    c.rope = SP_ROPE_LLAMA3, c.rope_factor = 8, c.rope_low = 1, c.rope_high = 4, c.rope_orig = 64;
    check_tables(&c, by_wavelength);
    double f[HALF];
    int kept = 0, slowed = 0;
    for (int i = 0; i < HALF; i++) {
        f[i] = 1 / pow(c.rope_theta, 2.0 * i / DIM);
        kept += by_wavelength(&c, f[i]) == f[i];
        slowed += by_wavelength(&c, f[i]) == f[i] / c.rope_factor;
    }
    assert_true(kept > 0 && slowed > 0 && kept + slowed < HALF);
}

/* Growing leaves the values of earlier positions; asking for less changes nothing. */
static void tables_grow(void **state)
{
    (void)state;
    sp_rope r = {0};
    sp_rope_reserve(&r, &base, 3);
    float few[3 * HALF];
    memcpy(few, r.sin, sizeof few);
    const float *before = r.sin;
    sp_rope_reserve(&r, &base, 2);
    assert_ptr_equal(r.sin, before);
    sp_rope_reserve(&r, &base, 40);
    assert_true(r.n >= 40);
    assert_memory_equal(r.sin, few, sizeof few);
    sp_rope_free(&r);
}

/* Two sequences, the second one continued at position 7: elements i and i + d/2 turn together. */
static void heads_turn(void **state)
{
    (void)state;
    enum { HEADS = 3, N = 5, SIZE = N * HEADS * DIM };
    const int64_t start[] = {0, 2, N}, pos0[] = {0, 7};
    const sp_pack p = {2, start, pos0, N};
    const double position[N] = {0, 1, 7, 8, 9};
    sp_rope r = {0};
    sp_rope_reserve(&r, &base, sp_pack_reach(&p));
    float *x = random_floats(SIZE, 1), *turned = copy_floats(x, SIZE);
    sp_rope_turn(&r, &p, turned, HEADS, DIM, 1);
    for (int64_t t = 0; t < N; t++)
        for (int64_t h = 0; h < HEADS; h++)
            for (int64_t i = 0; i < HALF; i++) {
                int64_t at = (t * HEADS + h) * DIM + i;
                double angle = position[t] / pow(10000, (double)(2 * i) / (double)DIM);
                double a = (double)x[at], b = (double)x[at + HALF];
                expect_near("first", (double)turned[at], a * cos(angle) - b * sin(angle), 1e-6);
                expect_near("second", (double)turned[at + HALF], b * cos(angle) + a * sin(angle),
                            1e-6);
            }
    sp_rope_turn(&r, &p, turned, HEADS, DIM, -1);
    for (int64_t i = 0; i < SIZE; i++)
        expect_near("turned back", (double)turned[i], (double)x[i], 1e-6);
    sp_rope_free(&r);
    free(x), free(turned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),       cmocka_unit_test(linear),     cmocka_unit_test(llama3),
        cmocka_unit_test(tables_grow), cmocka_unit_test(heads_turn),
    };
    return cmocka_run_group_tests_name("rope", tests, NULL, NULL);
}
