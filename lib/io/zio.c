/* zio.c - see zio.h. */
#include "io/zio.h"

#include "base/cleanup.h"
#include "base/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#define IN_BUF (256u << 10)
#define GATHER (64u << 10) /* bytes of raw output that are worth a write(2) of their own */

/* ---- reading -------------------------------------------------------------------------- */

struct sp_in {
    int fd;
    char *name;
    ZSTD_DCtx *z;      /* NULL when the stream is raw */
    size_t unfinished; /* 0 = between two frames, else what the decoder still hopes for */
    bool is_stdin, raw_known, eof;
    uint8_t *buf;
    size_t pos, len;
};

int sp_open_code(int err)
{
    return err == ENOMEM || err == EMFILE || err == ENFILE || err == EIO ? SP_ESYSTEM : SP_EINPUT;
}

bool sp_is_zstd(const void *p, size_t n)
{
    const uint8_t *b = p;
    if (n < 4) return false;
    uint32_t magic =
        (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return magic == ZSTD_MAGICNUMBER ||
           (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static bool stdin_taken; /* two readers would each get a part of it */

sp_in *sp_in_open(const char *path, sp_err *e)
{
    bool is_stdin = !strcmp(path, "-");
    const char *name = is_stdin ? "standard input" : path;
    struct stat st;
    if (is_stdin && stdin_taken)
        return sp_fail(e, SP_EUSAGE, "standard input can be given only once"), NULL;
    int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return sp_fail(e, sp_open_code(errno), "%s: %s", name, strerror(errno)), NULL;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return sp_fail(e, SP_EINPUT, "%s: is a directory", name), NULL;
    }
    sp_in *in = sp_xcalloc(1, sizeof *in);
    in->fd = fd;
    in->is_stdin = is_stdin;
    stdin_taken |= is_stdin;
    in->name = sp_xstrdup(name);
    in->buf = sp_xmalloc(IN_BUF);
    return in;
}

/* read(2) until something came. Returns the count, 0 at the end, -1. */
static ssize_t read_some(sp_in *in, void *p, size_t n, sp_err *e)
{
    ssize_t r;
    do r = read(in->fd, p, n);
    while (r < 0 && errno == EINTR);
    if (r < 0) return sp_fail(e, SP_ESYSTEM, "%s: %s", in->name, strerror(errno));
    if (r == 0) in->eof = true;
    return r;
}

static int fill(sp_in *in, sp_err *e)
{
    in->pos = in->len = 0;
    ssize_t r = read_some(in, in->buf, IN_BUF, e);
    if (r > 0) in->len = (size_t)r;
    return r > 0 ? 1 : (int)r;
}

/* The first bytes decide. A pipe may deliver them one at a time. */
static int detect(sp_in *in, sp_err *e)
{
    in->raw_known = true;
    while (in->len < 4 && !in->eof) {
        ssize_t r = read_some(in, in->buf + in->len, IN_BUF - in->len, e);
        if (r < 0) return -1;
        in->len += (size_t)r;
    }
    if (!sp_is_zstd(in->buf, in->len)) return 0;
    in->z = ZSTD_createDCtx();
    return in->z ? 0 : sp_fail(e, SP_ESYSTEM, "out of memory");
}

static ssize_t read_raw(sp_in *in, uint8_t *dst, size_t n, sp_err *e)
{
    size_t got = 0;
    while (got < n) {
        if (in->pos < in->len) {
            size_t take = SP_MIN(n - got, in->len - in->pos);
            memcpy(dst + got, in->buf + in->pos, take);
            in->pos += take;
            got += take;
            continue;
        }
        if (in->eof) break;
        bool direct = n - got >= IN_BUF;
        ssize_t r = direct ? read_some(in, dst + got, n - got, e) : fill(in, e);
        if (r < 0) return -1;
        if (direct) got += (size_t)r;
    }
    return (ssize_t)got;
}

static ssize_t read_zstd(sp_in *in, uint8_t *dst, size_t n, sp_err *e)
{
    ZSTD_outBuffer out = {dst, n, 0};
    while (out.pos < n) {
        if (in->pos == in->len) {
            int r = in->eof ? 0 : fill(in, e);
            if (r < 0) return -1;
            if (r == 0) {
                if (in->unfinished)
                    return sp_fail(e, SP_EINPUT, "%s: truncated zstd data", in->name);
                break;
            }
        }
        ZSTD_inBuffer src = {in->buf + in->pos, in->len - in->pos, 0};
        bool between = !in->unfinished;
        in->unfinished = ZSTD_decompressStream(in->z, &out, &src);
        if (ZSTD_isError(in->unfinished)) {
            if (between && ZSTD_getErrorCode(in->unfinished) == ZSTD_error_prefix_unknown)
                return sp_fail(e, SP_EINPUT, "%s: trailing garbage after the zstd data", in->name);
            return sp_fail(e, SP_EINPUT, "%s: corrupt zstd data (%s)", in->name,
                           ZSTD_getErrorName(in->unfinished));
        }
        in->pos += src.pos;
    }
    return (ssize_t)out.pos;
}

static ssize_t read_any(sp_in *in, void *dst, size_t n, sp_err *e)
{
    if (!in->raw_known && detect(in, e) < 0) return -1;
    return in->z ? read_zstd(in, dst, n, e) : read_raw(in, dst, n, e);
}

int sp_in_read(sp_in *in, void *buf, size_t n, sp_err *e)
{
    ssize_t got = read_any(in, buf, n, e);
    if (got < 0) return -1;
    if (got == 0 && n > 0) return 0;
    if ((size_t)got < n)
        return sp_fail(e, SP_EINPUT, "%s: truncated (%zd of %zu bytes)", in->name, got, n);
    return 1;
}

int64_t sp_in_some(sp_in *in, void *buf, size_t n, sp_err *e) { return read_any(in, buf, n, e); }

int sp_in_skip(sp_in *in, uint64_t n, sp_err *e)
{
    size_t cap = SP_MIN(n, (uint64_t)SP_FRAME);
    uint8_t *junk = sp_xmalloc(cap);
    while (n > 0) {
        size_t take = SP_MIN(n, (uint64_t)cap);
        int r = sp_in_read(in, junk, take, e);
        if (r <= 0) {
            free(junk);
            return r < 0 ? -1 : sp_fail(e, SP_EINPUT, "%s: truncated", in->name);
        }
        n -= take;
    }
    free(junk);
    return 0;
}

int sp_in_end(sp_in *in, sp_err *e)
{
    uint8_t extra;
    ssize_t r = read_any(in, &extra, 1, e);
    if (r > 0)
        return sp_fail(e, SP_EINPUT, "%s: data after the end of what its header describes",
                       in->name);
    return (int)r;
}

const char *sp_in_name(const sp_in *in) { return in->name; }

void sp_in_close(sp_in *in)
{
    if (!in) return;
    if (in->is_stdin) stdin_taken = false;
    close(in->fd);
    ZSTD_freeDCtx(in->z);
    free(in->name);
    free(in->buf);
    free(in);
}

/* ---- the target of an output: standard output, a device or FIFO, or a temporary name beside the
 * final one ---- */

typedef struct {
    int fd;
    char *name; /* for messages */
    char *path; /* NULL when there is nothing to rename */
    char *tmp;
} target;

static int target_open(target *t, const char *path, sp_err *e)
{
    static int serial;
    struct stat st;
    *t = (target){.fd = STDOUT_FILENO};
    if (!path || !strcmp(path, "-")) {
        t->name = sp_xstrdup("standard output");
        return 0;
    }
    t->name = sp_xstrdup(path);
    bool exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode)) return sp_fail(e, SP_ESYSTEM, "%s: is a directory", path);
    if (exists && !S_ISREG(st.st_mode)) {
        t->fd = open(path, O_WRONLY | O_CLOEXEC);
        return t->fd < 0 ? sp_fail(e, SP_ESYSTEM, "%s: %s", path, strerror(errno)) : 0;
    }
    /* through a symbolic link, so that the link stays one */
    t->path = exists ? realpath(path, NULL) : NULL;
    if (!t->path) t->path = sp_xstrdup(path);
    t->tmp = sp_xasprintf("%s.tmp-%ld-%d", t->path, (long)getpid(), serial++);
    sp_cleanup_add(t->tmp);
    t->fd = open(t->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (t->fd < 0) return sp_fail(e, SP_ESYSTEM, "%s: %s", path, strerror(errno));
    return 0;
}

static void target_free(target *t)
{
    if (t->tmp) sp_cleanup_drop(t->tmp);
    free(t->name);
    free(t->path);
    free(t->tmp);
    *t = (target){.fd = -1};
}

static void target_abort(target *t)
{
    if (t->fd > STDOUT_FILENO) close(t->fd);
    if (t->tmp) unlink(t->tmp);
    target_free(t);
}

/* Give the file its final name (or remove it when `ok` is false) and release t. */
static int target_close(target *t, bool ok, sp_err *e)
{
    int fd = t->fd;
    t->fd = -1;
    if (fd > STDOUT_FILENO && close(fd) < 0 && ok)
        ok = !sp_fail(e, SP_ESYSTEM, "%s: %s", t->name, strerror(errno));
    if (ok && t->tmp && rename(t->tmp, t->path) < 0)
        ok = !sp_fail(e, SP_ESYSTEM, "%s: %s", t->name, strerror(errno));
    if (!ok) return target_abort(t), -1;
    target_free(t);
    return 0;
}

/* ---- writing -------------------------------------------------------------------------- */

typedef struct {
    /* a frame before and after compression; made when the slot is first used */
    uint8_t *data, *packed;
    size_t len, size;
} out_frame;

struct sp_out {
    target to;
    int level, threads;
    /* what is being gathered, len of cap bytes: the next frame's, or small pieces of a raw stream.
     * NULL: no slot taken */
    uint8_t *data;
    size_t cap, len;
    bool started;
    sp_queue *queue; /* of frames: gathered, compressed, written */
    size_t slot, depth;
    out_frame *frames;
    ZSTD_CCtx **ctx; /* one a thread */
    sp_err error;    /* of the first frame that failed */
    atomic_bool failed;
};

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

static void compress_frame(void *ctx, size_t slot, int thread)
{
    sp_out *o = ctx;
    out_frame *f = &o->frames[slot];
    if (!f->packed) f->packed = sp_xmalloc(ZSTD_compressBound(SP_FRAME));
    f->size =
        ZSTD_compress2(o->ctx[thread], f->packed, ZSTD_compressBound(SP_FRAME), f->data, f->len);
}

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

sp_out *sp_out_open(const char *path, int level, sp_err *e)
{
    sp_out *o = sp_xcalloc(1, sizeof *o);
    o->level = level;
    o->threads = level ? SP_MIN(omp_get_max_threads(), 32) : 1;
    o->cap = level ? SP_FRAME : GATHER;
    if (target_open(&o->to, path, e) < 0) goto fail;
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

static int report(const sp_out *o, sp_err *e)
{
    return o->failed ? sp_fail(e, o->error.code, "%s", o->error.msg) : 0;
}

/* A place to gather bytes in. */
static int need_data(sp_out *o, sp_err *e)
{
    if (o->data) return 0;
    o->slot = sp_queue_slot(o->queue);
    out_frame *f = &o->frames[o->slot];
    if (!f->data) f->data = sp_xmalloc(SP_FRAME);
    o->data = f->data;
    return report(o, e);
}

/* What has been gathered goes on its way, a frame to the queue. */
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
    int rc = target_close(&o->to, ok, e);
    out_free(o);
    return rc;
}

void sp_out_abort(sp_out *o)
{
    if (!o) return;
    sp_queue_free(o->queue);
    o->queue = NULL;
    target_abort(&o->to);
    out_free(o);
}

/* ---- text ----------------------------------------------------------------------------- */

void sp_text_open(sp_text *t, const char *path)
{
    sp_err e = {0};
    target to;
    if (target_open(&to, path, &e) < 0) sp_die_err(&e);
    t->f = to.fd == STDOUT_FILENO ? stdout : fdopen(to.fd, "w");
    if (!t->f) sp_die(SP_ESYSTEM, "%s: %s", to.name, strerror(errno));
    if (to.path) {
        free(to.name);
        t->path = to.path;
    } else t->path = to.name; /* nothing to rename, the name serves messages */
    t->tmp = to.tmp;
}

void sp_text_finish(sp_text *t)
{
    bool bad = fflush(t->f) || ferror(t->f);
    if (t->f != stdout) bad |= fclose(t->f) != 0;
    if (!bad && t->tmp) bad = rename(t->tmp, t->path) < 0;
    if (bad) sp_die(SP_ESYSTEM, "%s: %s", t->path, strerror(errno));
    if (t->tmp) sp_cleanup_drop(t->tmp);
    free(t->path);
    free(t->tmp);
    *t = (sp_text){0};
}
