/* walk.c - see walk.h.
 *
 * Pieces go through a queue (base/queue.h): posted by the caller, who reads what can be read in one
 * order only; worked on by any thread, which reads the rest and calls fn; finished, that is
 * written, in order. Where pieces must be made one after the other, the queue has one slot and one
 * thread, the caller's. Touching a mapped file for the first time costs four times as much as
 * pread(2), so that everything is read into buffers.
 *
 * A slot holds all that belongs to one piece, and is used again when its piece is finished. Where
 * several threads work, there are twice as many slots as threads: while every thread works on a
 * piece, the caller reads ahead from a pipe. Each kind of input has its buffers in another place:
 *
 *     slot.in    inputs read by the caller: the bytes wait in the slot until a thread takes it
 *     walk.in    inputs read by the worker: used in work_on only, so one set a thread is enough
 *
 * An error stays in its slot until the slot is finished. Slots are finished in order, so that the
 * error of the first bad piece wins, whichever thread is first to fail.
 */
#include "patch/walk.h"

#include "base/arith.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/queue.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Memory that is used again and grows as needed (space): `bytes` bytes at p, or {0}. */
typedef struct {
    void *p;
    size_t bytes;
} buffer;

/* A piece on its way through the queue. */
typedef struct {
    sp_piece p;
    int64_t *index;
    sp_dtype *dtype;
    buffer *in; /* (inputs) of those that are read by the caller */
    buffer out;
    sp_err error;
} slot;

/* A walk on its way. All threads read `failed`; the caller reads `error` after the last piece. */
typedef struct {
    const sp_walk *w;
    size_t threads, depth; /* depth = slots */
    slot *slots;
    buffer *in; /* (threads, inputs) of those that any thread can read */
    sp_progress bar;
    atomic_bool failed; /* and how: */
    sp_err error;
} walk;

/* Give b space for `bytes`, at least, and return it; what was in the buffer is lost. It never
 * shrinks: after a few pieces, it is large enough for all others. */
static void *space(buffer *b, size_t bytes)
{
    if (bytes > b->bytes || !b->p) {
        free(b->p);
        b->bytes = SP_MAX(bytes, (size_t)SP_PIECE_BYTES);
        b->p = sp_xfloats((b->bytes + sizeof(float) - 1) / sizeof(float));
    }
    return b->p;
}

/* ---- one piece ------------------------------------------------------------------------ */

/* Read the piece's elements of input k into b, and let p->in[k] point to them. On failure the error
 * is in the slot. Returns whether it went well. */
static bool read_input(const walk *r, slot *s, size_t k, buffer *b)
{
    const sp_piece *p = &s->p;
    p->in[k] = space(b, p->n * sp_dtype_size(p->dtype[k]));
    return sp_src_read_part(r->w->in[k], (size_t)p->index[k], p->at, p->n, p->in[k], &s->error) ==
           0;
}

/* A job's work, by thread number `thread`: read what can be read by any thread, call fn. Does
 * nothing for a slot that has an error already, or after the walk has failed. */
static void work_on(void *ctx, size_t number, int thread)
{
    walk *r = ctx;
    const sp_walk *w = r->w;
    slot *s = &r->slots[number];
    bool ok = !s->error.code && !r->failed;
    if (ok && w->dst) s->p.out = space(&s->out, s->p.n * sp_dtype_size(s->p.t->dtype));
    for (size_t k = 0; ok && k < w->n_in; k++)
        if (s->index[k] >= 0 && sp_src_parallel(w->in[k]))
            ok = read_input(r, s, k, &r->in[(size_t)thread * w->n_in + k]);
    if (ok && w->fn(&s->p, w->ctx, &s->error) < 0)
        sp_err_set(&s->error, SP_ESYSTEM, "unknown error"); /* for an fn that gave no reason */
}

/* A job's end, in the order of the pieces: write what has been made. The queue calls this for one
 * slot at a time, so that the output and r->error need no lock. */
static void finish(void *ctx, size_t number)
{
    walk *r = ctx;
    slot *s = &r->slots[number];
    const sp_piece *p = &s->p;
    if (r->failed) return;
    if (!s->error.code && r->w->dst && p->n) {
        size_t bytes = p->n * sp_dtype_size(p->t->dtype);
        if (sp_dst_write(r->w->dst, p->out, bytes, &s->error) < 0)
            sp_err_set(&s->error, SP_ESYSTEM, "unknown error");
    }
    if (s->error.code) {
        r->error = s->error;
        r->failed = true;
    }
    if (p->at + p->n == p->t->numel) sp_progress_at(&r->bar, (double)(p->i + 1));
}

/* ---- the walk ------------------------------------------------------------------------- */

/* Find the piece's tensor in the inputs, by name and shape: sets index, -1 where an input has none,
 * and dtype. Inputs that follow another one (w->with) lose theirs where that one has none. */
static void find(const sp_walk *w, slot *s)
{
    for (size_t k = 0; k < w->n_in; k++) {
        int64_t i = sp_src_find(w->in[k], s->p.t->name);
        const sp_tinfo *t = i < 0 ? NULL : sp_src_info(w->in[k], (size_t)i);
        s->index[k] = t && sp_same_shape(t, s->p.t) ? i : -1;
        if (t) s->dtype[k] = t->dtype;
        s->p.in[k] = NULL;
    }
    for (size_t k = 0; w->with && k < w->n_in; k++)
        if (s->index[w->with[k]] < 0) s->index[k] = -1;
}

/* How many elements make a piece: what step() says, or as many as keep the widest of all streams
 * within SP_PIECE_BYTES. */
static uint64_t step(const sp_walk *w, const sp_piece *p)
{
    if (w->step) return w->step(p, w->ctx);
    size_t widest = sp_dtype_size(p->t->dtype);
    for (size_t k = 0; k < w->n_in; k++)
        if (p->index[k] >= 0) widest = SP_MAX(widest, sp_dtype_size(p->dtype[k]));
    return SP_PIECE_BYTES / widest;
}

/* Post the piece of tensor i that begins at `at`. Returns where the next begins. After a pipe has
 * failed, nothing may be read from it: wait until the error has come through. */
static uint64_t post(walk *r, sp_queue *q, size_t i, uint64_t at)
{
    const sp_walk *w = r->w;
    slot *s = &r->slots[sp_queue_slot(q)];
    s->p.t = w->dst ? sp_dst_info(w->dst, i) : sp_src_info(w->in[0], i);
    s->p.i = i;
    s->p.at = at;
    find(w, s);
    s->p.n = SP_MIN(step(w, &s->p), s->p.t->numel - at);
    bool ok = true;
    for (size_t k = 0; ok && k < w->n_in; k++)
        if (s->index[k] >= 0 && !sp_src_parallel(w->in[k])) ok = read_input(r, s, k, &s->in[k]);
    sp_queue_post(q);
    if (!ok) sp_queue_drain(q);
    return at + s->p.n;
}

/* Make the slots and the buffers' descriptors; buffers get their memory when first used. end()
 * frees all. The arrays in a slot's piece that fn sees as const are the slot's own. */
static void begin(walk *r)
{
    size_t n_in = r->w->n_in;
    r->slots = sp_xcalloc(r->depth, sizeof *r->slots);
    r->in = sp_xcalloc(r->threads * n_in, sizeof *r->in);
    for (size_t i = 0; i < r->depth; i++) {
        slot *s = &r->slots[i];
        s->p.index = s->index = sp_xarray(n_in, sizeof *s->index);
        s->p.dtype = s->dtype = sp_xcalloc(n_in, sizeof *s->dtype);
        s->p.in = sp_xcalloc(n_in, sizeof *s->p.in);
        s->in = sp_xcalloc(n_in, sizeof *s->in);
    }
}

/* Free what begin() made, and the memory of the buffers. */
static void end(walk *r)
{
    size_t n_in = r->w->n_in;
    for (size_t i = 0; i < r->depth; i++) {
        slot *s = &r->slots[i];
        for (size_t k = 0; k < n_in; k++) free(s->in[k].p);
        free(s->index);
        free(s->dtype);
        free(s->p.in);
        free(s->in);
        free(s->out.p);
    }
    for (size_t k = 0; k < r->threads * n_in; k++) free(r->in[k].p);
    free(r->slots);
    free(r->in);
}

int sp_walk_run(const sp_walk *w, sp_err *e)
{
    size_t threads = w->step ? 1 : (size_t)omp_get_max_threads(), count = sp_src_count(w->in[0]);
    walk r = {.w = w, .threads = threads, .depth = w->step ? 1 : 2 * threads};
    begin(&r);
    sp_queue *q = sp_queue_new(&(sp_jobs){work_on, finish, &r, r.depth, (int)threads});
    sp_progress_start(&r.bar, w->what, "tensors", (double)count);
    for (size_t i = 0; i < count && !r.failed; i++) {
        uint64_t at = 0,
                 numel = w->dst ? sp_dst_info(w->dst, i)->numel : sp_src_info(w->in[0], i)->numel;
        /* an empty tensor is one piece of no elements: fn sees every tensor */
        do at = post(&r, q, i, at);
        while (at < numel && !r.failed);
    }
    sp_queue_drain(q);
    sp_progress_end(&r.bar);
    sp_queue_free(q);
    end(&r);
    if (r.failed) sp_err_set(e, r.error.code, "%s", r.error.msg);
    return r.failed ? -1 : 0;
}

int sp_walk_complete(const sp_walk *w, sp_err *e)
{
    int rc = sp_walk_run(w, e);
    for (size_t k = 0; rc == 0 && k < w->n_in; k++) rc = sp_src_end(w->in[k], e);
    /* the output gets its name only after all inputs have proved complete */
    if (rc < 0) sp_dst_abort(w->dst);
    else if (w->dst) rc = sp_dst_finish(w->dst, e);
    for (size_t k = 0; k < w->n_in; k++) sp_src_close(w->in[k]);
    return rc;
}

uint64_t sp_walk_steps(const sp_piece *p, void *ctx)
{
    (void)p, (void)ctx;
    return SP_STEP;
}
