/* test_memory.c - checked memory: sizes that cannot be had end the program, small ones and zero are
 * fine, arrays grow. */
#include "base/memory.h"

#include "base/base.h"

#include "child.h"

#include <setjmp.h>
#include <cmocka.h>

static int too_large(void *kind)
{
    size_t big = SIZE_MAX / 2, cap = 0;
    switch (*(int *)kind) {
    case 0: sp_xarray(big, 4); break;
    case 1: sp_xfloats(big); break;
    case 2: sp_xfloats(SIZE_MAX / 4); break; /* fits, but not rounded up */
    case 3: sp_xmalloc(big); break;
    case 4: sp_xcalloc(big, 4); break;
    case 7: sp_xcalloc((size_t)1 << 32, (size_t)1 << 32); break; /* 0 where it wraps */
    case 5: free(sp_xrealloc(sp_xmalloc(1), big)); break;
    case 6: sp_xgrow(NULL, &cap, SIZE_MAX / 8, 16); break;
    }
    return 0;
}

static void too_large_dies(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        sp_child c = sp_child_run(too_large, &i);
        assert_int_equal(c.code, SP_ESYSTEM);
        assert_non_null(strstr(c.err, "sp: out of memory ("));
    }
}

static void small_and_zero_sizes(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        float *x = sp_xfloats0(n), *y = sp_xfloats(n);
        assert_int_equal((uintptr_t)x % 64, 0);
        assert_int_equal((uintptr_t)y % 64, 0);
        for (size_t i = 0; i < n; i++) assert_true(x[i] == 0), x[i] = y[i] = 1;
        free(x), free(y);
    }
    void *p[] = {sp_xmalloc(0), sp_xcalloc(0, 8), sp_xarray(0, 8), sp_xrealloc(NULL, 0)};
    for (size_t i = 0; i < sizeof p / sizeof *p; i++) assert_non_null(p[i]), free(p[i]);
    char *s = sp_xasprintf("%s-%d", "a", 5), *t = sp_xstrdup(s);
    assert_string_equal(t, "a-5");
    free(s), free(t);
}

static void large_arrays_lie_in_huge_pages(void **state)
{
    (void)state;
    size_t n = ((size_t)9 << 20) / sizeof(float);
    float *x = sp_xfloats0(n);
    assert_int_equal((uintptr_t)x % (2 << 20), 0);
    for (size_t i = 0; i < n; i++) assert_true(x[i] == 0);
    free(x);
}

typedef struct {
    int a, b, c;
} triple;

static void pushed_elements_stay(void **state)
{
    (void)state;
    triple *v = NULL;
    size_t n = 0, cap = 0, moves = 0;
    for (int i = 0; i < 1000; i++) {
        size_t before = cap;
        SP_PUSH(v, n, cap) = (triple){i, 2 * i, -i};
        moves += cap != before;
        assert_int_equal(n, i + 1);
        assert_true(cap >= n);
    }
    for (int i = 0; i < 1000; i++) assert_true(v[i].a == i && v[i].b == 2 * i && v[i].c == -i);
    assert_int_equal(moves, 7); /* 16, 32, ... 1024 */
    assert_int_equal(cap, 1024);
    free(v);
}

static void grown_to_what_is_needed(void **state)
{
    (void)state;
    size_t cap = 0;
    char *s = sp_xgrow(NULL, &cap, 1, 1);
    assert_int_equal(cap, 16);
    assert_ptr_equal(sp_xgrow(s, &cap, 16, 1), s);
    assert_int_equal(cap, 16);
    s = sp_xgrow(s, &cap, 100, 1);
    assert_int_equal(cap, 100);
    memset(s, 1, 100);
    s = sp_xgrow(s, &cap, 101, 1);
    assert_int_equal(cap, 200);
    for (int i = 0; i < 100; i++) assert_int_equal(s[i], 1);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_large_dies),
        cmocka_unit_test(small_and_zero_sizes),
        cmocka_unit_test(large_arrays_lie_in_huge_pages),
        cmocka_unit_test(pushed_elements_stay),
        cmocka_unit_test(grown_to_what_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
