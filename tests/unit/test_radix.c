/* test_radix.c - selection of the k largest of several arrays together: against a sort, ties in
 * order, what never enters. */
#include "tensor/radix.h"

#include "base/base.h"
#include "base/philox.h"

#include <setjmp.h>
#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define N 50000
static const size_t cut[] = {0, 11, 30000, N}; /* into three arrays */
enum { SMOOTH, FEW, MOSTLY_ZERO, ODD, KINDS };

static void make_numbers(float *x, int kind)
{
    static const float odd[] = {0,       -0.0f,   NAN,          -NAN, INFINITY, -INFINITY,
                                FLT_MIN, FLT_MAX, FLT_TRUE_MIN, -1,   1,        1};
    for (size_t i = 0; i < N; i++) {
        double u = sp_rand_unit(9, (uint64_t)kind, i);
        switch (kind) {
        case SMOOTH: x[i] = (float)sp_rand_normal(9, 1, i); break;
        case FEW: x[i] = (float)(int)(u * 5); break;
        case MOSTLY_ZERO: x[i] = u < .9 ? 0 : (float)u; break;
        default: x[i] = odd[(int)(u * 12)];
        }
    }
}

static const float *sorted_by;
static int by_size_then_place(const void *a, const void *b)
{
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    float x = sorted_by[i], y = sorted_by[j];
    return x != y ? (x < y ? 1 : -1) : i < j ? -1 : i > j;
}

/* The same by sorting. Returns how many are selected. */
static size_t by_sort(uint8_t *mask, const float *x, size_t k)
{
    size_t *order = sp_xarray(N, sizeof *order), m = 0;
    for (size_t i = 0; i < N; i++)
        if (x[i] > 0) order[m++] = i;
    sorted_by = x;
    qsort(order, m, sizeof *order, by_size_then_place);
    memset(mask, 0, N);
    for (size_t i = 0; i < SP_MIN(k, m); i++) mask[order[i]] = 1;
    free(order);
    return SP_MIN(k, m);
}

static void as_a_sort(void **state)
{
    (void)state;
    float *x = sp_xfloats(N);
    uint8_t *want = sp_xmalloc(N), *got = sp_xmalloc(N);
    static const size_t ks[] = {0, 1, N / 100, N / 7, N, N + 5};
    int threads = omp_get_max_threads();
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t j = 0; j < 6; j++) {
            omp_set_num_threads(j % 2 ? 1 : 3);
            make_numbers(x, kind);
            size_t set = 0, k = by_sort(want, x, ks[j]);
            int rounds = 0;
            sp_radix r;
            sp_radix_start(&r, ks[j]);
            do {
                for (int i = 0; i < 3; i++) sp_radix_count(&r, x + cut[i], cut[i + 1] - cut[i]);
                rounds++;
            } while (sp_radix_next(&r));
            for (int i = 0; i < 3; i++)
                set += sp_radix_mark(&r, got + cut[i], x + cut[i], cut[i + 1] - cut[i]);
            assert_int_equal(rounds, 3);
            assert_int_equal(set, k);
            assert_memory_equal(got, want, N);
        }
    omp_set_num_threads(threads);
    free(x);
    free(want);
    free(got);
}

/* The threshold of the example in radix.c. */
static void threshold(void **state)
{
    (void)state;
    static const float x[] = {71, 75, 32, 78, 70};
    float t;
    sp_radix r;
    sp_radix_find(&r, x, 5, 3);
    memcpy(&t, &r.prefix, sizeof t);
    assert_true(t == 71);
    assert_int_equal(r.left, 1);
    sp_radix_find(&r, x, 5, 6);
    assert_int_equal(r.prefix, 0); /* there are fewer */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_a_sort),
        cmocka_unit_test(threshold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
