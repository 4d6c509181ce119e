/* sp-diff.c - TUNED minus BASE, tensor by tensor: the patch that sp-merge adds.
 *
 * BASE + patch, rounded as sp-merge rounds, gives TUNED back to the bit wherever an F32 number can
 * do that. It cannot for some elements that change sign or shrink to less than half (their
 * difference can need more than 24 bits): -v counts them, --dtype F64 holds them, and weights that
 * went through sp_reachable (vec.h) have none.
 */
#include "cli/opt.h"
#include "patch/stream.h"
#include "tensor/vec.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK                                                                                     \
    512 /* elements a thread works on at a time: five arrays of doubles stay in the nearest cache \
         */
#define N_BINS 32768

static int dtype = SP_F32;
static bool want_stats, allow_nonfinite;
static sp_opt_call dtype_call = {sp_set_float_dtype, &dtype};

/* clang-format off */
static const sp_opt opts[] = {
    {"dtype", 0, SP_CALL, &dtype_call, "F64|F32|BF16|F16", "dtype of the patch (default: F32)", 0, 0},
    {"stats", 0, SP_FLAG, &want_stats, NULL, "print figures of the patch as JSON instead of the patch", 0, 0},
    {"allow-nonfinite", 0, SP_FLAG, &allow_nonfinite, NULL, "let NaN and Inf pass", 0, 0},
    {0},
};
/* clang-format on */

/* ---- the difference ------------------------------------------------------------------- */

enum { BAD_TUNED = 1, BAD_BASE = 2, BAD_DIFF = 4 };

/* TUNED and BASE, as stored. */
typedef struct {
    const char *x[2];
    sp_dtype dtype[2];
} operands;

static const char *at_element(const operands *o, int k, size_t at)
{
    return o->x[k] + at * sp_dtype_size(o->dtype[k]);
}

/* diff_block_T(o, at, n, out, od, missed): the n <= BLOCK elements from `at` into out, in
 * arithmetic of type T. Adds to missed for how many BASE + patch, rounded to the dtype of TUNED,
 * does not give TUNED: that is what sp-merge computes. */
#define DIFF_BLOCK(T, NATIVE, TO, FROM)                                                        \
    /* The elements in T: in place if they are stored so, else widened into buf. */            \
    static const T *view_##T(T *buf, const operands *o, int k, size_t at, size_t n)            \
    {                                                                                          \
        const char *x = at_element(o, k, at);                                                  \
        if (o->dtype[k] == NATIVE) return (const T *)x;                                        \
        TO(buf, x, o->dtype[k], n);                                                            \
        return buf;                                                                            \
    }                                                                                          \
    static void diff_block_##T(const operands *o, size_t at, size_t n, char *out, sp_dtype od, \
                               uint64_t *missed)                                               \
    {                                                                                          \
        T t_buf[BLOCK], b_buf[BLOCK], d[BLOCK], sum[BLOCK], bits[BLOCK];                       \
        const T *t = view_##T(t_buf, o, 0, at, n), *b = view_##T(b_buf, o, 1, at, n);          \
        uint32_t not_back = 0;                                                                 \
        for (size_t i = 0; i < n; i++) d[i] = t[i] - b[i];                                     \
        FROM(out, d, od, n);                                                                   \
        if (od != NATIVE) TO(d, out, od, n);                                                   \
        for (size_t i = 0; i < n; i++) sum[i] = b[i] + d[i];                                   \
        if (o->dtype[0] != NATIVE) {                                                           \
            FROM(bits, sum, o->dtype[0], n);                                                   \
            TO(sum, bits, o->dtype[0], n);                                                     \
        }                                                                                      \
        for (size_t i = 0; i < n; i++) not_back += sum[i] != t[i];                             \
        *missed += not_back;                                                                   \
    }
DIFF_BLOCK(double, SP_F64, sp_to_f64, sp_from_f64)
DIFF_BLOCK(float, SP_F32, sp_to_f32, sp_from_f32)

/* A sum or difference of two F32 numbers, taken in double and rounded to F32, is the one taken in
 * F32: double is needed for F64 alone. Returns BAD_* bits. */
static int diff_block(const operands *o, size_t at, size_t n, char *out, sp_dtype od,
                      uint64_t *missed)
{
    bool wide = o->dtype[0] == SP_F64 || o->dtype[1] == SP_F64 || od == SP_F64;
    out += at * sp_dtype_size(od);
    (wide ? diff_block_double : diff_block_float)(o, at, n, out, od, missed);
    return (sp_all_finite(at_element(o, 0, at), o->dtype[0], n) ? 0 : BAD_TUNED) |
           (sp_all_finite(at_element(o, 1, at), o->dtype[1], n) ? 0 : BAD_BASE) |
           (sp_all_finite(out, od, n) ? 0 : BAD_DIFF);
}

static int refuse(sp_src *const *in, const sp_tinfo *t, int bad, sp_dtype out_dtype, sp_err *e)
{
    if (bad & BAD_TUNED) return sp_fail_nonfinite(in[0], t, e);
    if (bad & BAD_BASE) return sp_fail_nonfinite(in[1], t, e);
    return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": the difference overflows %s",
                   sp_src_name(in[0]), t->name, sp_dtype_name(out_dtype));
}

/* n elements of tensor t, in several threads if they are more than a piece. missed: how many of
 * them BASE + patch does not give back. */
static int diff(sp_src *const *in, const sp_tinfo *t, const operands *o, size_t n, void *out,
                sp_dtype out_dtype, uint64_t *missed, sp_err *e)
{
    uint64_t not_back = 0;
    int bad = 0;
#pragma omp parallel for schedule(static) reduction(+ : not_back) reduction(| : bad) if (n > SP_PIECE)
    for (size_t at = 0; at < n; at += BLOCK)
        bad |= diff_block(o, at, SP_MIN(n - at, (size_t)BLOCK), out, out_dtype, &not_back);
    *missed = not_back;
    return bad && !allow_nonfinite ? refuse(in, t, bad, out_dtype, e) : 0;
}

/* ---- the patch ------------------------------------------------------------------------ */

typedef struct {
    sp_src **in;
    atomic_ullong missed;
} patch;

static int diff_piece(const sp_piece *p, void *ctx, sp_err *e)
{
    patch *w = ctx;
    operands o = {{p->in[0], p->in[1]}, {p->dtype[0], p->dtype[1]}};
    uint64_t missed;
    int rc = diff(w->in, p->t, &o, p->n, p->out, p->t->dtype, &missed, e);
    w->missed += missed;
    return rc;
}

static void write_patch(sp_pair *p)
{
    sp_dst *dst = sp_dst_like(p->in[0], dtype, p->in, 2);
    patch w = {.in = p->in};
    sp_each_piece(dst, p->in, 2, "subtracting", diff_piece, &w);
    sp_pair_close(p, dst);
    if (w.missed)
        sp_note("for %llu elements BASE + patch does not give TUNED back to the bit%s",
                (unsigned long long)w.missed, dtype == SP_F64 ? "" : " (--dtype F64 can)");
}

/* ---- figures -------------------------------------------------------------------------- */

typedef struct {
    uint64_t numel, nonzero;
    double diff2, base2, max_abs; /* sums of squares */
    uint64_t bins[N_BINS];        /* of |d|, by the upper half of its bits: 0.8 % steps */
    float *d, *b;                 /* work space */
} stats;

static void stats_chunk(sp_pair *p, size_t n, void *ctx)
{
    stats *s = ctx;
    operands o = {{p->buf[0], p->buf[1]}, {p->dtype[0], p->dtype[1]}};
    uint64_t missed;
    sp_err e = {0};
    if (diff(p->in, sp_src_info(p->in[0], p->index[0]), &o, n, s->d, SP_F32, &missed, &e) < 0)
        sp_die_err(&e);
    sp_to_f32(s->b, p->buf[1], p->dtype[1], n);
    s->numel += n;
    s->diff2 += sp_dot(s->d, s->d, n);
    s->base2 += sp_dot(s->b, s->b, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &s->d[i], sizeof bits);
        s->bins[(bits & 0x7fffffff) >> 16]++;
        s->nonzero += s->d[i] != 0;
        s->max_abs = fmax(s->max_abs, fabsf(s->d[i]));
    }
}

static void stats_merge(stats *total, const stats *s)
{
    total->numel += s->numel;
    total->nonzero += s->nonzero;
    total->diff2 += s->diff2;
    total->base2 += s->base2;
    total->max_abs = fmax(total->max_abs, s->max_abs);
    for (int i = 0; i < N_BINS; i++) total->bins[i] += s->bins[i];
}

/* The lower edge of the bin that holds the q-quantile of |d|. */
static json_t *quantile(const stats *s, double q)
{
    uint64_t rank = (uint64_t)(q * (double)s->numel), seen = 0;
    uint32_t i = 0;
    while (i + 1 < N_BINS && (seen += s->bins[i]) <= rank) i++;
    i <<= 16;
    float x;
    memcpy(&x, &i, sizeof x);
    return sp_json_real(s->numel ? x : 0);
}

static json_t *stats_json(const stats *s)
{
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "numel",
                     (json_int_t)s->numel, "nonzero", (json_int_t)s->nonzero, "l2_diff",
                     sp_json_real(sqrt(s->diff2)), "l2_base", sp_json_real(sqrt(s->base2)),
                     "rel_l2", sp_json_real(s->base2 > 0 ? sqrt(s->diff2 / s->base2) : NAN),
                     "max_abs", sp_json_real(s->max_abs), "p50", quantile(s, .5), "p90",
                     quantile(s, .9), "p99", quantile(s, .99), "p999", quantile(s, .999));
}

static void print_stats(sp_pair *p)
{
    stats *total = sp_xcalloc(1, sizeof *total), *one = sp_xcalloc(1, sizeof *one);
    float *d = sp_xfloats(SP_STEP), *b = sp_xfloats(SP_STEP);
    json_t *tensors = json_object();
    for (size_t i = 0; i < sp_src_count(p->in[0]); i++) {
        *one = (stats){.d = d, .b = b};
        sp_pair_each(p, i, stats_chunk, one);
        json_object_set_new(tensors, sp_src_info(p->in[0], i)->name, stats_json(one));
        stats_merge(total, one);
    }
    sp_pair_close(p, NULL);
    sp_print_json(json_pack("{s:o, s:o}", "tensors", tensors, "total", stats_json(total)));
    free(total);
    free(one);
    free(d);
    free(b);
}

/* ---- command line --------------------------------------------------------------------- */

static int run(int argc, char **argv)
{
    (void)argc;
    sp_pair p = sp_pair_open(argv[0], argv[1]);
    for (size_t i = 0; i < sp_src_count(p.in[0]); i++) {
        sp_need_float(p.in[0], i);
        sp_need_float(p.in[1], sp_need_tensor(p.in[1], sp_src_info(p.in[0], i)));
    }
    if (want_stats) print_stats(&p);
    else write_patch(&p);
    return SP_OK;
}

int main(int argc, char **argv)
{
    static const sp_cmd cmds[] = {
        {NULL, "TUNED BASE", "Write TUNED - BASE, in the order of TUNED.", opts, 2, 2, run}, {0}};
    return sp_opt_main(argc, argv, "the difference of two sets of weights", cmds,
                       "TUNED and BASE are tensor streams (safetensors, raw or zstd), checkpoint "
                       "directories, or - for standard input.");
}
