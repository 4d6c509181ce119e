/* gemm.c - see gemm.h.
 *
 * OpenMP spreads tiles, of one product or of several at a time, whose shape the product alone decides; OpenBLAS (its OpenMP
 * build) runs single-threaded inside a parallel region, which is why even a single tile opens one; up to 64^3 multiply-adds it
 * does so anywhere, and waking the team would cost more. A few rows of X (answers generated one by one) are bound by the bytes of W:
 * they go through plain dot products that read W once.
 */
#include "gemm.h"

#include "fmath.h"
#include "gemm_dnnl.h"
#include "narrow.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#define FEW 8 /* rows of X that count as few; then W is taken in as it is stored, once */

void sp_gemm_start(char **argv)
{
    const char *core = openblas_get_corename();
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    bool known = strstr(core, "SkylakeX") || strstr(core, "Cooperlake") || strstr(core, "Sapphire");
    if (wide && !known) sp_restart_with(argv, "OPENBLAS_CORETYPE", "SKYLAKEX");
}

const char *sp_gemm_kernel(void)
{
    static char name[64];
    snprintf(name, sizeof name, "%s%s", openblas_get_corename(), sp_dnnl_works() ? ", products in BF16 through oneDNN" : "");
    return name;
}

bool sp_gemm_rounds(void) { return sp_dnnl_works(); }

uint64_t sp_gemm_bytes(int64_t n, int64_t in, int64_t out) { return sp_dnnl_works() ? sizeof(uint16_t) * (uint64_t)(n * (in + out)) : 0; }

/* ---- tiles -------------------------------------------------------------------------------------------------------- */

typedef enum { XWT, DYW, DYTX } product;

#define SMALL (64. * 64 * 64) /* up to this many multiply-adds a second thread costs more than it gains */

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

/* Tiles as large as keeps the packing of their operands cheap, but at least four; their shape depends on the product alone. */
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
static sp_mat part(sp_mat w, int64_t i) { return (sp_mat){(const char *)w.data + (size_t)i * sp_dtype_size(w.dtype), w.dtype}; }

static void tile(const job *p, int64_t t, float beta)
{
    int64_t across = parts(p->n, p->tn), i = t / across * p->tm, j = t % across * p->tn;
    int64_t rows = SP_MIN(p->tm, p->m - i), cols = SP_MIN(p->tn, p->n - j);
    bool xwt = p->kind == XWT, turned = p->kind == DYTX;
    int64_t lda = turned ? p->m : p->k, ldb = xwt ? p->k : p->n;
    const float *a = p->a + (turned ? i : i * p->k);
    sp_mat b = part(p->b, xwt ? j * p->k : j);
    float *c = p->c + i * p->n + j;
    if (b.dtype == SP_F32) sp_gemm_small(turned, xwt, rows, cols, p->k, 1, a, lda, b.data, ldb, beta, c, p->n);
    else (xwt ? sp_narrow_xwt : sp_narrow_xw)(c, p->n, a, lda, b, ldb, rows, cols, p->k, beta);
}

#ifdef SP_DNNL
/* In BF16, one after another; an A that several have in common is rounded once. */
static void run_rounded(const job *jobs, int count, bool sum)
{
    const uint16_t *a = NULL;
    for (const job *p = jobs; p < jobs + count; p++) {
        if (p == jobs || p->a != p[-1].a) a = sp_dnnl_round(p->a, p->m * p->k);
        sp_dnnl_product(p->kind == DYTX, p->kind == XWT, p->m, p->n, p->k, a, p->b, sum && p > jobs ? 1 : p->beta, p->c);
    }
}
#endif

/* Products side by side, or as terms of one sum: then all have the same C, and the first one's beta counts. */
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

/* ---- few rows ----------------------------------------------------------------------------------------------------- */

#define ROWS 4 /* rows of W that share each load of X */

/* Elements i .. i+15 of W as F32. */
static inline __attribute__((always_inline)) sp_f32x16 load(const void *w, sp_dtype dtype, int64_t i)
{
    typedef uint16_t u16x16 __attribute__((vector_size(32), aligned(2), may_alias));
    typedef uint32_t u32x16 __attribute__((vector_size(64)));
    typedef _Float16 f16x16 __attribute__((vector_size(32), aligned(2), may_alias));
    if (dtype == SP_F32) return *(const sp_f32x16 *)((const float *)w + i);
    if (dtype == SP_F16) return __builtin_convertvector(*(const f16x16 *)((const _Float16 *)w + i), sp_f32x16);
    return (sp_f32x16)(__builtin_convertvector(*(const u16x16 *)((const uint16_t *)w + i), u32x16) << 16);
}

static inline float sum16(sp_f32x16 v)
{
    float t[16];
    memcpy(t, &v, sizeof t);
    for (int half = 8; half; half /= 2)
        for (int j = 0; j < half; j++) t[j] += t[j + half];
    return t[0];
}

/* sum[j] = row j of W times x, over n elements of `rows` rows; n a multiple of 16. */
static inline __attribute__((always_inline)) void dots(float *sum, const float *x, const void *w, sp_dtype dtype, int64_t at, int64_t ld, int64_t n)
{
    sp_f32x16 s[ROWS][2] = {0};
    int64_t i = 0, size = dtype == SP_F32 ? 4 : 2;
    for (; i + 32 <= n; i += 32)
        for (int j = 0; j < ROWS; j++) {
            __builtin_prefetch((const char *)w + (at + (j + ROWS) * ld + i) * size);
            s[j][0] += load(w, dtype, at + j * ld + i) * *(const sp_f32x16 *)(x + i);
            s[j][1] += load(w, dtype, at + j * ld + i + 16) * *(const sp_f32x16 *)(x + i + 16);
        }
    for (; i < n; i += 16)
        for (int j = 0; j < ROWS; j++) s[j][0] += load(w, dtype, at + j * ld + i) * *(const sp_f32x16 *)(x + i);
    for (int j = 0; j < ROWS; j++) sum[j] = sum16(s[j][0] + s[j][1]);
}

/* The same for any n and fewer rows, one by one. */
static float one_dot(const float *x, sp_mat w, int64_t at, int64_t n)
{
    float sum = 0, v;
    for (int64_t i = 0; i < n; i++) {
        if (w.dtype == SP_F32) v = ((const float *)w.data)[at + i];
        else sp_widen(&v, w, at + i, 1);
        sum += v * x[i];
    }
    return sum;
}

static void some_dots(float *sum, const float *x, sp_mat w, int64_t at, int64_t ld, int64_t n, int64_t rows)
{
    int64_t even = rows == ROWS ? n / 16 * 16 : 0;
    memset(sum, 0, ROWS * sizeof *sum);
    if (even && w.dtype == SP_F32) dots(sum, x, w.data, SP_F32, at, ld, even);
    else if (even && w.dtype == SP_F16) dots(sum, x, w.data, SP_F16, at, ld, even);
    else if (even) dots(sum, x, w.data, SP_BF16, at, ld, even);
    for (int64_t j = 0; j < rows && even < n; j++) sum[j] += one_dot(x + even, w, at + j * ld + even, n - even);
}

/* Rows j0 .. of Y^T (out, n), at most ROWS of them. */
static void few(const sp_linear *l, int64_t j0, const float *x, int64_t n, int64_t in, float beta)
{
    float sum[ROWS];
    int64_t rows = SP_MIN(ROWS, l->out - j0);
    for (int64_t r = 0; r < n; r++) {
        some_dots(sum, x + r * in, l->w, j0 * in, in, in, rows);
        float *y = l->y + r * l->out + j0;
        for (int64_t j = 0; j < rows; j++) y[j] = sum[j] + (beta != 0 ? beta * y[j] : 0);
    }
}

static void few_rows(const float *x, int64_t n, int64_t in, const sp_linear *l, int count, float beta)
{
    int64_t groups = 0;
    for (int i = 0; i < count; i++) groups += parts(l[i].out, ROWS);
#pragma omp parallel for schedule(static) if (groups * ROWS * in > 65536)
    for (int64_t g = 0; g < groups; g++) {
        const sp_linear *p = l;
        int64_t at = g;
        for (; at >= parts(p->out, ROWS); p++) at -= parts(p->out, ROWS);
        few(p, at * ROWS, x, n, in, beta);
    }
}

/* ---- the seam ----------------------------------------------------------------------------------------------------- */

static void xwt(const float *x, int64_t n, int64_t in, const sp_linear *l, int count, float beta)
{
    job jobs[SP_LINEARS];
    if (n <= FEW) {
        few_rows(x, n, in, l, count, beta);
        return;
    }
    for (int i = 0; i < count; i++) jobs[i] = (job){.kind = XWT, .m = n, .n = l[i].out, .k = in, .a = x, .b = l[i].w, .beta = beta, .c = l[i].y};
    run(jobs, count, false);
}

void sp_gemm_xwt(float *y, const float *x, sp_mat w, int64_t n, int64_t in, int64_t out, float beta)
{
    xwt(x, n, in, &(sp_linear){y, w, out}, 1, beta);
}

void sp_gemm_xwts(const float *x, int64_t n, int64_t in, const sp_linear *l, int count) { xwt(x, n, in, l, count, 0); }

void sp_gemm_dyws(float *dx, int64_t n, int64_t in, const sp_linear *l, int count)
{
    job jobs[SP_LINEARS];
    for (int i = 0; i < count; i++) jobs[i] = (job){.kind = DYW, .m = n, .n = in, .k = l[i].out, .a = l[i].y, .b = l[i].w, .c = dx};
    run(jobs, count, true);
}

void sp_gemm_dytx(float *dw, const float *dy, const float *x, int64_t n, int64_t in, int64_t out, float beta)
{
    run(&(job){.kind = DYTX, .m = out, .n = in, .k = n, .a = dy, .b = {x, SP_F32}, .beta = beta, .c = dw}, 1, false);
}

void sp_gemm_small(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                   float beta, float *c, int64_t ldc)
{
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, alpha, a, (int)lda, b,
                (int)ldb, beta, c, (int)ldc);
}
