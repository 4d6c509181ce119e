/* test_transpose.c - blocks of every size around 16, inside larger arrays that stay. */
#include "engine/transpose.h"
#include "operands.h"

static void check(int64_t rows, int64_t cols)
{
    enum { WIDE = 50 };
    float *from = random_floats(WIDE * WIDE, 1), *to = random_floats(WIDE * WIDE, 2),
          *before = copy_floats(to, WIDE * WIDE);
    sp_transpose(to, WIDE, from, WIDE, rows, cols);
    for (int64_t i = 0; i < WIDE; i++)
        for (int64_t j = 0; j < WIDE; j++) {
            bool inside = i < cols && j < rows;
            float want = inside ? from[j * WIDE + i] : before[i * WIDE + j];
            if (to[i * WIDE + j] != want)
                fail_msg("%d x %d: element (%d, %d)", (int)rows, (int)cols, (int)i, (int)j);
        }
    free(from), free(to), free(before);
}

static void transposes(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 15, 16, 17, 31, 32, 33, 48};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) check(sizes[i], sizes[j]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(transposes)};
    return cmocka_run_group_tests_name("transpose", tests, NULL, NULL);
}
