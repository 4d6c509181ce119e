/* file.c - see file.h.
 *
 * A read of a zstd file falls into three parts: the frames that lie in it whole are decompressed
 * straight into the caller's buffer, in parallel; of the first and of the last frame a part may be
 * wanted, which comes out of the cache (frame_cache.h), because the next read will want the rest.
 *
 *     frames      |    0    |    1    |    2    |    3    |
 *     read             [ part |  whole  |  whole  | part ]
 */
#include "io/file.h"

#include "base/base.h"
#include "io/foreign.h"
#include "io/frame_cache.h"
#include "io/frames.h"
#include "io/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRETCH (1u << 20) /* bytes of a raw file that one thread reads at a time */

struct sp_file {
    char *name;
    int fd;
    const uint8_t *map;
    size_t map_size;       /* of the file */
    uint64_t size;         /* of the data */
    sp_frames frames;      /* of a zstd file; n = 0: raw */
    sp_frame_cache *cache; /* of them */
};

/* ---- open and close ------------------------------------------------------------------- */

/* Can the input be mapped and read anywhere? Standard input only from its beginning. */
static bool seekable(const struct stat *st, bool is_stdin)
{
    if (!S_ISREG(st->st_mode) || st->st_size == 0) return false;
    return !is_stdin || lseek(STDIN_FILENO, 0, SEEK_CUR) == 0;
}

/* The file of `size` bytes behind fd, mapped; it takes over fd. NULL with an error. */
static sp_file *map_file(int fd, const char *path, const char *name, size_t size, sp_err *e)
{
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        sp_fail(e, SP_ESYSTEM, "%s: %s", path, strerror(errno));
        close(fd);
        return NULL;
    }
    sp_file *f = sp_xcalloc(1, sizeof *f);
    *f = (sp_file){.name = sp_xstrdup(name), .fd = fd, .map = map, .map_size = size, .size = size};
    return f;
}

/* Make the table of frames. 1, 0 or -1, as sp_frames_index. */
static int index_file(sp_file *f, sp_err *e)
{
    int rc = sp_frames_index(&f->frames, f->name, f->map, f->map_size, e);
    if (rc < 1) return rc;
    f->size = sp_frames_size(&f->frames);
    f->cache = sp_frame_cache_new(&f->frames);
    return 1;
}

/* stat(2) goes before open(2), which would wait at a named pipe until somebody opens it for
 * writing. Looking at the headers has brought in pages all over the file, which are given back. */
int sp_file_open(sp_file **result, const char *path, sp_err *e)
{
    bool is_stdin = !strcmp(path, "-");
    const char *name = is_stdin ? "standard input" : path;
    struct stat st;
    if ((is_stdin ? fstat(STDIN_FILENO, &st) : stat(path, &st)) < 0)
        return sp_fail_open(e, name, errno);
    if (!seekable(&st, is_stdin)) return 0;
    int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return sp_fail_open(e, path, errno);
    sp_file *f = map_file(fd, path, name, (size_t)st.st_size, e);
    if (!f) return -1;
    int rc = sp_is_zstd(f->map, f->map_size) ? index_file(f, e) : 1;
    sp_frames_release(f->map, 0, f->map_size);
    if (rc == 1) *result = f;
    else sp_file_close(f);
    return rc;
}

void sp_file_close(sp_file *f)
{
    if (!f) return;
    sp_frame_cache_free(f->cache);
    sp_frames_free(&f->frames);
    munmap((void *)f->map, f->map_size);
    close(f->fd);
    free(f->name);
    free(f);
}

uint64_t sp_file_size(const sp_file *f) { return f->size; }
const uint8_t *sp_file_map(const sp_file *f) { return f->frames.n ? NULL : f->map; }

/* ---- compressed ----------------------------------------------------------------------- */

/* Copy what of frame i lies in [at, at + n) to its place in buf, which begins with byte `at`.
 * False: the frame is corrupt. */
static bool read_part(sp_file *f, size_t i, uint64_t at, uint8_t *buf, size_t n)
{
    uint64_t begin = f->frames.start[i].data, end = f->frames.start[i + 1].data;
    uint64_t from = SP_MAX(at, begin), to = SP_MIN(at + n, end);
    return sp_frame_cache_read(f->cache, i, (size_t)(from - begin), buf + (from - at),
                               (size_t)(to - from));
}

/* Decompress frames [first, end), in parallel, to their places in buf, which begins with byte `at`
 * of the data. False: one of them is corrupt. */
static bool read_whole(sp_file *f, size_t first, size_t end, uint8_t *buf, uint64_t at)
{
    bool ok = true;
#pragma omp parallel for schedule(dynamic, 1) reduction(&& : ok) if (end > first + 1)
    for (size_t i = first; i < end; i++)
        ok = ok && sp_frames_decode(&f->frames, i, buf + (f->frames.start[i].data - at));
    return ok;
}

/* Bytes [at, at + n), n > 0, of a zstd file. */
static bool read_frames(sp_file *f, uint64_t at, uint8_t *buf, size_t n)
{
    const sp_frame_start *start = f->frames.start;
    size_t first = sp_frames_find(&f->frames, at), last = sp_frames_find(&f->frames, at + n - 1);
    /* frames [whole, end) lie inside */
    size_t whole = start[first].data == at ? first : first + 1;
    size_t end = start[last + 1].data == at + n ? last + 1 : last;
    bool ok = true;
    if (end > whole) ok = read_whole(f, whole, end, buf, at);
    if (first < whole) ok = ok && read_part(f, first, at, buf, n);
    /* where first == last one part is all of it, and has been read */
    if (last >= end && last >= whole) ok = ok && read_part(f, last, at, buf, n);
    return ok;
}

/* Decompress frame i to memory that is then thrown away. False: it is corrupt. */
static bool verify_frame(const sp_file *f, size_t i)
{
    void *junk = sp_xmalloc(sp_frame_size(&f->frames, i));
    bool ok = sp_frames_decode(&f->frames, i, junk);
    free(junk);
    return ok;
}

int sp_file_verify(sp_file *f, sp_err *e)
{
    bool ok = true;
#pragma omp parallel for schedule(dynamic, 1) reduction(&& : ok)
    for (size_t i = 0; i < f->frames.n; i++) ok = ok && (f->frames.seen[i] || verify_frame(f, i));
    return ok ? 0 : sp_fail(e, SP_EINPUT, "%s: corrupt zstd data", f->name);
}

/* ---- raw ------------------------------------------------------------------------------ */

/* Read all of [at, at + n) by pread(2), which is cheaper than touching pages of the map for the
 * first time. The file may have become shorter since it was opened. 0 or -1. */
static int read_stretch(const sp_file *f, uint64_t at, uint8_t *buf, size_t n, sp_err *e)
{
    while (n > 0) {
        ssize_t r = pread(f->fd, buf, n, (off_t)at);
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) return sp_fail(e, SP_ESYSTEM, "%s: %s", f->name, strerror(errno));
        if (r == 0) return sp_fail(e, SP_EINPUT, "%s: truncated while it was read", f->name);
        buf += r;
        at += (uint64_t)r;
        n -= (size_t)r;
    }
    return 0;
}

/* The kernel copies as many stretches at a time as there are threads. Each stretch has an error of
 * its own; the first one to report it sets *e. 0 or -1. */
static int read_raw(const sp_file *f, uint64_t at, uint8_t *buf, size_t n, sp_err *e)
{
    int rc = 0;
    /* a parallel region costs several system calls */
    if (n <= STRETCH) return read_stretch(f, at, buf, n, e);
#pragma omp parallel for schedule(static)
    for (size_t from = 0; from < n; from += STRETCH) {
        sp_err own = {0};
        if (read_stretch(f, at + from, buf + from, SP_MIN(n - from, (size_t)STRETCH), &own) == 0)
            continue;
#pragma omp critical(sp_read_raw)
        rc = sp_fail(e, own.code, "%s", own.msg);
    }
    return rc;
}

/* ---- both ----------------------------------------------------------------------------- */

/* The bounds are compared by subtraction, because at + n could overflow. */
int sp_file_read(sp_file *f, uint64_t at, void *buf, size_t n, sp_err *e)
{
    if (at > f->size || n > f->size - at)
        return sp_fail(e, SP_EINPUT, "%s: truncated (%llu bytes, at least %llu expected)", f->name,
                       (unsigned long long)f->size, (unsigned long long)at + n);
    if (n == 0) return 0;
    if (!f->frames.n) return read_raw(f, at, buf, n, e);
    return read_frames(f, at, buf, n) ? 0 : sp_fail(e, SP_EINPUT, "%s: corrupt zstd data", f->name);
}
