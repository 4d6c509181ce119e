/* test_merge.c - the merging methods on numbers small enough to work out by hand, and the bits that
 * must not change. */
#include "base/base.h"
#include "base/hash.h"
#include "base/philox.h"
#include "patch/merge.h"
#include "tensor/topk.h"
#include "tensor/vec.h"

#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A fault as one number: 0 = none, 100 = the result, 200 + k = patch k, 300 + k = its Fisher
 * information. */
static int number(sp_merge_fault f) { return 100 * (int)f.what + f.patch; }
enum { RESULT = 100, PATCH = 200, FISHER = 300 };

/* Merge K patches of n F32 elements; masks and Fisher information may be NULL. */
static int merge(sp_merge_opt o, int K, const float *const *x, const double *scale,
                 uint8_t *const *mask, const float *const *fisher, const float *base, float *out,
                 size_t n)
{
    sp_tinfo t = {.name = "t", .dtype = SP_F32, .numel = n};
    sp_delta d[SP_MERGE_MAX];
    float *work = sp_xfloats(n);
    for (int k = 0; k < K; k++) {
        sp_radix *select = sp_xcalloc(1, sizeof *select);
        d[k] = (sp_delta){.number = k,
                          .scale = scale ? scale[k] : 1,
                          .dtype = SP_F32,
                          .x = (const char *)x[k],
                          .keep = sp_xmalloc(n),
                          .fisher_dtype = SP_F32,
                          .fisher = fisher ? (const char *)fisher[k] : NULL,
                          .work = work,
                          .threshold = select};
        sp_radix_start(select, sp_fraction(o.density, n));
        do {
            mask ? memcpy(d[k].keep, mask[k], n) : memset(d[k].keep, 1, n);
            if (x[k] && sp_merge_global(&o)) sp_merge_count(&o, &d[k], &t, 0, n);
        } while (sp_radix_next(select));
        mask ? memcpy(d[k].keep, mask[k], n) : memset(d[k].keep, 1, n);
        sp_merge_thin(&o, &d[k], &t, 0, n);
    }
    int rc =
        number(sp_merge_chunk(&o, d, K, (const char *)base, SP_F32, (char *)out, SP_F32, n, NULL));
    for (int k = 0; k < K; k++) free(d[k].keep), free(d[k].threshold);
    free(work);
    return rc;
}

static int sp_merge_f32(sp_merge_opt o, float *out, const float *base, const float *a,
                        const float *b, size_t n)
{
    o.lambda = 1;
    return merge(o, b ? 2 : 1, (const float *[]){a, b}, NULL, NULL, NULL, base, out, n);
}

static void expect(const float *out, const float *want, size_t n, double within)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(out[i] - want[i]) <= within))
            fail_msg("element %zu: %.9g, expected %.9g", i, out[i], want[i]);
}

static void check(int method, double density, const float *a, const float *b, const float *want)
{
    static const float base[] = {10, 10, 10, 10, 10};
    float out[5];
    for (int global = 0; global < 2; global++) { /* one tensor is the whole patch */
        sp_merge_opt o = {.method = method, .density = density, .global = global, .gamma = .2};
        assert_int_equal(sp_merge_f32(o, out, base, a, b, 5), 0);
        expect(out, want, 5, 0);
    }
}

static void by_hand(void **state)
{
    (void)state;
    static const float a[] = {1, -2, 3, 0, 8}, b[] = {3, 1, -3, 4, 0.5f};
    check(SP_SUM, 1, a, b, (float[]){14, 9, 10, 14, 18.5f});
    check(SP_AVERAGE, 1, a, b, (float[]){12, 9.5f, 10, 12, 14.25f});
    check(SP_DARE, 1, a, b, (float[]){14, 9, 10, 14, 18.5f}); /* drop 0 is the sum */
    /* signs elected: + - + + +, means over those that agree */
    check(SP_TIES, 1, a, b, (float[]){12, 8, 13, 14, 14.25f});
    /* the two largest of each: a keeps 3, 8; b keeps 4 and the first 3 */
    check(SP_TIES, .4, a, b, (float[]){13, 10, 13, 14, 18});
    check(SP_SUM, 1, a, NULL, (float[]){11, 8, 13, 10, 18});
    /* the largest of each goes (8; 4), the next two stay (3, -2; 3, -3) */
    check(SP_BREADCRUMBS, .4, a, b, (float[]){13, 8, 10, 10, 10});
    /* all are wanted: none can go */
    check(SP_BREADCRUMBS, 1, a, b, (float[]){14, 9, 10, 14, 18.5f});
    check(SP_STOCK, 1, a, b, (float[]){10, 10, 10, 10, 10}); /* a.b = -4: no agreement */
}

/* a.b = 12, |a| = 5, |b| = 4: cosine 0.6, t = 1.2 / 1.6, average (3.5, 2) */
static void stock_by_hand(void **state)
{
    (void)state;
    float out[2];
    sp_merge_opt o = {.method = SP_STOCK};
    assert_int_equal(sp_merge_f32(o, out, (float[]){1, 1}, (float[]){3, 4}, (float[]){4, 0}, 2), 0);
    expect(out, (float[]){1 + .75f * 3.5f, 1 + .75f * 2}, 2, 1e-6);
}

/* floor(gamma n) = 0: nothing goes from the top. */
static void breadcrumbs_of_no_top(void **state)
{
    (void)state;
    float x[] = {1, -2, 3, 4, 8}, out[5];
    sp_merge_opt o = {.method = SP_BREADCRUMBS, .density = .4, .gamma = .19};
    assert_int_equal(sp_merge_f32(o, out, (float[]){0, 0, 0, 0, 0}, x, NULL, 5), 0);
    expect(out, (float[]){0, 0, 0, 4, 8}, 5, 0);
}

static void lambda_and_scales(void **state)
{
    (void)state;
    static const float a[] = {1, -2}, b[] = {3, 4}, base[] = {10, 10};
    float out[2];
    sp_merge_opt o = {.method = SP_SUM, .lambda = .5};
    assert_int_equal(
        merge(o, 2, (const float *[]){a, b}, (double[]){2, -1}, NULL, NULL, base, out, 2), 0);
    expect(out, (float[]){9.5f, 6}, 2, 0); /* 10 + (2 - 3) / 2, 10 + (-4 - 4) / 2 */
    o.method = SP_AVERAGE;
    assert_int_equal(merge(o, 2, (const float *[]){a, NULL}, NULL, NULL, NULL, base, out, 2), 0);
    expect(out, (float[]){10.25f, 9.5f}, 2, 0); /* the second model is the base */
}

/* Weights 1 and 3 between the models 11 and 14 give 13.25; without information the models count
 * alike; a scale is a weight. */
static void fisher_by_hand(void **state)
{
    (void)state;
    static const float a[] = {1, 1, 1}, b[] = {4, 4, 4}, base[] = {10, 10, 10}, fa[] = {1, 0, 2},
                       fb[] = {3, 0, 0};
    const float *x[] = {a, b}, *f[] = {fa, fb};
    float out[3];
    sp_merge_opt o = {.method = SP_FISHER, .lambda = 1};
    assert_int_equal(merge(o, 2, x, NULL, NULL, f, base, out, 3), 0);
    expect(out, (float[]){13.25f, 12.5f, 11.0000015f}, 3, 2e-6);
    assert_int_equal(merge(o, 2, x, (double[]){9, 1}, NULL, f, base, out, 3), 0);
    /* (9 x 11 + 3 x 14) / 12, (9 x 11 + 14) / 10 */
    expect(out, (float[]){11.75f, 11.3f, 11}, 3, 2e-6);
    x[1] = NULL; /* the second model is the base there */
    assert_int_equal(merge(o, 2, x, NULL, NULL, f, base, out, 3), 0);
    expect(out, (float[]){10.25f, 10.5f, 11}, 3, 2e-6);
}

/* Between (1, 0) and (0, 1) on the unit circle lies (1, 1) / sqrt 2, at a third (cos 30, sin 30);
 * nearly parallel models are mixed in a straight line. */
static void slerp_by_hand(void **state)
{
    (void)state;
    static const float base[] = {1, 0}, zero[] = {0, 0}, turn[] = {-1, 1}, near[] = {0, .02f};
    float out[2];
    sp_merge_opt o = {.method = SP_SLERP, .t = .5};
    assert_int_equal(sp_merge_f32(o, out, base, zero, turn, 2), 0);
    expect(out, (float[]){.70710678f, .70710678f}, 2, 1e-7);
    o.t = 1 / 3.;
    assert_int_equal(sp_merge_f32(o, out, base, zero, turn, 2), 0);
    expect(out, (float[]){.8660254f, .5f}, 2, 1e-7);
    assert_int_equal(sp_merge_f32(o, out, base, zero, near, 2), 0);
    expect(out, (float[]){1, .02f / 3}, 2, 1e-9);
    o.t = 0;
    assert_int_equal(sp_merge_f32(o, out, base, turn, zero, 2), 0);
    expect(out, (float[]){0, 1}, 2, 0);
    o.t = 1;
    assert_int_equal(sp_merge_f32(o, out, base, turn, zero, 2), 0);
    expect(out, base, 2, 0);
}

/* ---- against slow, obvious versions --------------------------------------------------- */

#define N 10007 /* more than two blocks */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Zero all but ranks [from, to) of the magnitudes of x; there are no ties. */
static void slow_keep(double *x, size_t from, size_t to)
{
    static double size[N];
    for (size_t i = 0; i < N; i++) size[i] = fabs(x[i]);
    qsort(size, N, sizeof *size, by_size);
    for (size_t i = 0; i < N; i++)
        if ((from > 0 && fabs(x[i]) >= size[from - 1]) || (to < N && fabs(x[i]) <= size[to]))
            x[i] = 0;
}

static double slow_cosine(const double *a, const double *b, const float *base)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < N; i++) {
        double t = base ? base[i] : 0;
        ab += (a[i] + t) * (b[i] + t), aa += (a[i] + t) * (a[i] + t), bb += (b[i] + t) * (b[i] + t);
    }
    return ab / sqrt(aa * bb);
}

/* One element of the merged model from those of the models (base + v_k, k < 3) and their Fisher
 * information. */
static double slow_element(int method, double base, const double *v, const double *f,
                           const double *c, double cosine, double t)
{
    double sum = v[0] + v[1] + v[2], up = 0, down = 0, w = acos(cosine);
    int ups = 0, downs = 0;
    switch (method) {
    case SP_AVERAGE: return (base + v[0] + base + v[1] + base + v[2]) / 3;
    case SP_TIES:
        for (int k = 0; k < 3; k++)
            if (v[k] > 0) up += v[k], ups++;
            else if (v[k] < 0) down += v[k], downs++;
        return base + (sum > 0 ? up / ups : sum < 0 ? down / downs : 0);
    case SP_FISHER: /* v is scaled by c here, as everywhere */
        for (int k = 0; k < 3; k++)
            up += c[k] * (f[k] + 1e-6) * (base + v[k] / c[k]), down += c[k] * (f[k] + 1e-6);
        return up / down;
    case SP_SLERP: return (sin((1 - t) * w) * (base + v[0]) + sin(t * w) * (base + v[1])) / sin(w);
    case SP_STOCK:
        return 3 * cosine / (1 + 2 * cosine) * (base + sum / 3) +
               (1 - 3 * cosine / (1 + 2 * cosine)) * base;
    default: return base + sum;
    }
}

static struct {
    float x[3][N], f[3][N], base[N], out[N];
    uint8_t mask[3][N];
    double v[3][N];
} big;

static void fill_big(void)
{
    for (uint64_t i = 0; i < N; i++) {
        big.base[i] = (float)sp_rand_normal(1, 9, i);
        for (uint64_t k = 0; k < 3; k++) {
            /* they have something in common */
            big.x[k][i] = (float)(sp_rand_normal(1, k, i) + sp_rand_normal(1, 7, i));
            big.f[k][i] = (float)(1e-5 * sp_rand_unit(1, 3 + k, i));
            big.mask[k][i] = sp_rand_unit(2, k, i) < .9;
        }
    }
}

static void slow_thin(const sp_merge_opt *o, int k, double scale)
{
    uint64_t stream = sp_hash(sp_hash(SP_HASH0, &k, sizeof k), "t", 1);
    size_t top = (size_t)floor(o->gamma * N), kept = (size_t)floor(o->density * N);
    for (size_t i = 0; i < N; i++) {
        bool dropped = sp_rand_unit(o->seed, stream, i) < o->drop;
        big.v[k][i] = big.mask[k][i] && !dropped ? scale * (double)big.x[k][i] / (1 - o->drop) : 0;
    }
    if (o->method == SP_TIES) slow_keep(big.v[k], 0, kept);
    if (o->method == SP_BREADCRUMBS) slow_keep(big.v[k], top, top + kept);
}

static void check_slow(const sp_merge_opt *o)
{
    static const double c[] = {1.5, .5, 2};
    int K = o->method == SP_SLERP ? 2 : 3;
    uint8_t *mask[] = {big.mask[0], big.mask[1], big.mask[2]};
    assert_int_equal(merge(*o, K, (const float *[]){big.x[0], big.x[1], big.x[2]}, c, mask,
                           (const float *[]){big.f[0], big.f[1], big.f[2]}, big.base, big.out, N),
                     0);
    for (int k = 0; k < 3; k++) slow_thin(o, k, c[k]);
    double cosine = slow_cosine(big.v[0], big.v[1], o->method == SP_SLERP ? big.base : NULL);
    if (o->method == SP_STOCK)
        cosine = (cosine + slow_cosine(big.v[0], big.v[2], NULL) +
                  slow_cosine(big.v[1], big.v[2], NULL)) /
                 3;
    for (size_t i = 0; i < N; i++) {
        double v[] = {big.v[0][i], big.v[1][i], big.v[2][i]},
               f[] = {big.f[0][i], big.f[1][i], big.f[2][i]}, b = big.base[i];
        double want = b + o->lambda * (slow_element(o->method, b, v, f, c, cosine, o->t) - b);
        if (!(fabs(big.out[i] - want) <= 1e-7 * (1 + fabs(want))))
            fail_msg("method %d, element %zu: %.9g, expected %.9g", o->method, i, big.out[i], want);
        if (o->method != SP_SLERP && !v[0] && !v[1] && !v[2])
            assert_memory_equal(&big.out[i], &big.base[i], sizeof(float));
    }
}

static void as_slow_version(void **state)
{
    (void)state;
    fill_big();
    for (int method = SP_SUM; method <= SP_STOCK; method++)
        for (int way = 0; way < 4; way++)
            check_slow(&(sp_merge_opt){.method = method,
                                       .lambda = way & 1 ? .7 : 1,
                                       .drop = way & 2 ? .3 : 0,
                                       .seed = 5,
                                       .global = way & 1,
                                       .density = .35,
                                       .gamma = .05,
                                       .t = .3});
}

/* A byte of a mask may be any number but 0 for true: dropping leaves the survivors' as they are. */
static void dropping_keeps_any_byte(void **state)
{
    (void)state;
    enum { BYTES = 4096 };
    static float x[BYTES], work[BYTES];
    static uint8_t keep[BYTES];
    sp_tinfo t = {.name = "t", .dtype = SP_F32, .numel = BYTES};
    sp_delta d = {.scale = 1, .dtype = SP_F32, .x = (const char *)x, .keep = keep, .work = work};
    sp_merge_opt o = {.method = SP_DARE, .drop = .5, .seed = 1};
    memset(keep, 2, BYTES);
    sp_merge_thin(&o, &d, &t, 0, BYTES);
    int twos = 0;
    for (int i = 0; i < BYTES; i++) {
        assert_true(keep[i] == 0 || keep[i] == 2);
        twos += keep[i] == 2;
    }
    assert_in_range(twos, BYTES * 45 / 100, BYTES * 55 / 100);
}

/* Dropped entries change nothing, survivors grow, the mean stays; each patch and each seed drops on
 * its own. */
static void dare_statistics(void **state)
{
    (void)state;
    size_t n = 100000, zero[2] = {0}, same = 0;
    float *base = sp_xfloats0(n), *a = sp_xfloats(n), *out[2] = {sp_xfloats(n), sp_xfloats(n)};
    for (size_t i = 0; i < n; i++) a[i] = 1;
    double sum = 0;
    for (int seed = 0; seed < 2; seed++) {
        sp_merge_opt o = {.method = SP_DARE, .drop = .75, .seed = (uint64_t)seed};
        assert_int_equal(sp_merge_f32(o, out[seed], base, a, NULL, n), 0);
        for (size_t i = 0; i < n; i++) {
            assert_true(out[seed][i] == 0 || out[seed][i] == 4);
            zero[seed] += out[seed][i] == 0;
            sum += out[seed][i] / (double)(2 * n);
        }
        assert_true(fabs((double)zero[seed] / (double)n - .75) < 5 * sqrt(.75 * .25 / (double)n));
    }
    for (size_t i = 0; i < n; i++) same += (out[0][i] == 0) == (out[1][i] == 0);
    assert_true(fabs((double)same / (double)n - .625) < 5 * sqrt(.625 * .375 / (double)n));
    assert_true(fabs(sum - 1) < .02);
    sp_merge_opt o = {.method = SP_DARE, .drop = .5};
    for (size_t i = 0; i < n; i++) out[0][i] = -1;
    /* 1 - 1: zero only if both go together */
    assert_int_equal(sp_merge_f32(o, out[1], base, a, out[0], n), 0);
    same = 0;
    for (size_t i = 0; i < n; i++) same += out[1][i] == 0;
    assert_true(fabs((double)same / (double)n - .5) < 5 * sqrt(.25 / (double)n));
    free(base);
    free(a);
    free(out[0]);
    free(out[1]);
}

/* Zero change keeps every bit, -0 and NaN payloads aside from what the caller refuses; BF16 all
 * patterns. */
static void untouched_bits(void **state)
{
    (void)state;
    static uint16_t base[65536], out[65536];
    static float patch[65536];
    static uint8_t keep[65536];
    for (int i = 0; i < 65536; i++) {
        base[i] = (uint16_t)i;
        if ((i & 0x7f80) == 0x7f80) base[i] = 0x8000; /* finite only */
        patch[i] = i % 3 ? 1 : 0;
        keep[i] = i % 3 == 1;
    }
    /* nothing left that is not zero */
    for (size_t i = 0; i < 65536; i++) keep[i] &= patch[i] == 0 || i % 3 != 1;
    sp_merge_opt o = {.lambda = 1};
    sp_delta d = {.scale = 1, .dtype = SP_F32, .x = (const char *)patch, .keep = keep};
    assert_int_equal(number(sp_merge_chunk(&o, &d, 1, (const char *)base, SP_BF16, (char *)out,
                                           SP_BF16, 65536, NULL)),
                     0);
    assert_memory_equal(out, base, sizeof base);
    /* two of them, for what needs two */
    for (o.method = SP_SUM; o.method <= SP_STOCK; o.method++) {
        if (o.method == SP_FISHER) continue;
        assert_int_equal(number(sp_merge_chunk(&o, (sp_delta[]){d, d}, 2, (const char *)base,
                                               SP_BF16, (char *)out, SP_BF16, 65536, NULL)),
                         0);
        assert_memory_equal(out, base, sizeof base);
    }
    o.method = SP_SUM;
    o.lambda = 0;
    memset(keep, 1, sizeof keep);
    assert_int_equal(number(sp_merge_chunk(&o, &d, 1, (const char *)base, SP_BF16, (char *)out,
                                           SP_BF16, 65536, NULL)),
                     0);
    assert_memory_equal(out, base, sizeof base);
    o.lambda = 1;
    d.scale = 0;
    memset(keep, 1, sizeof keep);
    assert_int_equal(number(sp_merge_chunk(&o, &d, 1, (const char *)base, SP_BF16, (char *)out,
                                           SP_BF16, 65536, NULL)),
                     0);
    assert_memory_equal(out, base, sizeof base);
}

static void nonfinite_is_named(void **state)
{
    (void)state;
    float base[] = {1, 2}, a[] = {1, 2}, b[] = {1, NAN}, out[2];
    sp_merge_opt o = {0};
    assert_int_equal(sp_merge_f32(o, out, base, a, b, 2), PATCH + 1);
    assert_int_equal(sp_merge_f32(o, out, base, b, a, 2), PATCH);
    base[0] = INFINITY;
    assert_int_equal(sp_merge_f32(o, out, base, a, a, 2), RESULT);
    base[0] = a[0] = 3e38f;
    assert_int_equal(sp_merge_f32(o, out, base, a, NULL, 2), RESULT);
    float one[] = {1, 1}, wrong[] = {1, -1};
    sp_merge_opt fisher = {.method = SP_FISHER, .lambda = 1};
    assert_int_equal(merge(fisher, 2, (const float *[]){one, one}, NULL, NULL,
                           (const float *[]){one, wrong}, one, out, 2),
                     FISHER + 1);
    assert_int_equal(merge(fisher, 2, (const float *[]){one, one}, NULL, NULL,
                           (const float *[]){b, one}, one, out, 2),
                     FISHER);
    uint8_t keep[2] = {1, 1};
    uint16_t half[2];
    base[0] = 65519, base[1] = 65520, a[0] = a[1] = 0; /* the second rounds beyond F16 */
    sp_delta d = {.scale = 1, .dtype = SP_F32, .x = (const char *)a, .keep = keep};
    assert_int_equal(number(sp_merge_chunk(&o, &d, 1, (const char *)base, SP_F32, (char *)half,
                                           SP_F16, 1, NULL)),
                     0);
    assert_int_equal(number(sp_merge_chunk(&o, &d, 1, (const char *)base, SP_F32, (char *)half,
                                           SP_F16, 2, NULL)),
                     RESULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(stock_by_hand),
        cmocka_unit_test(breadcrumbs_of_no_top),
        cmocka_unit_test(lambda_and_scales),
        cmocka_unit_test(fisher_by_hand),
        cmocka_unit_test(slerp_by_hand),
        cmocka_unit_test(as_slow_version),
        cmocka_unit_test(dare_statistics),
        cmocka_unit_test(dropping_keeps_any_byte),
        cmocka_unit_test(untouched_bits),
        cmocka_unit_test(nonfinite_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
