/* stream.c - see stream.h. */
#include "patch/stream.h"

#include "base/progress.h"
#include "base/queue.h"
#include "cli/opt.h"
#include "io/text.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

sp_src *sp_need_src(const char *path)
{
    sp_err e = {0};
    sp_src *s = sp_src_open(path, &e);
    if (!s) sp_die_err(&e);
    return s;
}

size_t sp_need_tensor(const sp_src *s, const sp_tinfo *want)
{
    int64_t i = sp_src_find(s, want->name);
    if (i < 0) sp_die(SP_EINPUT, "%s: tensor \"%s\": missing", sp_src_name(s), want->name);
    const sp_tinfo *t = sp_src_info(s, (size_t)i);
    if (sp_same_shape(t, want)) return (size_t)i;
    char have[200], need[200];
    sp_shape_str(t, have, sizeof have);
    sp_shape_str(want, need, sizeof need);
    sp_die(SP_EINPUT, "%s: tensor \"%s\": shape %s, expected %s", sp_src_name(s), t->name, have,
           need);
}

void sp_need_tensors(const sp_src *s, const sp_src *all)
{
    for (size_t i = 0; i < sp_src_count(all); i++) sp_need_tensor(s, sp_src_info(all, i));
}

void sp_need_part(sp_src *s, size_t i, uint64_t first, size_t n, void *buf)
{
    sp_err e = {0};
    if (sp_src_read_part(s, i, first, n, buf, &e) < 0) sp_die_err(&e);
}

static void need_dtype(const sp_src *s, size_t i, bool ok, const char *expected)
{
    const sp_tinfo *t = sp_src_info(s, i);
    if (!ok)
        sp_die(SP_EINPUT, "%s: tensor \"%s\": dtype %s, expected %s", sp_src_name(s), t->name,
               sp_dtype_name(t->dtype), expected);
}

void sp_need_float(const sp_src *s, size_t i)
{
    need_dtype(s, i, sp_dtype_is_float(sp_src_info(s, i)->dtype), "floating point");
}
void sp_need_bool(const sp_src *s, size_t i)
{
    need_dtype(s, i, sp_src_info(s, i)->dtype == SP_BOOL, "BOOL");
}

int sp_fail_nonfinite(const sp_src *s, const sp_tinfo *t, sp_err *e)
{
    return sp_fail(e, SP_EINPUT,
                   "%s: tensor \"%s\": holds NaN or Inf (--allow-nonfinite lets it pass)",
                   sp_src_name(s), t->name);
}

void sp_die_nonfinite(const sp_src *s, size_t i)
{
    sp_err e = {0};
    sp_fail_nonfinite(s, sp_src_info(s, i), &e);
    sp_die_err(&e);
}

sp_dst *sp_dst_like(const sp_src *like, int dtype, sp_src *const *inputs, size_t n)
{
    sp_err e = {0};
    sp_output out = {sp_args.out, (int)sp_args.level, sp_args.no_pg, NULL, NULL, inputs, n};
    sp_dst *d = sp_output_like(&out, like, dtype, &e);
    if (!d) sp_die_err(&e);
    return d;
}

void sp_need_write(sp_dst *d, const void *buf, size_t nbytes)
{
    sp_err e = {0};
    if (sp_dst_write(d, buf, nbytes, &e) < 0) sp_die_err(&e);
}

void sp_close_streams(sp_dst *d, sp_src *const *inputs, size_t n)
{
    sp_err e = {0};
    for (size_t i = 0; i < n; i++)
        if (inputs[i] && sp_src_end(inputs[i], &e) < 0) sp_die_err(&e);
    if (d && sp_dst_finish(d, &e) < 0) sp_die_err(&e);
    for (size_t i = 0; i < n; i++) sp_src_close(inputs[i]);
}

/* ---- an output piece by piece --------------------------------------------------------- */

/* A piece on its way through the queue. */
typedef struct {
    sp_piece p;
    int64_t *index; /* of its tensor in each input, -1 = not there */
    void **data;    /* of the inputs that are read in order */
    sp_err error;
} piece_slot;

typedef struct {
    sp_dst *dst;
    sp_src *const *in;
    size_t n_in;
    sp_piece_fn *fn;
    void *ctx;
    piece_slot *slots;
    void **data; /* (threads, inputs): of the inputs that any thread can read */
    sp_progress bar;
} piece_run;

static bool read_input(const piece_run *r, piece_slot *s, size_t k, void **data)
{
    if (!*data) *data = sp_xfloats(SP_PIECE / sizeof(float));
    s->p.in[k] = *data;
    return sp_src_read_part(r->in[k], (size_t)s->index[k], s->p.at, s->p.n, *data, &s->error) == 0;
}

static void work_on_piece(void *ctx, size_t slot, int thread)
{
    piece_run *r = ctx;
    piece_slot *s = &r->slots[slot];
    bool ok = !s->error.code;
    for (size_t k = 0; ok && k < r->n_in; k++)
        if (s->index[k] >= 0 && sp_src_parallel(r->in[k]))
            ok = read_input(r, s, k, &r->data[(size_t)thread * r->n_in + k]);
    if (ok) r->fn(&s->p, r->ctx, &s->error);
}

static void write_piece(void *ctx, size_t slot)
{
    piece_run *r = ctx;
    const piece_slot *s = &r->slots[slot];
    if (s->error.code) sp_die_err(&s->error);
    sp_need_write(r->dst, s->p.out, s->p.n * sp_dtype_size(s->p.t->dtype));
    if (s->p.at + s->p.n == s->p.t->numel) sp_progress_at(&r->bar, (double)(s->p.i + 1));
}

/* Find the tensor of a piece in the inputs (those that must have it have been checked); how many of
 * its elements make a piece. */
static size_t place(const piece_run *r, piece_slot *s)
{
    size_t widest = sp_dtype_size(s->p.t->dtype);
    for (size_t k = 0; k < r->n_in; k++) {
        s->index[k] = sp_src_find(r->in[k], s->p.t->name);
        s->p.in[k] = NULL;
        const sp_tinfo *t = s->index[k] < 0 ? NULL : sp_src_info(r->in[k], (size_t)s->index[k]);
        if (!t || !sp_same_shape(t, s->p.t)) {
            s->index[k] = -1;
            continue;
        }
        s->p.dtype[k] = t->dtype;
        widest = SP_MAX(widest, sp_dtype_size(s->p.dtype[k]));
    }
    return SP_PIECE / widest;
}

/* Post the piece of tensor i at `at`; returns where the next begins. A pipe that failed is not read
 * again. */
static uint64_t post_piece(piece_run *r, sp_queue *q, size_t i, uint64_t at)
{
    piece_slot *s = &r->slots[sp_queue_slot(q)];
    s->p.t = sp_dst_info(r->dst, i);
    s->p.i = i;
    s->p.at = at;
    s->p.n = SP_MIN(place(r, s), s->p.t->numel - at);
    bool ok = true;
    for (size_t k = 0; ok && k < r->n_in; k++)
        if (s->index[k] >= 0 && !sp_src_parallel(r->in[k])) ok = read_input(r, s, k, &s->data[k]);
    sp_queue_post(q);
    if (!ok) sp_queue_drain(q);
    return at + s->p.n;
}

static piece_slot *slots_new(size_t depth, size_t n_in)
{
    piece_slot *s = sp_xcalloc(depth, sizeof *s);
    for (size_t i = 0; i < depth; i++) {
        s[i].index = sp_xarray(n_in, sizeof *s->index);
        s[i].data = sp_xcalloc(n_in, sizeof *s->data);
        s[i].p.in = sp_xcalloc(n_in, sizeof *s->p.in);
        s[i].p.dtype = sp_xcalloc(n_in, sizeof *s->p.dtype);
        s[i].p.out = sp_xfloats(SP_PIECE / sizeof(float));
    }
    return s;
}

static void slots_free(piece_slot *s, size_t depth, size_t n_in)
{
    for (size_t i = 0; i < depth; i++) {
        for (size_t k = 0; k < n_in; k++) free(s[i].data[k]);
        free(s[i].index);
        free(s[i].data);
        free(s[i].p.in);
        free(s[i].p.dtype);
        free(s[i].p.out);
    }
    free(s);
}

void sp_each_piece(sp_dst *d, sp_src *const *in, size_t n_in, const char *what, sp_piece_fn *fn,
                   void *ctx)
{
    size_t threads = (size_t)omp_get_max_threads(), depth = 2 * threads,
           count = sp_src_count(in[0]);
    piece_run r = {.dst = d,
                   .in = in,
                   .n_in = n_in,
                   .fn = fn,
                   .ctx = ctx,
                   .slots = slots_new(depth, n_in),
                   .data = sp_xcalloc(threads * n_in, sizeof *r.data)};
    sp_queue *q = sp_queue_new(&(sp_jobs){work_on_piece, write_piece, &r, depth, (int)threads});
    sp_progress_start(&r.bar, what, "tensors", (double)count);
    for (size_t i = 0; i < count; i++)
        for (uint64_t at = 0; at < sp_dst_info(d, i)->numel;) at = post_piece(&r, q, i, at);
    sp_queue_drain(q);
    sp_progress_end(&r.bar);
    sp_queue_free(q);
    slots_free(r.slots, depth, n_in);
    for (size_t k = 0; k < threads * n_in; k++) free(r.data[k]);
    free(r.data);
}

/* ---- two inputs side by side ---------------------------------------------------------- */

sp_pair sp_pair_open(const char *a, const char *b)
{
    sp_pair p = {.in = {sp_need_src(a), b ? sp_need_src(b) : NULL}};
    if (b) sp_need_tensors(p.in[1], p.in[0]);
    return p;
}

void sp_pair_each(sp_pair *p, size_t i, void (*fn)(sp_pair *p, size_t n, void *ctx), void *ctx)
{
    const sp_tinfo *t = sp_src_info(p->in[0], i);
    int inputs = p->in[1] ? 2 : 1;
    for (int k = 0; k < inputs; k++) {
        p->index[k] = k ? sp_need_tensor(p->in[k], t) : i;
        p->dtype[k] = sp_src_info(p->in[k], p->index[k])->dtype;
        if (!p->buf[k]) p->buf[k] = sp_xfloats(2 * (size_t)SP_STEP); /* room for doubles */
    }
    for (uint64_t at = 0; at < t->numel; at += SP_STEP) {
        size_t n = SP_MIN(t->numel - at, (uint64_t)SP_STEP);
        for (int k = 0; k < inputs; k++) sp_need_part(p->in[k], p->index[k], at, n, p->buf[k]);
        fn(p, n, ctx);
    }
}

void sp_pair_close(sp_pair *p, sp_dst *d)
{
    sp_close_streams(d, p->in, 2);
    for (int k = 0; k < 2; k++) free(p->buf[k]);
}

int sp_set_float_dtype(void *self, const char *name, const char *value, sp_err *e)
{
    (void)name;
    int d = sp_dtype_parse(value);
    if (d < 0 || !sp_dtype_is_float((sp_dtype)d))
        return sp_fail(e, SP_EUSAGE, "'%s' is none of F64, F32, BF16, F16", value);
    *(int *)self = d;
    return 0;
}

json_t *sp_json_real(double x) { return isfinite(x) ? json_real(x) : json_null(); }

void sp_print_json(json_t *root)
{
    sp_text out;
    sp_text_open(&out, sp_args.out);
    json_dumpf(root, out.f, JSON_INDENT(1));
    fputc('\n', out.f);
    sp_text_finish(&out);
    json_decref(root);
}
