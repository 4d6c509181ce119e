/* gemm.c - see gemm.h.
 *
 * A product C (m, n) is cut into tiles; OpenMP hands them to threads, the tiles of several products
 * together where the caller has several. Each tile is one single-threaded product: OpenBLAS (its
 * OpenMP build) uses one thread inside a parallel region, which is why even a single tile opens
 * one. Products of up to 64^3 multiply-adds run on one thread in OpenBLAS anyway, and waking the
 * others would take longer than they do.
 *
 * The three products as C = A B, with k the length of the sums:
 *
 *              m     n     k      A               B
 *     XWT      N     out   in     X  (m, k)       W  (n, k), transposed
 *     DYW      N     in    out    DY (m, k)       W  (k, n)
 *     DYTX     out   in    N      DY (k, m),      X  (k, n)
 *                                 transposed
 *
 * Who computes a product:
 *
 *     XWT of up to SP_GEMM_ROWS rows         gemm_rows.c
 *     more than 64^3, where oneDNN works     gemm_dnnl.c, which has tiles of its own
 *     a tile whose B has 16 bits             gemm_half.c
 *     any other tile                         OpenBLAS, through sp_gemm_small
 */
#include "engine/gemm.h"

#include "base/arith.h"
#include "engine/gemm_dnnl.h"
#include "engine/gemm_half.h"
#include "engine/gemm_rows.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

/* ---- the library ---------------------------------------------------------------------- */

const char *sp_gemm_core_type(void)
{
    const char *core = openblas_get_corename(); /* what it took the processor for */
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl");
    bool known = strstr(core, "SkylakeX") || strstr(core, "Cooperlake") || strstr(core, "Sapphire");
    return wide && !known ? "SKYLAKEX" : NULL;
}

const char *sp_gemm_kernel(void)
{
    static char name[64];
    snprintf(name, sizeof name, "%s%s", openblas_get_corename(),
             sp_dnnl_works() ? ", products in BF16 through oneDNN" : "");
    return name;
}

bool sp_gemm_rounds(void) { return sp_dnnl_works(); }

uint64_t sp_gemm_bytes(int64_t n, int64_t in, int64_t out)
{
    return sp_dnnl_works() ? sizeof(uint16_t) * (uint64_t)(n * (in + out)) : 0;
}

/* ---- tiles ---------------------------------------------------------------------------- */

/* Multiply-adds up to which a second thread costs more than it gains. */
#define ONE_THREAD (64. * 64 * 64)

typedef enum { XWT, DYW, DYTX } product_kind;

/* C (m, n) = beta * C + A B, in tiles of tile_m x tile_n. */
typedef struct {
    /* what A and B are, and which of them is transposed (top of this file) */
    product_kind kind;
    int64_t m, n, k;
    /* operands as they are stored, borrowed; rows follow each other without gaps */
    const float *a;
    sp_mat b;
    /* beta 0 overwrites C (m, n), 1 adds to it */
    float beta, *c;
    /* rows and columns of a tile, less at the right and lower edge; number of tiles */
    int64_t tile_m, tile_n, tiles;
} product;

/* How many pieces of `size` n is cut into. */
static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

/* Count the multiply-adds of a product; in double, since three sizes may go beyond int64_t. */
static double multiply_adds(const product *p) { return (double)p->m * (double)p->n * (double)p->k; }

/* Choose the shape of the tiles: as large as keeps packing their operands cheap (at most 512 x 768,
 * multiples of 16), but at least four of them as long as a side of a piece exceeds 64. A product of
 * at most ONE_THREAD is one tile. The shape depends on the product alone; `work` is the
 * multiply-adds of all products of a sum, so that all its terms are cut alike.
 *
 *     m x n         pieces     tiles
 *     256 x 4096    1 x 6      256 x 688, the last of each row 256 x 656
 *     100 x 100     2 x 2      64 x 64, 64 x 36, 36 x 64, 36 x 36 */
static void cut_into_tiles(product *p, double work)
{
    int64_t down = parts(p->m, 512), across = parts(p->n, 768);
    if (work <= ONE_THREAD) down = across = 1;
    else
        while (down * across < 4 && SP_MAX(p->m / down, p->n / across) > 64)
            if (p->m / down >= p->n / across) down *= 2;
            else across *= 2;
    p->tile_m = parts(parts(p->m, down), 16) * 16;
    p->tile_n = parts(parts(p->n, across), 16) * 16;
    p->tiles = parts(p->m, p->tile_m) * parts(p->n, p->tile_n);
}

/* Compute tile t by the calling thread, with this beta instead of the product's; tiles are numbered
 * row by row. The tile begins at (i, j) of C and takes the whole length k of the sums. Only weights
 * come in 16 bits, and those only as the B of XWT and DYW. */
static void multiply_tile(const product *p, int64_t t, float beta)
{
    int64_t across = parts(p->n, p->tile_n);
    int64_t i = t / across * p->tile_m, rows = SP_MIN(p->tile_m, p->m - i);
    int64_t j = t % across * p->tile_n, cols = SP_MIN(p->tile_n, p->n - j);
    bool ta = p->kind == DYTX, tb = p->kind == XWT;
    int64_t lda = ta ? p->m : p->k, ldb = tb ? p->k : p->n;
    const float *a = p->a + (ta ? i : i * p->k);
    sp_mat b = sp_mat_from(p->b, tb ? j * p->k : j);
    float *c = p->c + i * p->n + j;
    if (b.dtype == SP_F32)
        sp_gemm_small(ta, tb, rows, cols, p->k, 1, a, lda, b.data, ldb, beta, c, p->n);
    else if (tb) sp_gemm_half_xwt(c, p->n, a, lda, b, ldb, rows, cols, p->k, beta);
    else sp_gemm_half_xw(c, p->n, a, lda, b, ldb, rows, cols, p->k, beta);
}

#ifdef SP_DNNL
/* All products in BF16, one after another; an A that neighbours have in common is rounded once. */
static void multiply_rounded(const product *list, int count, bool sum)
{
    const uint16_t *a = NULL;
    for (const product *p = list; p < list + count; p++) {
        if (p == list || p->a != p[-1].a) a = sp_dnnl_round(p->a, p->m * p->k);
        sp_dnnl_product(p->kind == DYTX, p->kind == XWT, p->m, p->n, p->k, a, p->b,
                        sum && p > list ? 1 : p->beta, p->c);
    }
}
#endif

/* Compute `count` products: side by side, each into its own C; or, with `sum`, as terms of one C
 * that all of them name, whose beta is the first one's.
 *
 * Side by side, tiles are numbered product after product. In a sum, tile t means tile t of every
 * product: they have m and n in common and are cut alike. One thread adds all terms of a tile, in
 * order, so no two threads write to the same place, and their number does not change the bits. */
static void multiply(product *list, int count, bool sum)
{
    int64_t tiles = 0;
    double work = 0;
    for (int i = 0; i < count; i++) work += multiply_adds(&list[i]);
#ifdef SP_DNNL
    if (work > ONE_THREAD && sp_dnnl_works()) {
        multiply_rounded(list, count, sum);
        return;
    }
#endif
    for (int i = 0; i < count; i++) {
        cut_into_tiles(&list[i], sum ? work : multiply_adds(&list[i]));
        tiles = sum ? list[i].tiles : tiles + list[i].tiles;
    }
#pragma omp parallel if (work > ONE_THREAD)
    {
        sp_gemm_half_begin(); /* X may lie where that of an earlier product lay */
#pragma omp for schedule(dynamic)
        for (int64_t t = 0; t < tiles; t++) {
            const product *p = list;
            int64_t at = t;
            for (; !sum && at >= p->tiles; p++) at -= p->tiles;
            multiply_tile(p, at, p->beta);
            for (int i = 1; sum && i < count; i++) multiply_tile(&list[i], at, 1);
        }
    }
}

/* ---- the seam ------------------------------------------------------------------------- */

/* Compute y_i (n, out_i) = X (n, in) W_i^T + beta * y_i for `count` <= SP_LINEARS layers. */
static void multiply_xwt(const float *x, int64_t n, int64_t in, const sp_linear *l, int count,
                         float beta)
{
    product list[SP_LINEARS];
    if (n <= SP_GEMM_ROWS) {
        sp_gemm_rows_xwt(x, n, in, l, count, beta);
        return;
    }
    for (int i = 0; i < count; i++)
        list[i] = (product){.kind = XWT,
                            .m = n,
                            .n = l[i].out,
                            .k = in,
                            .a = x,
                            .b = l[i].w,
                            .beta = beta,
                            .c = l[i].y};
    multiply(list, count, false);
}

void sp_gemm_xwt(float *y, const float *x, sp_mat w, int64_t n, int64_t in, int64_t out, float beta)
{
    multiply_xwt(x, n, in, &(sp_linear){y, w, out}, 1, beta);
}

void sp_gemm_xwts(const float *x, int64_t n, int64_t in, const sp_linear *l, int count)
{
    multiply_xwt(x, n, in, l, count, 0);
}

void sp_gemm_dyws(float *dx, int64_t n, int64_t in, const sp_linear *l, int count)
{
    product list[SP_LINEARS];
    for (int i = 0; i < count; i++)
        /* beta 0: the first term overwrites dx, the others are added by multiply() */
        list[i] = (product){
            .kind = DYW, .m = n, .n = in, .k = l[i].out, .a = l[i].y, .b = l[i].w, .c = dx};
    multiply(list, count, true);
}

void sp_gemm_dytx(float *dw, const float *dy, const float *x, int64_t n, int64_t in, int64_t out,
                  float beta)
{
    product p = {
        .kind = DYTX, .m = out, .n = in, .k = n, .a = dy, .b = {x, SP_F32}, .beta = beta, .c = dw};
    multiply(&p, 1, false);
}

void sp_gemm_small(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                   int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans,
                (int)m, (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
