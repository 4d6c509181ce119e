/* gemm.c - see gemm.h.
 *
 * OpenMP spreads tiles, of one product or of several at a time, whose shape the product alone
 * decides; OpenBLAS (its OpenMP build) runs single-threaded inside a parallel region, which is why
 * even a single tile opens one; up to 64^3 multiply-adds it does so anywhere, and waking the team
 * would cost more. A few rows of X (answers generated one by one) are bound by the bytes of W: they
 * go through plain dot products that read W once.
 */
#include "engine/gemm.h"

#include "engine/gemm_dnnl.h"
#include "engine/narrow.h"
#include "tensor/fmath.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#define FEW                                                                                        \
    8 /* rows of X that count as few: all of them share each load of W, which is taken in as it is \
         stored */

const char *sp_gemm_core_type(void)
{
    const char *core = openblas_get_corename();
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

typedef enum { XWT, DYW, DYTX } product;

#define SMALL \
    (64. * 64 * 64) /* up to this many multiply-adds a second thread costs more than it gains */

/* C (m, n) = beta * C + A B with the sum over k, cut into tiles of tm x tn. */
typedef struct {
    product kind;
    int64_t m, n, k;
    const float *a;
    sp_mat b;
    float beta, *c;
    int64_t tm, tn, tiles;
} job;

static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

static double multiply_adds(const job *p) { return (double)p->m * (double)p->n * (double)p->k; }

/* Tiles as large as keeps the packing of their operands cheap, but at least four; their shape
 * depends on the product alone. */
static void cut(job *p, double work)
{
    int64_t nm = parts(p->m, 512), nn = parts(p->n, 768);
    if (work <= SMALL) nm = nn = 1;
    else
        while (nm * nn < 4 && SP_MAX(p->m / nm, p->n / nn) > 64)
            if (p->m / nm >= p->n / nn) nm *= 2;
            else nn *= 2;
    p->tm = parts(parts(p->m, nm), 16) * 16, p->tn = parts(parts(p->n, nn), 16) * 16;
    p->tiles = parts(p->m, p->tm) * parts(p->n, p->tn);
}

/* W from element i on. */
static sp_mat part(sp_mat w, int64_t i)
{
    return (sp_mat){(const char *)w.data + (size_t)i * sp_dtype_size(w.dtype), w.dtype};
}

static void tile(const job *p, int64_t t, float beta)
{
    int64_t across = parts(p->n, p->tn), i = t / across * p->tm, j = t % across * p->tn;
    int64_t rows = SP_MIN(p->tm, p->m - i), cols = SP_MIN(p->tn, p->n - j);
    bool xwt = p->kind == XWT, turned = p->kind == DYTX;
    int64_t lda = turned ? p->m : p->k, ldb = xwt ? p->k : p->n;
    const float *a = p->a + (turned ? i : i * p->k);
    sp_mat b = part(p->b, xwt ? j * p->k : j);
    float *c = p->c + i * p->n + j;
    if (b.dtype == SP_F32)
        sp_gemm_small(turned, xwt, rows, cols, p->k, 1, a, lda, b.data, ldb, beta, c, p->n);
    else (xwt ? sp_narrow_xwt : sp_narrow_xw)(c, p->n, a, lda, b, ldb, rows, cols, p->k, beta);
}

#ifdef SP_DNNL
/* In BF16, one after another; an A that several have in common is rounded once. */
static void run_rounded(const job *jobs, int count, bool sum)
{
    const uint16_t *a = NULL;
    for (const job *p = jobs; p < jobs + count; p++) {
        if (p == jobs || p->a != p[-1].a) a = sp_dnnl_round(p->a, p->m * p->k);
        sp_dnnl_product(p->kind == DYTX, p->kind == XWT, p->m, p->n, p->k, a, p->b,
                        sum && p > jobs ? 1 : p->beta, p->c);
    }
}
#endif

/* Products side by side, or as terms of one sum: then all have the same C, and the first one's beta
 * counts. */
static void run(job *jobs, int count, bool sum)
{
    int64_t tiles = 0;
    double work = 0;
    for (int i = 0; i < count; i++) work += multiply_adds(&jobs[i]);
#ifdef SP_DNNL
    if (work > SMALL && sp_dnnl_works()) {
        run_rounded(jobs, count, sum);
        return;
    }
#endif
    for (int i = 0; i < count; i++) {
        cut(&jobs[i], sum ? work : multiply_adds(&jobs[i]));
        tiles = sum ? jobs[i].tiles : tiles + jobs[i].tiles;
    }
#pragma omp parallel if (work > SMALL)
    {
        sp_narrow_begin();
#pragma omp for schedule(dynamic)
        for (int64_t t = 0; t < tiles; t++) {
            const job *p = jobs;
            int64_t at = t;
            for (; !sum && at >= p->tiles; p++) at -= p->tiles;
            tile(p, at, p->beta);
            for (int i = 1; sum && i < count; i++) tile(&jobs[i], at, 1);
        }
    }
}

/* ---- few rows ------------------------------------------------------------------------- */

/* Bytes of W asked for before they are needed. One row after another is read as fast as memory
 * gives, four side by side were not. */
#define AHEAD 4096

/* Elements i .. i+15 of W as F32. */
static inline __attribute__((always_inline)) sp_f32x16 load(const void *w, sp_dtype dtype,
                                                            int64_t i)
{
    typedef uint16_t u16x16 __attribute__((vector_size(32), aligned(2), may_alias));
    typedef uint32_t u32x16 __attribute__((vector_size(64)));
    if (dtype == SP_F32) return *(const sp_f32x16 *)((const float *)w + i);
    if (dtype == SP_F16) {
        float x[16];
        for (int j = 0; j < 16; j++) x[j] = sp_f16_f32(((const uint16_t *)w)[i + j]);
        return *(const sp_f32x16 *)x;
    }
    return (sp_f32x16)(__builtin_convertvector(*(const u16x16 *)((const uint16_t *)w + i), u32x16)
                       << 16);
}

static inline float sum16(sp_f32x16 v)
{
    typedef float f32x8 __attribute__((vector_size(32)));
    typedef float f32x4 __attribute__((vector_size(16)));
    f32x8 half[2];
    f32x4 quarter[2];
    memcpy(half, &v, sizeof half);
    half[0] += half[1];
    memcpy(quarter, half, sizeof quarter);
    quarter[0] += quarter[1];
    return (quarter[0][0] + quarter[0][2]) + (quarter[0][1] + quarter[0][3]);
}

/* sum[r] = n elements of a row of W, from `at` on, times row r of X (ld wide); n a multiple of 16.
 */
static inline __attribute__((always_inline)) void dots(float *sum, const float *x, int64_t ld,
                                                       int64_t rows, const void *w, sp_dtype dtype,
                                                       int64_t at, int64_t n)
{
    sp_f32x16 s[FEW][2] = {0};
    int64_t i = 0, size = dtype == SP_F32 ? 4 : 2;
    for (; i + 32 <= n; i += 32) {
        sp_bring((const char *)w + (at + i) * size + AHEAD, 32 * size);
        sp_f32x16 w0 = load(w, dtype, at + i), w1 = load(w, dtype, at + i + 16);
        for (int64_t r = 0; r < rows; r++) {
            s[r][0] += w0 * *(const sp_f32x16 *)(x + r * ld + i);
            s[r][1] += w1 * *(const sp_f32x16 *)(x + r * ld + i + 16);
        }
    }
    if (i < n) {
        sp_f32x16 w0 = load(w, dtype, at + i);
        for (int64_t r = 0; r < rows; r++) s[r][0] += w0 * *(const sp_f32x16 *)(x + r * ld + i);
    }
    for (int64_t r = 0; r < rows; r++) sum[r] = sum16(s[r][0] + s[r][1]);
}

/* The same for any n. */
static inline __attribute__((always_inline)) void any_dots(float *sum, const float *x, int64_t rows,
                                                           sp_mat w, int64_t at, int64_t n)
{
    int64_t even = n / 16 * 16;
    if (w.dtype == SP_F32) dots(sum, x, n, rows, w.data, SP_F32, at, even);
    else if (w.dtype == SP_F16) dots(sum, x, n, rows, w.data, SP_F16, at, even);
    else dots(sum, x, n, rows, w.data, SP_BF16, at, even);
    for (int64_t r = 0; even < n && r < rows; r++) {
        float rest = 0, v;
        for (int64_t i = even; i < n; i++) {
            sp_widen(&v, w, at + i, 1);
            rest += v * x[r * n + i];
        }
        sum[r] += rest;
    }
}

/* Column j of Y (n, out). */
static void few(const sp_linear *l, int64_t j, const float *x, int64_t n, int64_t in, float beta)
{
    float sum[FEW];
    _Static_assert(FEW == 8, "a case for each number of rows");
    switch (n) { /* each number of rows is compiled by itself */
#define CASE(N) \
    case N: any_dots(sum, x, N, l->w, j *in, in); break;
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#undef CASE
    }
    for (int64_t r = 0; r < n; r++) {
        float *y = &l->y[r * l->out + j];
        *y = sum[r] + (beta != 0 ? beta * *y : 0);
    }
}

static void few_rows(const float *x, int64_t n, int64_t in, const sp_linear *l, int count,
                     float beta)
{
    int64_t rows = 0;
    for (int i = 0; i < count; i++) rows += l[i].out;
#pragma omp parallel for schedule(static) if (rows * in > 65536)
    for (int64_t j = 0; j < rows; j++) {
        const sp_linear *p = l;
        int64_t at = j;
        for (; at >= p->out; p++) at -= p->out;
        few(p, at, x, n, in, beta);
    }
}

/* ---- the seam ------------------------------------------------------------------------- */

static void xwt(const float *x, int64_t n, int64_t in, const sp_linear *l, int count, float beta)
{
    job jobs[SP_LINEARS];
    if (n <= FEW) {
        few_rows(x, n, in, l, count, beta);
        return;
    }
    for (int i = 0; i < count; i++)
        jobs[i] = (job){.kind = XWT,
                        .m = n,
                        .n = l[i].out,
                        .k = in,
                        .a = x,
                        .b = l[i].w,
                        .beta = beta,
                        .c = l[i].y};
    run(jobs, count, false);
}

void sp_gemm_xwt(float *y, const float *x, sp_mat w, int64_t n, int64_t in, int64_t out, float beta)
{
    xwt(x, n, in, &(sp_linear){y, w, out}, 1, beta);
}

void sp_gemm_xwts(const float *x, int64_t n, int64_t in, const sp_linear *l, int count)
{
    xwt(x, n, in, l, count, 0);
}

void sp_gemm_dyws(float *dx, int64_t n, int64_t in, const sp_linear *l, int count)
{
    job jobs[SP_LINEARS];
    for (int i = 0; i < count; i++)
        jobs[i] =
            (job){.kind = DYW, .m = n, .n = in, .k = l[i].out, .a = l[i].y, .b = l[i].w, .c = dx};
    run(jobs, count, true);
}

void sp_gemm_dytx(float *dw, const float *dy, const float *x, int64_t n, int64_t in, int64_t out,
                  float beta)
{
    run(&(job){.kind = DYTX,
               .m = out,
               .n = in,
               .k = n,
               .a = dy,
               .b = {x, SP_F32},
               .beta = beta,
               .c = dw},
        1, false);
}

void sp_gemm_small(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                   int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans,
                (int)m, (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
