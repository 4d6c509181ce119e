/* out.c - see out.h.
 *
 * Bytes are gathered into frames. A full frame is posted to the queue, whose threads compress it
 * (compress_frame) and write it in its turn (write_frame). A raw output has no queue: small pieces
 * are gathered, large ones go straight to write(2).
 */
#include "io/out.h"

#include "base/base.h"
#include "base/queue.h"
#include "io/target.h"

#include <errno.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define GATHER (64u << 10) /* bytes of raw output that are worth a write(2) of their own */

/* A slot of the queue: a frame before and after compression. */
typedef struct {
    uint8_t *data, *packed; /* SP_FRAME bytes and what they may become; made when first used */
    size_t len, size;       /* bytes at data, and at packed (or zstd's error) */
} out_frame;

struct sp_out {
    sp_target to;
    int level, threads;
    /* what is being gathered, len of cap bytes: the data of the next frame, or small pieces of a
     * raw output. NULL: the slot for the next frame has not been taken */
    uint8_t *data;
    size_t cap, len;
    bool started; /* something has been posted or written */
    /* zstd only: */
    sp_queue *queue;
    size_t slot, depth; /* where data lies, if it is there; how many slots there are */
    out_frame *frames;  /* by slot */
    ZSTD_CCtx **ctx;    /* by thread */
    sp_err error;       /* of the first frame that failed; complete once `failed` is true */
    atomic_bool failed; /* nothing more is written */
};

/* The queue goes first: its threads use everything else. */
static void out_free(sp_out *o)
{
    sp_queue_free(o->queue);
    for (int i = 0; o->ctx && i < o->threads; i++) ZSTD_freeCCtx(o->ctx[i]);
    for (size_t i = 0; i < o->depth; i++) {
        free(o->frames[i].data);
        free(o->frames[i].packed);
    }
    if (!o->level) free(o->data);
    free(o->ctx);
    free(o->frames);
    free(o);
}

/* write(2) until all n bytes are written. */
static int write_all(sp_out *o, const uint8_t *p, size_t n, sp_err *e)
{
    while (n > 0) {
        ssize_t w = write(o->to.fd, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) return sp_fail(e, SP_ESYSTEM, "%s: %s", o->to.name, strerror(errno));
        p += w;
        n -= (size_t)w;
    }
    return 0;
}

/* The queue's work. */
static void compress_frame(void *ctx, size_t slot, int thread)
{
    sp_out *o = ctx;
    out_frame *f = &o->frames[slot];
    if (!f->packed) f->packed = sp_xmalloc(ZSTD_compressBound(SP_FRAME));
    f->size =
        ZSTD_compress2(o->ctx[thread], f->packed, ZSTD_compressBound(SP_FRAME), f->data, f->len);
}

/* The queue's finish: one at a time, in order. */
static void write_frame(void *ctx, size_t slot)
{
    sp_out *o = ctx;
    const out_frame *f = &o->frames[slot];
    if (o->failed) return;
    int rc = ZSTD_isError(f->size)
                 ? sp_fail(&o->error, SP_ESYSTEM, "zstd: %s", ZSTD_getErrorName(f->size))
                 : write_all(o, f->packed, f->size, &o->error);
    if (rc < 0) o->failed = true;
}

static int start_zstd(sp_out *o, sp_err *e)
{
    /* two slots more than threads: one that is being filled, one that waits to be written */
    o->depth = (size_t)o->threads + 2;
    o->frames = sp_xcalloc(o->depth, sizeof *o->frames);
    o->ctx = sp_xcalloc((size_t)o->threads, sizeof *o->ctx);
    for (int i = 0; i < o->threads; i++) {
        if (!(o->ctx[i] = ZSTD_createCCtx())) return sp_fail(e, SP_ESYSTEM, "out of memory");
        ZSTD_CCtx_setParameter(o->ctx[i], ZSTD_c_compressionLevel, o->level);
        ZSTD_CCtx_setParameter(o->ctx[i], ZSTD_c_contentSizeFlag, 1);
        ZSTD_CCtx_setParameter(o->ctx[i], ZSTD_c_checksumFlag, 1);
    }
    o->queue = sp_queue_new(&(sp_jobs){compress_frame, write_frame, o, o->depth, o->threads});
    return 0;
}

/* At most 32 threads: they compress more than disks take (at level 1 some 270 MB/s each), and every
 * slot costs 8 MiB. */
sp_out *sp_out_open(const char *path, int level, sp_err *e)
{
    sp_out *o = sp_xcalloc(1, sizeof *o);
    o->level = level;
    o->threads = level ? SP_MIN(omp_get_max_threads(), 32) : 1;
    o->cap = level ? SP_FRAME : GATHER;
    if (sp_target_open(&o->to, path, e) < 0) goto fail;
    if (isatty(o->to.fd)) {
        sp_fail(e, SP_EUSAGE, "%s is a terminal: not writing tensors to it (use -o or a pipe)",
                o->to.name);
        goto fail;
    }
    if (level && start_zstd(o, e) < 0) goto fail;
    if (!level) o->data = sp_xmalloc(o->cap);
    return o;
fail:
    sp_out_abort(o);
    return NULL;
}

/* The error of a frame that failed on another thread, if there is one. */
static int report(const sp_out *o, sp_err *e)
{
    return o->failed ? sp_fail(e, o->error.code, "%s", o->error.msg) : 0;
}

/* Have a place to gather bytes in: of a zstd output the data of the next free slot. */
static int need_data(sp_out *o, sp_err *e)
{
    if (o->data) return 0;
    o->slot = sp_queue_slot(o->queue);
    out_frame *f = &o->frames[o->slot];
    if (!f->data) f->data = sp_xmalloc(SP_FRAME);
    o->data = f->data;
    return report(o, e);
}

/* Send what has been gathered on its way: a frame to the queue, raw bytes to the file. */
static int flush(sp_out *o, sp_err *e)
{
    size_t n = o->len;
    o->len = 0;
    o->started = true;
    if (!o->level) return write_all(o, o->data, n, e);
    o->frames[o->slot].len = n;
    o->data = NULL;
    sp_queue_post(o->queue);
    return 0;
}

/* Fill up what is being gathered, flush it when it is full, and so on. */
int sp_out_write(sp_out *o, const void *buf, size_t n, sp_err *e)
{
    const uint8_t *p = buf;
    while (n > 0) {
        if (!o->level && !o->len && n >= o->cap) { /* raw and much: no need to gather it first */
            o->started = true;
            return write_all(o, p, n, e);
        }
        if (need_data(o, e) < 0) return -1;
        size_t take = SP_MIN(n, o->cap - o->len);
        memcpy(o->data + o->len, p, take);
        o->len += take;
        p += take;
        n -= take;
        if (o->len == o->cap && flush(o, e) < 0) return -1;
    }
    return 0;
}

/* The last frame is posted although it is not full. Every error that a thread met shows here,
 * before the file gets its name. */
int sp_out_finish(sp_out *o, sp_err *e)
{
    bool ok = true;
    /* even nothing at all is one valid frame */
    if (o->len || !o->started) ok = need_data(o, e) == 0 && flush(o, e) == 0;
    if (ok && o->level) {
        sp_queue_drain(o->queue);
        ok = report(o, e) == 0;
    }
    sp_queue_free(o->queue); /* nobody writes when the descriptor goes */
    o->queue = NULL;
    int rc = sp_target_close(&o->to, ok, e);
    out_free(o);
    return rc;
}

/* The queue first, as in sp_out_finish: a thread may be writing. */
void sp_out_abort(sp_out *o)
{
    if (!o) return;
    sp_queue_free(o->queue);
    o->queue = NULL;
    sp_target_abort(&o->to);
    out_free(o);
}
