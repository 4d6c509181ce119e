/* gemm_dnnl.c - see gemm_dnnl.h.
 *
 * Activations are rounded to BF16 once a product, by all threads, into a buffer. Weights are
 * rounded tile by tile, so that no whole matrix exists twice; a tile takes up to 1024 rows of
 * activations, so that a weight is rounded at most once for 1024 rows.
 *
 * Each tile is one product by oneDNN on one thread. oneDNN's own threads are not used: how many
 * there are would decide where it splits a sum. A tile makes its primitive (oneDNN's word for a
 * compiled product) anew: oneDNN keeps the latest ones by shape, for all threads, and finds one in
 * 5 us.
 *
 * A sum longer than DEEP terms is made in pieces, each added to C. A thread's buffer for weights
 * holds one piece of one tile, at most 384 x DEEP numbers: 12 MiB.
 *
 *     C (m, n)       tn columns, from j on
 *                    .-------.
 *     tm rows,       | tile  |  =  sum over pieces s:  A (rows, depth) from (i, s) on
 *     from i on      '-------'                         times B (depth, cols) from (s, j) on
 *
 * Buffers are one a thread and purpose, so they need no lock. They are kept for the next product
 * and never released.
 */
#include "engine/gemm_dnnl.h"

#include "base/arith.h"
#include "base/memory.h"
#include "tensor/vec.h"

#include <dnnl.h>
#include <omp.h>
#include <stdlib.h>

#define DEEP   16384 /* terms of a sum that are multiplied at a time */
#define SHAPES 256   /* primitives that oneDNN keeps */

/* End the program where a call of oneDNN failed. */
static void check(dnnl_status_t s, const char *what)
{
    if (s != dnnl_success) sp_die(SP_ESYSTEM, "oneDNN: %s: status %d", what, (int)s);
}

bool sp_dnnl_works(void) { return __builtin_cpu_supports("avx512bf16"); }

/* ---- operands ------------------------------------------------------------------------- */

/* Memory that grows as needed and is used again; one a thread and purpose. {0} is an empty one. */
typedef struct {
    void *p;
    size_t bytes;
} buffer;

/* Return at least so many bytes, aligned to 64; what was there is lost. They stay the buffer's. */
static void *reserve(buffer *b, size_t bytes)
{
    if (bytes > b->bytes) {
        free(b->p);
        b->p = sp_xfloats(bytes / sizeof(float) + 1);
        b->bytes = bytes;
    }
    return b->p;
}

/* Round n numbers to BF16 into b, and return where they are; valid until b is reserved again. */
static const uint16_t *rounded(buffer *b, const float *x, int64_t n)
{
    uint16_t *to = reserve(b, (size_t)n * sizeof *to);
    sp_from_f32(to, x, SP_BF16, (size_t)n);
    return to;
}

const uint16_t *sp_dnnl_round(const float *x, int64_t n)
{
    static _Thread_local buffer b;
    return rounded(&b, x, n);
}

/* Write elements i .. i+n-1 of weights to `to` in BF16, by the calling thread alone; F16 goes
 * through F32, a piece at a time. */
static void round_row(uint16_t *to, sp_mat w, int64_t i, int64_t n)
{
    enum { SOME = 1024 };
    float f32[SOME];
    for (int64_t j = 0; j < n; j += SOME) {
        size_t some = (size_t)SP_MIN(SOME, n - j);
        const float *x = (const float *)w.data + i + j;
        if (w.dtype != SP_F32)
            sp_to_f32(f32, (const uint16_t *)w.data + i + j, w.dtype, some), x = f32;
        sp_from_f32(to + j, x, SP_BF16, some);
    }
}

/* Columns j .. j+cols-1 of rows i .. i+rows-1 of weights whose rows lie *ld apart, in BF16: in
 * place where they are, else rounded into the thread's buffer. *ld gets the distance of the rows
 * there. */
static const uint16_t *block(sp_mat w, int64_t i, int64_t rows, int64_t j, int64_t cols,
                             int64_t *ld)
{
    static _Thread_local buffer b;
    if (w.dtype == SP_BF16) return (const uint16_t *)w.data + i * *ld + j;
    uint16_t *to = reserve(&b, (size_t)(rows * cols) * sizeof *to);
    for (int64_t r = 0; r < rows; r++) round_row(to + r * cols, w, (i + r) * *ld + j, cols);
    *ld = cols;
    return to;
}

/* ---- one tile ------------------------------------------------------------------------- */

/* The one engine of the process; any thread may be the first to ask. */
static dnnl_engine_t engine(void)
{
    static dnnl_engine_t cpu;
#pragma omp critical(sp_dnnl_engine)
    if (!cpu) {
        check(dnnl_engine_create(&cpu, dnnl_cpu, 0), "engine");
        check(dnnl_set_primitive_cache_capacity(SHAPES), "cache");
    }
    return cpu;
}

/* Describe a matrix (rows, cols) of leading dimension ld, which with t is stored as its transpose
 * (cols, rows): element (r, c) lies at r * ld + c, with t at c * ld + r. */
static dnnl_memory_desc_t matrix(dnnl_data_type_t type, bool t, int64_t rows, int64_t cols,
                                 int64_t ld)
{
    dnnl_memory_desc_t d;
    check(dnnl_memory_desc_init_by_strides(&d, 2, (dnnl_dims_t){rows, cols}, type,
                                           (dnnl_dims_t){t ? 1 : ld, t ? ld : 1}),
          "matrix");
    return d;
}

/* Describe C = A B + beta C: a matrix product, with a sum onto C where beta is 1. Scratch memory is
 * the caller's, who keeps it from tile to tile. The caller destroys what is returned. */
static dnnl_primitive_desc_t describe(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b,
                                      const dnnl_memory_desc_t *c, float beta)
{
    dnnl_matmul_desc_t product;
    dnnl_primitive_attr_t attr;
    dnnl_post_ops_t post;
    dnnl_primitive_desc_t d;
    check(dnnl_primitive_attr_create(&attr), "attributes");
    check(dnnl_post_ops_create(&post), "post-ops");
    if (beta != 0) check(dnnl_post_ops_append_sum(post, beta), "sum");
    check(dnnl_primitive_attr_set_post_ops(attr, post), "post-ops");
    check(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user), "scratchpad");
    check(dnnl_matmul_desc_init(&product, a, b, NULL, c), "product");
    check(dnnl_primitive_desc_create(&d, &product, attr, engine(), NULL), "product");
    dnnl_post_ops_destroy(post);
    dnnl_primitive_attr_destroy(attr);
    return d;
}

/* Run the product d and wait for it. operands[i] describes, and data[i] is the memory of, A, B, C
 * and the scratch memory, in this order. */
static void execute(dnnl_primitive_desc_t d, const dnnl_memory_desc_t *const *operands,
                    void *const *data)
{
    static const int names[4] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD};
    dnnl_exec_arg_t args[4];
    dnnl_primitive_t p;
    dnnl_stream_t s;
    check(dnnl_primitive_create(&p, d), "primitive");
    check(dnnl_stream_create(&s, engine(), dnnl_stream_default_flags), "stream");
    for (int i = 0; i < 4; i++) {
        args[i].arg = names[i];
        check(dnnl_memory_create(&args[i].memory, operands[i], engine(), data[i]), "operand");
    }
    check(dnnl_primitive_execute(p, s, 4, args), "execution");
    check(dnnl_stream_wait(s), "execution");
    for (int i = 0; i < 4; i++) dnnl_memory_destroy(args[i].memory);
    dnnl_stream_destroy(s);
    dnnl_primitive_destroy(p);
}

/* C (m, n; ldc) = op(A) op(B) + beta C as sp_gemm_small, by the calling thread alone. */
static void multiply(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const uint16_t *a,
                     int64_t lda, const uint16_t *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    static _Thread_local buffer scratch;
    int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* of this thread's calls alone */
    dnnl_memory_desc_t da = matrix(dnnl_bf16, ta, m, k, lda), db = matrix(dnnl_bf16, tb, k, n, ldb),
                       dc = matrix(dnnl_f32, false, m, n, ldc);
    dnnl_primitive_desc_t d = describe(&da, &db, &dc, beta);
    const dnnl_memory_desc_t *ds = dnnl_primitive_desc_query_md(d, dnnl_query_scratchpad_md, 0);
    execute(
        d, (const dnnl_memory_desc_t *const[]){&da, &db, &dc, ds},
        (void *const[]){(void *)a, (void *)b, c, reserve(&scratch, dnnl_memory_desc_get_size(ds))});
    dnnl_primitive_desc_destroy(d);
    omp_set_num_threads(threads);
}

/* ---- one product ---------------------------------------------------------------------- */

/* How many pieces of `size` n is cut into. */
static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

void sp_dnnl_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const uint16_t *a, sp_mat b,
                     float beta, float *c)
{
    static _Thread_local buffer other; /* for B where it is no weight: activations, as A */
    if (ta && b.dtype == SP_F32) b = (sp_mat){rounded(&other, b.data, k * n), SP_BF16};
    int64_t tm = SP_MIN(m, ta ? 512 : 1024), tn = ta ? 768 : 384;
    /* at least four tiles for the threads to share, unless they would get narrower than 96 */
    while (parts(m, tm) * parts(n, tn) < 4 && tn > 96) tn /= 2;
    int64_t across = parts(n, tn), tiles = parts(m, tm) * across;
#pragma omp parallel for schedule(dynamic)
    for (int64_t t = 0; t < tiles; t++) {
        int64_t i = t / across * tm, j = t % across * tn, rows = SP_MIN(tm, m - i),
                cols = SP_MIN(tn, n - j);
        for (int64_t s = 0; s < k; s += DEEP) {
            int64_t depth = SP_MIN(DEEP, k - s), lda = ta ? m : k, ldb = tb ? k : n;
            const uint16_t *at = a + (ta ? s * m + i : i * k + s),
                           *bt = tb ? block(b, j, cols, s, depth, &ldb)
                                    : block(b, s, depth, j, cols, &ldb);
            multiply(ta, tb, rows, cols, depth, at, lda, bt, ldb, s ? 1 : beta, c + i * n + j, n);
        }
    }
}
