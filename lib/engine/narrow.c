/* narrow.c - see narrow.h.
 *
 * The kernel holds TILE rows of one factor against PANEL columns of the other in registers. The
 * columns are packed into a panel, k by k, PANEL values each; one value of a row is spread over a
 * vector. Rows of weights are widened a few at a time, in the nearest cache. For X W^T the rows are
 * those of W, so that what is packed is X, the smaller one; C comes out transposed and is turned on
 * its way. For X W the panel is W's, widened as it is packed.
 */
#include "engine/narrow.h"

#include "tensor/fmath.h"
#include "tensor/vec.h"

#include <string.h>

/* Registers: TILE x VECTORS sums, VECTORS of the panel, one value spread. */
#ifdef __AVX512F__
#define LANES   16
#define VECTORS 4
#else
#define LANES   8
#define VECTORS 2
#endif
#define TILE  6
#define PANEL (LANES * VECTORS)
#define STRIP \
    48 /* rows that are finished before they are written: whole cache lines where C is turned */
#define CHAIN 512  /* of k that is summed in one go */
#define DEPTH 2048 /* of k that a panel holds: half of a second-level cache of 1 MiB */

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/* ---- the kernel ----------------------------------------------------------------------- */

static inline __attribute__((always_inline)) void finish(float *sum, bool add, vec s[TILE][VECTORS],
                                                         int vectors)
{
    for (int i = 0; i < TILE; i++)
        for (int v = 0; v < vectors; v++) {
            vec *to = (vec *)(sum + i * PANEL + LANES * v);
            if (add) *to += s[i][v];
            else *to = s[i][v];
        }
}

/* sum (TILE, PANEL) of the first `vectors` vectors: TILE rows times a panel, added if there is
 * something to add to. */
static inline __attribute__((always_inline)) void tile_of(float *sum, bool add,
                                                          const float *const *row,
                                                          const float *panel, int64_t depth,
                                                          int vectors)
{
    vec s[TILE][VECTORS] = {0}, x[VECTORS];
    for (int64_t k = 0; k < depth; k++, panel += PANEL) {
        for (int v = 0; v < vectors; v++) x[v] = *(const vec *)(panel + LANES * v);
        for (int i = 0; i < TILE; i++) {
            float a = row[i][k];
            for (int v = 0; v < vectors; v++) s[i][v] += x[v] * a;
        }
    }
    finish(sum, add, s, vectors);
}

/* The kernel for every number of vectors. */
static void tile(float *sum, bool add, const float *const *row, const float *panel, int64_t depth,
                 int64_t cols)
{
    switch ((cols + LANES - 1) / LANES) {
    case 1: tile_of(sum, add, row, panel, depth, 1); break;
    case 2: tile_of(sum, add, row, panel, depth, 2); break;
#if VECTORS == 4
    case 3: tile_of(sum, add, row, panel, depth, 3); break;
    case 4: tile_of(sum, add, row, panel, depth, 4); break;
#endif
    }
}

/* ---- packing -------------------------------------------------------------------------- */

#if LANES == 16
typedef int32_t order __attribute__((vector_size(4 * LANES)));

/* to (16, 16) = the transpose of from: four rounds that swap blocks of 8, 4, 2, 1 between rows so
 * far apart. */
static void transpose_block(float *to, int64_t ldt, const float *from, int64_t ldf)
{
    static const order low[4] = {{0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23},
                                 {0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27},
                                 {0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29},
                                 {0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30}};
    vec r[16];
    for (int i = 0; i < 16; i++) r[i] = *(const vec *)(from + i * ldf);
    for (int round = 0, far = 8; round < 4; round++, far /= 2)
        for (int i = 0; i < 16; i++)
            if (!(i & far)) {
                vec a = r[i], b = r[i + far];
                r[i] = __builtin_shuffle(a, b, low[round]);
                r[i + far] = __builtin_shuffle(a, b, low[round] + far);
            }
    for (int i = 0; i < 16; i++) *(vec *)(to + i * ldt) = r[i];
}
#else
static void transpose_block(float *to, int64_t ldt, const float *from, int64_t ldf)
{
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) to[j * ldt + i] = from[i * ldf + j];
}
#endif

/* to (cols, rows) = the transpose of from (rows, cols) */
static void transpose(float *to, int64_t ldt, const float *from, int64_t ldf, int64_t rows,
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

void sp_widen(float *restrict to, sp_mat w, int64_t i, int64_t n)
{
    const uint16_t *half = (const uint16_t *)w.data + i;
    if (w.dtype == SP_F32) memcpy(to, (const float *)w.data + i, (size_t)n * sizeof *to);
    else if (w.dtype == SP_F16)
        for (int64_t j = 0; j < n; j++) to[j] = sp_f16_f32(half[j]);
    else
        for (int64_t j = 0; j < n; j++) to[j] = sp_bf16_f32(half[j]);
}

/* What a thread has packed. */
typedef struct {
    float values[DEPTH * PANEL]; /* a panel */
    float rows[TILE * CHAIN];    /* rows, widened */
    const float *of;             /* X whose panel lies there, or NULL */
    int64_t cols, depth;         /* of it */
} room;

static room *thread_room(void)
{
    static _Thread_local room *own;
    if (!own) own = (room *)sp_xfloats0(sizeof *own / sizeof(float));
    return own;
}

void sp_narrow_begin(void) { thread_room()->of = NULL; }

/* Columns of X^T from x on, unless they are what lies there. */
static void pack_x(room *r, const float *x, int64_t ldx, int64_t cols, int64_t depth)
{
    if (r->of == x && r->cols == cols && r->depth == depth) return;
    if (cols < PANEL) memset(r->values, 0, (size_t)(depth * PANEL) * sizeof *r->values);
    transpose(r->values, PANEL, x, ldx, cols, depth);
    r->of = x, r->cols = cols, r->depth = depth;
}

/* Columns of W from element `at` on. */
static void pack_w(room *r, sp_mat w, int64_t at, int64_t ldw, int64_t cols, int64_t depth)
{
    r->of = NULL;
    if (cols < PANEL) memset(r->values, 0, (size_t)(depth * PANEL) * sizeof *r->values);
    for (int64_t k = 0; k < depth; k++) sp_widen(r->values + k * PANEL, w, at + k * ldw, cols);
}

/* ---- tiles ---------------------------------------------------------------------------- */

/* c (rows, cols) = beta * c + x */
static void put(float *c, int64_t ldc, const float *x, int64_t ldx, int64_t rows, int64_t cols,
                float beta)
{
    for (int64_t i = 0; i < rows; i++, c += ldc, x += ldx)
        if (beta == 0) memcpy(c, x, (size_t)cols * sizeof *c);
        else
            for (int64_t j = 0; j < cols; j++) c[j] = beta * c[j] + x[j];
}

/* Where n elements of A from `at` on are read: where they lie, or widened into `to`. */
static const float *row_at(sp_mat a, int64_t at, int64_t n, float *to)
{
    if (a.dtype == SP_F32) return (const float *)a.data + at;
    sp_widen(to, a, at, n);
    return to;
}

/* Have n elements of each of some rows of A brought near. */
static void bring(sp_mat a, int64_t at, int64_t lda, int64_t rows, int64_t n)
{
    int64_t size = (int64_t)sp_dtype_size(a.dtype);
    for (int64_t i = 0; i < rows; i++)
        sp_bring((const char *)a.data + (at + i * lda) * size, n * size);
}

/* sum (rows, PANEL), rows <= STRIP: rows of A (lda wide, starting at element `at`, `more` rows
 * behind them) times the panel. */
static void strip(float *sum, sp_mat a, int64_t at, int64_t lda, int64_t rows, int64_t more,
                  room *r, int64_t depth, int64_t cols)
{
    const float *row[TILE];
    for (int64_t i = 0; i < rows; i += TILE)
        for (int64_t k = 0; k < depth; k += CHAIN) {
            int64_t n = SP_MIN(CHAIN, depth - k);
            for (int64_t x = 0; x < TILE; x++)
                row[x] = row_at(a, at + SP_MIN(i + x, rows - 1) * lda + k, n, r->rows + x * CHAIN);
            bring(a, at + (i + TILE) * lda + k, lda, SP_MIN(TILE, rows + more - i - TILE), n);
            tile(sum + i * PANEL, k > 0, row, r->values + k * PANEL, n, cols);
        }
}

void sp_narrow_xwt(float *c, int64_t ldc, const float *x, int64_t ldx, sp_mat w, int64_t ldw,
                   int64_t m, int64_t n, int64_t k, float beta)
{
    room *r = thread_room();
    float sum[STRIP * PANEL], turned[PANEL * STRIP];
    for (int64_t i = 0; i < m; i += PANEL)
        for (int64_t d = 0; d < k; d += DEPTH) {
            int64_t depth = SP_MIN(DEPTH, k - d), cols = SP_MIN(PANEL, m - i);
            pack_x(r, x + i * ldx + d, ldx, cols, depth);
            for (int64_t j = 0; j < n; j += STRIP) {
                int64_t rows = SP_MIN(STRIP, n - j);
                strip(sum, w, j * ldw + d, ldw, rows, n - j - rows, r, depth, cols);
                transpose(turned, STRIP, sum, PANEL, rows, cols);
                put(c + i * ldc + j, ldc, turned, STRIP, cols, rows, d ? 1 : beta);
            }
        }
}

void sp_narrow_xw(float *c, int64_t ldc, const float *x, int64_t ldx, sp_mat w, int64_t ldw,
                  int64_t m, int64_t n, int64_t k, float beta)
{
    room *r = thread_room();
    float sum[STRIP * PANEL];
    for (int64_t j = 0; j < n; j += PANEL)
        for (int64_t d = 0; d < k; d += DEPTH) {
            int64_t depth = SP_MIN(DEPTH, k - d), cols = SP_MIN(PANEL, n - j);
            pack_w(r, w, d * ldw + j, ldw, cols, depth);
            for (int64_t i = 0; i < m; i += STRIP) {
                int64_t rows = SP_MIN(STRIP, m - i);
                strip(sum, (sp_mat){x, SP_F32}, i * ldx + d, ldx, rows, m - i - rows, r, depth,
                      cols);
                put(c + i * ldc + j, ldc, sum, PANEL, rows, cols, d ? 1 : beta);
            }
        }
}
