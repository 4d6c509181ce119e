/* gemm_half.c - see gemm_half.h.
 *
 * One factor is packed into a panel: up to PANEL of its columns, k by k, so that the PANEL values
 * of one k lie side by side. The rows of the other factor pass by, TILE_ROWS at a time, and their
 * sums stay in registers while k runs. In small, two rows of W against a panel of four columns, X
 * W^T with k = 3 (xij is row i of X, k = j; a panel's column is a row of X):
 *
 *                          panel    x00 x10 x20 x30    k = 0
 *                                   x01 x11 x21 x31    k = 1
 *                                   x02 x12 x22 x32    k = 2
 *     row 0 of W   w00 w01 w02      s00 s01 s02 s03    two rows of sums,
 *     row 1 of W   w10 w11 w12      s10 s11 s12 s13    a vector each
 *
 *     k = 1:   s0 += w01 * (x01 x11 x21 x31)     one value of a row, spread over a vector,
 *              s1 += w11 * (x01 x11 x21 x31)     times one line of the panel
 *
 * A line of the panel is loaded once for all rows of the tile, and a row's value once for the whole
 * line: TILE_ROWS * VECTORS multiply-adds for VECTORS + TILE_ROWS loads.
 *
 * For X W^T the rows that pass are those of W, widened a tile at a time into a small buffer in the
 * nearest cache; the panel is X's, the smaller factor, which is packed once and used for all of W.
 * What comes out is C transposed, so it is transposed on its way to C. For X W the panel is W's,
 * widened while it is packed, and the rows that pass are those of X.
 */
#include "engine/gemm_half.h"

#include "base/arith.h"
#include "base/memory.h"
#include "engine/transpose.h"

/* Registers hold TILE_ROWS * VECTORS sums, VECTORS of a line of the panel, and one spread value:
 * 29 of 32 with AVX-512, 15 of 16 with AVX2. */
#ifdef __AVX512F__
#define LANES   16
#define VECTORS 4
#else
#define LANES   8
#define VECTORS 2
#endif
#define TILE_ROWS  6
#define PANEL      (LANES * VECTORS)
/* Rows whose sums are finished before they are written to C: a whole number of tiles, and whole
 * cache lines where C is written transposed. */
#define STRIP_ROWS 48
/* Terms of one chain of multiply-adds. */
#define CHAIN      512
/* Length of k that a panel holds: half of a second-level cache of 1 MiB with AVX-512. */
#define DEPTH      2048

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define INLINE static inline __attribute__((always_inline))

/* ---- the kernel ----------------------------------------------------------------------- */

/* Write the sums of a tile to sum (TILE_ROWS, PANEL), or add them to it. */
INLINE void store_tile(float *sum, bool add, vec s[TILE_ROWS][VECTORS], int vectors)
{
    for (int i = 0; i < TILE_ROWS; i++)
        for (int v = 0; v < vectors; v++) {
            vec *to = (vec *)(sum + i * PANEL + LANES * v);
            if (add) *to += s[i][v];
            else *to = s[i][v];
        }
}

/* sum (TILE_ROWS, PANEL) = one chain: n terms of TILE_ROWS rows times the first `vectors` vectors
 * of the panel (n, PANEL); added to what is there if `add`. */
INLINE void multiply_tile_of(float *sum, bool add, const float *const *row, const float *panel,
                             int64_t n, int vectors)
{
    vec s[TILE_ROWS][VECTORS] = {0}, x[VECTORS];
    for (int64_t k = 0; k < n; k++, panel += PANEL) {
        for (int v = 0; v < vectors; v++) x[v] = *(const vec *)(panel + LANES * v);
        for (int i = 0; i < TILE_ROWS; i++) {
            float a = row[i][k];
            for (int v = 0; v < vectors; v++) s[i][v] += x[v] * a;
        }
    }
    store_tile(sum, add, s, vectors);
}

/* The same for the vectors that `cols` columns take. Each number of vectors is compiled by itself,
 * so that the sums stay in registers. */
static void multiply_tile(float *sum, bool add, const float *const *row, const float *panel,
                          int64_t n, int64_t cols)
{
    switch ((cols + LANES - 1) / LANES) {
    case 1: multiply_tile_of(sum, add, row, panel, n, 1); break;
    case 2: multiply_tile_of(sum, add, row, panel, n, 2); break;
#if VECTORS == 4
    case 3: multiply_tile_of(sum, add, row, panel, n, 3); break;
    case 4: multiply_tile_of(sum, add, row, panel, n, 4); break;
#endif
    }
}

/* ---- packing -------------------------------------------------------------------------- */

/* What a thread works with, kept until it ends. */
typedef struct {
    /* (DEPTH, PANEL): line k holds the values of one k, unused columns are 0 */
    float panel[DEPTH * PANEL];
    float rows[TILE_ROWS * CHAIN]; /* a chain of each row of a tile, widened */
    /* the part of X that the panel holds: its first element, rows of X, k; NULL = none */
    const float *packed_x;
    int64_t packed_cols, packed_depth;
} buffers;

/* Return the calling thread's buffers, made at its first call, zeroed. */
static buffers *thread_buffers(void)
{
    static _Thread_local buffers *own;
    if (!own) own = (buffers *)sp_xfloats0(sizeof *own / sizeof(float));
    return own;
}

void sp_gemm_half_begin(void) { thread_buffers()->packed_x = NULL; }

/* Zero the panel where it gets fewer than PANEL columns: the kernel multiplies whole vectors. */
static void clear_unused(buffers *b, int64_t cols, int64_t depth)
{
    if (cols < PANEL) memset(b->panel, 0, (size_t)(depth * PANEL) * sizeof *b->panel);
}

/* panel (depth, cols) = the transpose of x (cols, depth; ldx), unless it lies there already. */
static void pack_x(buffers *b, const float *x, int64_t ldx, int64_t cols, int64_t depth)
{
    if (b->packed_x == x && b->packed_cols == cols && b->packed_depth == depth) return;
    clear_unused(b, cols, depth);
    sp_transpose(b->panel, PANEL, x, ldx, cols, depth);
    b->packed_x = x, b->packed_cols = cols, b->packed_depth = depth;
}

/* panel (depth, cols) = the block of W (its rows ldw apart) that starts at element `at`. */
static void pack_w(buffers *b, sp_mat w, int64_t at, int64_t ldw, int64_t cols, int64_t depth)
{
    b->packed_x = NULL;
    clear_unused(b, cols, depth);
    for (int64_t k = 0; k < depth; k++) sp_mat_widen(b->panel + k * PANEL, w, at + k * ldw, cols);
}

/* ---- strips: rows that pass by a panel ------------------------------------------------ */

/* Return n elements of A from element `at` on as F32: in place, or widened into `to`, which has
 * room for n. */
static const float *widened(sp_mat a, int64_t at, int64_t n, float *to)
{
    if (a.dtype == SP_F32) return (const float *)a.data + at;
    sp_mat_widen(to, a, at, n);
    return to;
}

/* Prefetch n elements from `at` on in each of some rows of A. */
static void prefetch_rows(sp_mat a, int64_t at, int64_t lda, int64_t rows, int64_t n)
{
    int64_t size = (int64_t)sp_dtype_size(a.dtype);
    for (int64_t i = 0; i < rows; i++)
        sp_prefetch((const char *)a.data + (at + i * lda) * size, n * size);
}

/* sum (rows, PANEL) = A times the panel, for rows <= STRIP_ROWS of A, which start at its element
 * `at` and lie lda apart; `more` rows of A follow them. The last tile of a strip computes its last
 * row again where rows are missing: the sums have room for it. */
static void multiply_strip(float *sum, sp_mat a, int64_t at, int64_t lda, int64_t rows,
                           int64_t more, buffers *b, int64_t depth, int64_t cols)
{
    const float *row[TILE_ROWS];
    for (int64_t i = 0; i < rows; i += TILE_ROWS)
        for (int64_t k = 0; k < depth; k += CHAIN) {
            int64_t n = SP_MIN(CHAIN, depth - k), next = i + TILE_ROWS;
            for (int64_t x = 0; x < TILE_ROWS; x++) {
                int64_t first = at + SP_MIN(i + x, rows - 1) * lda + k;
                row[x] = widened(a, first, n, b->rows + x * CHAIN);
            }
            prefetch_rows(a, at + next * lda + k, lda, SP_MIN(TILE_ROWS, rows + more - next), n);
            multiply_tile(sum + i * PANEL, k > 0, row, b->panel + k * PANEL, n, cols);
        }
}

/* Compute c (rows, cols; ldc) = beta * c + x (rows, cols; ldx). beta 0 does not read c, which may
 * be uninitialised. */
static void add_to(float *c, int64_t ldc, const float *x, int64_t ldx, int64_t rows, int64_t cols,
                   float beta)
{
    for (int64_t i = 0; i < rows; i++, c += ldc, x += ldx)
        if (beta == 0) memcpy(c, x, (size_t)cols * sizeof *c);
        else
            for (int64_t j = 0; j < cols; j++) c[j] = beta * c[j] + x[j];
}

/* ---- the two products ----------------------------------------------------------------- */

void sp_gemm_half_xwt(float *c, int64_t ldc, const float *x, int64_t ldx, sp_mat w, int64_t ldw,
                      int64_t m, int64_t n, int64_t k, float beta)
{
    buffers *b = thread_buffers();
    float sum[STRIP_ROWS * PANEL], turned[PANEL * STRIP_ROWS];
    for (int64_t i = 0; i < m; i += PANEL)
        for (int64_t d = 0; d < k; d += DEPTH) {
            int64_t depth = SP_MIN(DEPTH, k - d), cols = SP_MIN(PANEL, m - i);
            pack_x(b, x + i * ldx + d, ldx, cols, depth);
            for (int64_t j = 0; j < n; j += STRIP_ROWS) {
                int64_t rows = SP_MIN(STRIP_ROWS, n - j);
                multiply_strip(sum, w, j * ldw + d, ldw, rows, n - j - rows, b, depth, cols);
                sp_transpose(turned, STRIP_ROWS, sum, PANEL, rows, cols);
                add_to(c + i * ldc + j, ldc, turned, STRIP_ROWS, cols, rows, d ? 1 : beta);
            }
        }
}

void sp_gemm_half_xw(float *c, int64_t ldc, const float *x, int64_t ldx, sp_mat w, int64_t ldw,
                     int64_t m, int64_t n, int64_t k, float beta)
{
    buffers *b = thread_buffers();
    float sum[STRIP_ROWS * PANEL];
    for (int64_t j = 0; j < n; j += PANEL)
        for (int64_t d = 0; d < k; d += DEPTH) {
            int64_t depth = SP_MIN(DEPTH, k - d), cols = SP_MIN(PANEL, n - j);
            pack_w(b, w, d * ldw + j, ldw, cols, depth);
            for (int64_t i = 0; i < m; i += STRIP_ROWS) {
                int64_t rows = SP_MIN(STRIP_ROWS, m - i);
                multiply_strip(sum, (sp_mat){x, SP_F32}, i * ldx + d, ldx, rows, m - i - rows, b,
                               depth, cols);
                add_to(c + i * ldc + j, ldc, sum, PANEL, rows, cols, d ? 1 : beta);
            }
        }
}
