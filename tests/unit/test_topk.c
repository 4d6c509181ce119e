/* test_topk.c - selection of the k largest: against a sort where arrays are small, against radix
 * selection where they are large enough to be passed once; arrays made to mislead the sample; and
 * that the number of threads changes nothing. */
#include "tensor/topk.h"

#include "base/base.h"
#include "base/philox.h"
#include "tensor/radix.h"

#include <setjmp.h>
#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- small arrays --------------------------------------------------------------------- */

static const float *sorted_by;
static int by_score(const void *a, const void *b)
{
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    float x = sorted_by[i], y = sorted_by[j];
    return x != y ? (x < y ? 1 : -1) : i < j ? -1 : i > j;
}

/* The same by sorting. */
static size_t naive_top_k(uint8_t *mask, const float *x, size_t n, size_t k)
{
    size_t *order = sp_xarray(n, sizeof *order), m = 0;
    for (size_t i = 0; i < n; i++)
        if (x[i] > 0) order[m++] = i;
    sorted_by = x;
    qsort(order, m, sizeof *order, by_score);
    memset(mask, 0, n);
    k = SP_MIN(k, m);
    for (size_t i = 0; i < k; i++) mask[order[i]] = 1;
    free(order);
    return k;
}

/* Scores of several kinds: smooth, few distinct values (ties), mostly zero, and with everything odd
 * in it. */
static void make_scores(float *x, size_t n, int kind)
{
    static const float odd[] = {0,       -0.0f,   NAN,          -NAN, INFINITY, -INFINITY,
                                FLT_MIN, FLT_MAX, FLT_TRUE_MIN, -1,   1,        1};
    for (size_t i = 0; i < n; i++) {
        double u = sp_rand_unit(9, (uint64_t)kind, i);
        x[i] = kind == 0   ? (float)sp_rand_normal(9, 1, i)
               : kind == 1 ? (float)(int)(u * 5)
               : kind == 2 ? (u < .9 ? 0 : (float)u)
                           : odd[(int)(u * 12)];
    }
}

static void top_k_is_a_sort(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 100, 4097, 70000};
    for (size_t s = 0; s < 6; s++)
        for (int kind = 0; kind < 4; kind++) {
            size_t n = sizes[s], ks[] = {0, 1, n / 100, n / 10, n / 2, n, n + 5};
            float *x = sp_xfloats(n);
            uint8_t *got = sp_xmalloc(n), *want = sp_xmalloc(n);
            make_scores(x, n, kind);
            for (int i = 0; i < 7; i++) {
                size_t k = naive_top_k(want, x, n, ks[i]);
                memset(got, 7, n);
                assert_int_equal(sp_topk(got, x, n, ks[i]), k);
                assert_memory_equal(got, want, n);
            }
            free(x);
            free(got);
            free(want);
        }
}

/* ---- large arrays --------------------------------------------------------------------- */

#define N 1500007

enum { NORMAL, EQUAL, ZEROS, RISING, FALLING, TWO, TIES, ODD, ROWS, SPARSE, UNFAIR, HIDDEN, KINDS };

/* The thread sanitizer takes ten times as long, and two kinds go through all the loops. */
#ifdef __SANITIZE_THREAD__
#define TRIED(kind) ((kind) == NORMAL || (kind) == TWO)
#else
#define TRIED(kind) true
#endif

#define LEN \
    (N / 16 / 256) /* of the sample's stretches, which begin at multiples of (N - LEN) / 255 */

/* UNFAIR: the sample sees zeros only. HIDDEN: it sees the largest only. */
static void make_large(float *x, int kind)
{
    for (size_t i = 0; i < N; i++) {
        double u = sp_rand_unit(3, 7, i);
        bool sampled = i % ((N - LEN) / 255) < LEN;
        switch (kind) {
        case NORMAL: x[i] = (float)sp_rand_normal(3, 1, i); break;
        case EQUAL: x[i] = 0.5f; break;
        case ZEROS: x[i] = i % 3 ? 0 : -0.0f; break;
        case RISING: x[i] = (float)i; break;
        case FALLING: x[i] = (float)(N - i); break;
        case TWO: x[i] = u < .03 ? 2 : 1; break;
        case TIES: x[i] = (float)(int)(u * 60); break;
        case ODD:
            make_scores(x + i, 1, 3),
                x[i] = u < .5 ? x[i] : (float[]){NAN,          INFINITY, -INFINITY,
                                                 FLT_TRUE_MIN, FLT_MAX,  -1}[(int)(u * 12) - 6];
            break;
        case ROWS:
            x[i] = (float)(fabs(sp_rand_normal(3, 2, i)) * exp(2 * sp_rand_normal(3, 5, i / 4096)));
            break;
        case SPARSE: x[i] = u < .01 ? (float)u : 0; break;
        case UNFAIR: x[i] = sampled ? 0 : (float)u; break;
        case HIDDEN: x[i] = sampled ? 2 + (float)u : (float)u; break;
        }
    }
}

static size_t radix(uint8_t *mask, const float *x, size_t n, size_t k)
{
    sp_radix r;
    sp_radix_find(&r, x, n, k);
    return sp_radix_mark(&r, mask, x, n);
}

typedef struct {
    const float *x;
    uint64_t bad; /* the part that holds this index fails */
} parts;

static const float *part(void *ctx, uint64_t at, size_t n, float *space, sp_err *e)
{
    parts *p = ctx;
    if (!space || n > SP_TOPK_PART || at + n > N) sp_fail(e, SP_EUSAGE, "bad call");
    else if (p->bad >= at && p->bad < at + n) sp_fail(e, SP_EINPUT, "part %d", 17);
    else {
        if (at == 0 && n == SP_TOPK_PART)
            usleep(2000); /* the first part is not the first to be ready */
        return memcpy(space, p->x + at, n * sizeof(float));
    }
    return NULL;
}

static void one_pass_is_radix(void **state)
{
    (void)state;
    float *x = sp_xfloats(N);
    uint8_t *want = sp_xmalloc(N), *got = sp_xmalloc(N);
    parts p = {x, UINT64_MAX};
    int once[KINDS] = {0};
    for (int kind = 0; kind < KINDS; kind++) {
        if (!TRIED(kind)) continue;
        size_t ks[] = {0, 1, 2, N / 1000, N * 3 / 100, N / 2, N - 1, N, N + 5};
        make_large(x, kind);
        for (size_t i = 0; i < sizeof ks / sizeof *ks; i++) {
            sp_err e = {0};
            size_t set = radix(want, x, N, ks[i]);
            memset(got, 9, N);
            assert_int_equal(sp_topk(got, x, N, ks[i]), set);
            assert_memory_equal(got, want, N);
            memset(got, 9, N);
            bool finite = false;
            sp_topk_result got_it = sp_topk_parts(got, N, ks[i], part, &p, &finite, &e);
            assert_int_not_equal(got_it, SP_TOPK_FAILED);
            bool selected = got_it == SP_TOPK_SELECTED;
            if (selected) assert_memory_equal(got, want, N);
            if (selected) assert_int_equal(finite, kind != ODD);
            once[kind] += selected;
            if (ks[i] == N * 3 / 100)
                assert_int_equal(selected,
                                 kind != EQUAL && kind != TWO && kind != UNFAIR && kind != HIDDEN);
        }
    }
    assert_int_equal(once[NORMAL], 8);                    /* all but k = 0 */
    if (TRIED(RISING)) assert_int_equal(once[RISING], 7); /* nor the half */
    if (TRIED(ROWS)) assert_int_equal(once[ROWS], 7);
    if (TRIED(ODD)) assert_in_range(once[ODD], 1, 8);
    free(x);
    free(want);
    free(got);
}

static void failing_parts(void **state)
{
    (void)state;
    float *x = sp_xfloats(N);
    uint8_t *mask = sp_xmalloc(N);
    make_large(x, NORMAL);
    parts p = {x, UINT64_MAX};
    bool finite;
    uint64_t bad[] = {0, 10, N / 2 + 1, N - 1};
    for (int i = 0; i < 4; i++) {
        sp_err e = {0};
        p.bad = bad[i];
        assert_int_equal(sp_topk_parts(mask, N, 1000, part, &p, &finite, &e), SP_TOPK_FAILED);
        assert_int_equal(e.code, SP_EINPUT);
        assert_string_equal(e.msg, "part 17");
    }
    free(x);
    free(mask);
}

static void any_threads(void **state)
{
    (void)state;
    float *x = sp_xfloats(N);
    uint8_t *one = sp_xmalloc(N), *many = sp_xmalloc(N);
    int threads = omp_get_max_threads();
    for (int kind = 0; kind < KINDS; kind += 3) {
        make_large(x, kind);
        omp_set_num_threads(1);
        size_t set = sp_topk(one, x, N, N / 30);
        omp_set_num_threads(5);
        assert_int_equal(sp_topk(many, x, N, N / 30), set);
        assert_memory_equal(one, many, N);
        omp_set_num_threads(threads);
    }
    free(x);
    free(one);
    free(many);
}

static void fractions(void **state)
{
    (void)state;
    assert_int_equal(sp_fraction(0.1 * 3, 10), 3);
    assert_int_equal(sp_fraction(0.29, 100), 29); /* 28.999999999999996 */
    assert_int_equal(sp_fraction(0.29, 99), 28);
    assert_int_equal(sp_fraction(0.07, 100000000), 7000000);
    assert_int_equal(sp_fraction(0, 10), 0);
    assert_int_equal(sp_fraction(1, 45088768), 45088768);
    assert_int_equal(sp_fraction(0.03, 7), 0);
    for (uint64_t n = 1; n < 2000; n++)
        assert_int_equal(sp_fraction((double)(n - 1) / (double)n, n), n - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(top_k_is_a_sort), cmocka_unit_test(one_pass_is_radix),
        cmocka_unit_test(failing_parts),   cmocka_unit_test(any_threads),
        cmocka_unit_test(fractions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
