/* in.c - see in.h.
 *
 * Bytes go through a buffer of IN_BUF, from which they are copied (raw) or decompressed; large raw
 * reads skip the buffer. Whether the input is zstd is decided at the first read, not when it is
 * opened: the first bytes of a pipe may be long in coming.
 */
#include "io/in.h"

#include "base/base.h"
#include "io/foreign.h"
#include "io/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#define IN_BUF (256u << 10)
#define JUNK   (4u << 20) /* bytes that sp_in_skip reads at a time */

struct sp_in {
    int fd;
    char *name;
    ZSTD_DCtx *z;      /* NULL when the input is raw */
    size_t unfinished; /* 0: between two frames; else in the middle of one */
    bool is_stdin;
    bool detected; /* z has been decided */
    bool eof;      /* read(2) has returned 0 */
    uint8_t *buf;  /* IN_BUF bytes, of which [pos, len) are still to be used */
    size_t pos, len;
};

static bool stdin_taken; /* two readers would each get some of its bytes */

/* Opening a directory succeeds, and only reading it would fail, with a message of the kernel's.
 * Standard input is read through a duplicate of its descriptor, so that closing the reader leaves
 * it open. */
sp_in *sp_in_open(const char *path, sp_err *e)
{
    bool is_stdin = !strcmp(path, "-");
    const char *name = is_stdin ? "standard input" : path;
    struct stat st;
    if (is_stdin && stdin_taken)
        return sp_fail(e, SP_EUSAGE, "standard input can be given only once"), NULL;
    int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return sp_fail_open(e, name, errno), NULL;
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

/* One read(2), repeated if a signal interrupts it. Returns the count, at most n; 0 at the end of
 * the file (then eof is set); -1 on error. */
static ssize_t read_some(sp_in *in, void *p, size_t n, sp_err *e)
{
    ssize_t r;
    do r = read(in->fd, p, n);
    while (r < 0 && errno == EINTR);
    if (r < 0) return sp_fail(e, SP_ESYSTEM, "%s: %s", in->name, strerror(errno));
    if (r == 0) in->eof = true;
    return r;
}

/* Fill the buffer anew, which must have been used up: what is left in it is lost. 1, 0 at the end,
 * -1. */
static int fill(sp_in *in, sp_err *e)
{
    in->pos = in->len = 0;
    ssize_t r = read_some(in, in->buf, IN_BUF, e);
    if (r > 0) in->len = (size_t)r;
    return r > 0 ? 1 : (int)r;
}

/* Decide by the first four bytes whether the input is zstd, and make a decoder if it is. A pipe may
 * deliver them one at a time. They stay in the buffer, where the first read finds them. 0 or -1. */
static int detect(sp_in *in, sp_err *e)
{
    in->detected = true;
    while (in->len < 4 && !in->eof) {
        ssize_t r = read_some(in, in->buf + in->len, IN_BUF - in->len, e);
        if (r < 0) return -1;
        in->len += (size_t)r;
    }
    if (!sp_is_zstd(in->buf, in->len)) return 0;
    in->z = ZSTD_createDCtx();
    return in->z ? 0 : sp_fail(e, SP_ESYSTEM, "out of memory");
}

/* Up to n bytes to dst: fewer only at the end. A request as large as the buffer skips it. */
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

/* Decompress from the buffer, as far as it goes or *out has space, and note in `unfinished` whether
 * a frame is still open. Bytes that are no frame are trailing garbage if they stand between two
 * frames; anything else the decoder refuses is corrupt. 0 or -1. */
static int decompress(sp_in *in, ZSTD_outBuffer *out, sp_err *e)
{
    ZSTD_inBuffer src = {in->buf + in->pos, in->len - in->pos, 0};
    bool between = !in->unfinished;
    in->unfinished = ZSTD_decompressStream(in->z, out, &src);
    in->pos += src.pos;
    if (!ZSTD_isError(in->unfinished)) return 0;
    if (between && ZSTD_getErrorCode(in->unfinished) == ZSTD_error_prefix_unknown)
        return sp_fail(e, SP_EINPUT, "%s: trailing garbage after the zstd data", in->name);
    return sp_fail(e, SP_EINPUT, "%s: corrupt zstd data (%s)", in->name,
                   ZSTD_getErrorName(in->unfinished));
}

/* The same of zstd data. Where the file ends in the middle of a frame, the data have been cut.
 * (While the decoder holds data that dst had no space for, it leaves a byte of the frame unread,
 * so that `unfinished` cannot be taken for a cut.) */
static ssize_t read_zstd(sp_in *in, uint8_t *dst, size_t n, sp_err *e)
{
    ZSTD_outBuffer out = {dst, n, 0};
    while (out.pos < n) {
        if (in->pos == in->len) {
            int r = in->eof ? 0 : fill(in, e);
            if (r < 0) return -1;
            if (r == 0 && in->unfinished)
                return sp_fail(e, SP_EINPUT, "%s: truncated zstd data", in->name);
            if (r == 0) break;
        }
        if (decompress(in, &out, e) < 0) return -1;
    }
    return (ssize_t)out.pos;
}

/* Up to n bytes of data to buf; fewer only at a clean end. -1 on error. */
static ssize_t read_any(sp_in *in, void *dst, size_t n, sp_err *e)
{
    if (!in->detected && detect(in, e) < 0) return -1;
    return in->z ? read_zstd(in, dst, n, e) : read_raw(in, dst, n, e);
}

/* The one place that turns "fewer than asked for" into an error; sp_in_some leaves it to the
 * caller.
 */
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

/* By reading: a pipe cannot seek, and compressed bytes must be decompressed for their checksum. */
int sp_in_skip(sp_in *in, uint64_t n, sp_err *e)
{
    size_t cap = SP_MIN(n, (uint64_t)JUNK);
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

/* To ask for one byte more also makes the decoder read the rest of the last frame: its checksum,
 * and frames without data behind it. */
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
