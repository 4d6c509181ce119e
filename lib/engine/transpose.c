/* transpose.c - see transpose.h.
 *
 * Blocks of 16 x 16 are turned in registers where there are registers of 16 floats; the edges that
 * are left over, and all of it on other processors, go element by element.
 */
#include "engine/transpose.h"

#ifdef __AVX512F__
typedef float vec16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t order16 __attribute__((vector_size(64)));

/* Four rounds. A round takes pairs of rows `far` apart, far = 8, 4, 2, 1, and swaps the upper right
 * and lower left quarters of each block of 2 far x 2 far. With 4 x 4 elements it would be two:
 *
 *     a0 a1 a2 a3    far = 2   a0 a1 c0 c1    far = 1   a0 b0 c0 d0
 *     b0 b1 b2 b3       ->     b0 b1 d0 d1       ->     a1 b1 c1 d1
 *     c0 c1 c2 c3              a2 a3 c2 c3              a2 b2 c2 d2
 *     d0 d1 d2 d3              b2 b3 d2 d3              a3 b3 c3 d3
 *
 * low[round] says which elements of the pair (0-15 of the upper row, 16-31 of the lower one) the
 * upper row gets; the lower row gets those `far` further on. */
static void transpose_block(float *to, int64_t ldt, const float *from, int64_t ldf)
{
    static const order16 low[4] = {{0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23},
                                   {0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27},
                                   {0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29},
                                   {0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30}};
    vec16 r[16];
    for (int i = 0; i < 16; i++) r[i] = *(const vec16 *)(from + i * ldf);
    for (int round = 0, far = 8; round < 4; round++, far /= 2)
        for (int i = 0; i < 16; i++)
            if (!(i & far)) {
                vec16 upper = r[i], lower = r[i + far];
                r[i] = __builtin_shuffle(upper, lower, low[round]);
                r[i + far] = __builtin_shuffle(upper, lower, low[round] + far);
            }
    for (int i = 0; i < 16; i++) *(vec16 *)(to + i * ldt) = r[i];
}
#else
static void transpose_block(float *to, int64_t ldt, const float *from, int64_t ldf)
{
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) to[j * ldt + i] = from[i * ldf + j];
}
#endif

void sp_transpose(float *to, int64_t ldt, const float *from, int64_t ldf, int64_t rows,
                  int64_t cols)
{
    int64_t whole_rows = rows / 16 * 16, whole_cols = cols / 16 * 16;
    for (int64_t i = 0; i < whole_rows; i += 16)
        for (int64_t j = 0; j < whole_cols; j += 16)
            transpose_block(to + j * ldt + i, ldt, from + i * ldf + j, ldf);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = i < whole_rows ? whole_cols : 0; j < cols; j++)
            to[j * ldt + i] = from[i * ldf + j];
}
