/* zfile.c - see zfile.h. */
#include "zfile.h"

#include "zio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#define MAX_FRAME (64u << 20) /* larger frames are not worth a random access, and would need that much memory */
#define STRETCH (1u << 20)    /* bytes of a raw file that one thread reads at a time */

typedef struct {
    uint64_t at, out; /* where the frame begins in the file, and in the data */
} frame;

struct sp_file {
    char *name;
    int fd;
    const uint8_t *map;
    size_t map_len;
    uint64_t size;
    size_t n_frames; /* 0 = raw */
    frame *frames;   /* n_frames + 1 */
    bool *seen;      /* frames that have been decompressed */
    uint8_t *cache;  /* one decompressed frame */
    size_t cached, cache_cap;
};

/* Give back the pages of [from, to): what has been read must not count as memory in use. */
static void release(const sp_file *f, uint64_t from, uint64_t to)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    from -= from % page;
    if (to > from) madvise((void *)(f->map + from), (size_t)(to - from), MADV_DONTNEED);
}

/* Fill the frame table. 1, 0 when the file cannot be indexed, -1. */
static int index_frames(sp_file *f, sp_err *e)
{
    size_t at = 0, cap = 0, mapped = 0;
    uint64_t out = 0;
    while (at < f->map_len) {
        const uint8_t *p = f->map + at;
        size_t left = f->map_len - at, size = ZSTD_findFrameCompressedSize(p, left);
        if (ZSTD_isError(size) && at > 0 && !sp_is_zstd(p, left))
            return sp_fail(e, SP_EINPUT, "%s: trailing garbage after the zstd data", f->name);
        if (ZSTD_isError(size))
            return sp_fail(e, SP_EINPUT, "%s: %s zstd data", f->name,
                           ZSTD_getErrorCode(size) == ZSTD_error_srcSize_wrong ? "truncated" : "corrupt");
        unsigned long long content = ZSTD_getFrameContentSize(p, left);
        if (content == ZSTD_CONTENTSIZE_ERROR) return sp_fail(e, SP_EINPUT, "%s: corrupt zstd data", f->name);
        if (content > MAX_FRAME) return 0; /* ZSTD_CONTENTSIZE_UNKNOWN is the largest number */
        if (f->n_frames + 2 > cap) f->frames = sp_xrealloc(f->frames, (cap = 2 * cap + 16) * sizeof *f->frames);
        f->frames[f->n_frames++] = (frame){at, out};
        at += size;
        out += content;
        if (at - mapped < MAX_FRAME) continue;
        release(f, mapped, at); /* a header in every few pages maps them all */
        mapped = at;
    }
    f->frames[f->n_frames] = (frame){at, out};
    f->size = out;
    f->cached = f->n_frames;
    f->seen = sp_xcalloc(f->n_frames, sizeof *f->seen);
    return 1;
}

int sp_file_open(sp_file **result, const char *path, sp_err *e)
{
    bool is_stdin = !strcmp(path, "-");
    struct stat st;
    if ((is_stdin ? fstat(STDIN_FILENO, &st) : stat(path, &st)) < 0)
        return sp_fail(e, sp_open_code(errno), "%s: %s", is_stdin ? "standard input" : path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0) return 0;
    if (is_stdin && lseek(STDIN_FILENO, 0, SEEK_CUR) != 0) return 0;
    int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return sp_fail(e, sp_open_code(errno), "%s: %s", path, strerror(errno));
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        sp_fail(e, SP_ESYSTEM, "%s: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    sp_file *f = sp_xcalloc(1, sizeof *f);
    f->fd = fd;
    f->name = sp_xstrdup(is_stdin ? "standard input" : path);
    f->map = map;
    f->size = f->map_len = (size_t)st.st_size;
    int rc = sp_is_zstd(f->map, f->map_len) ? index_frames(f, e) : 1;
    release(f, 0, f->map_len);
    if (rc == 1) *result = f;
    else sp_file_close(f);
    return rc;
}

uint64_t sp_file_size(const sp_file *f) { return f->size; }
const uint8_t *sp_file_map(const sp_file *f) { return f->n_frames ? NULL : f->map; }

/* Decompress frame i into dst, which has room for it. */
static bool decode(const sp_file *f, size_t i, void *dst)
{
    const frame *fr = &f->frames[i];
    size_t want = (size_t)(fr[1].out - fr[0].out);
    return f->seen[i] = ZSTD_decompress(dst, want, f->map + fr[0].at, (size_t)(fr[1].at - fr[0].at)) == want;
}

/* The frame that holds byte `at` of the data. */
static size_t frame_of(const sp_file *f, uint64_t at)
{
    size_t lo = 0, hi = f->n_frames;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (f->frames[mid].out <= at) lo = mid;
        else hi = mid;
    }
    return lo;
}

/* What of frame i lies in [at, at + n), through the cache. */
static bool read_partial(sp_file *f, size_t i, uint64_t at, uint8_t *buf, size_t n)
{
    uint64_t begin = f->frames[i].out, end = f->frames[i + 1].out;
    if (f->cached != i) {
        if (end - begin > f->cache_cap) f->cache = sp_xrealloc(f->cache, f->cache_cap = (size_t)(end - begin));
        f->cached = f->n_frames;
        if (!decode(f, i, f->cache)) return false;
        f->cached = i;
    }
    uint64_t from = SP_MAX(at, begin), to = SP_MIN(at + n, end);
    memcpy(buf + (from - at), f->cache + (from - begin), (size_t)(to - from));
    return true;
}

static bool read_frames(sp_file *f, uint64_t at, uint8_t *buf, size_t n)
{
    size_t first = frame_of(f, at), last = frame_of(f, at + n - 1);
    size_t whole0 = f->frames[first].out == at ? first : first + 1;
    size_t whole1 = f->frames[last + 1].out == at + n ? last + 1 : last; /* frames [whole0, whole1) lie inside */
    bool ok = true;
#pragma omp parallel for schedule(dynamic, 1) reduction(&& : ok) if (whole1 > whole0 + 1)
    for (size_t i = whole0; i < whole1; i++) ok = ok && decode(f, i, buf + (f->frames[i].out - at));
    if (first < whole0) ok = ok && read_partial(f, first, at, buf, n);
    if (last >= whole1 && last >= whole0) ok = ok && read_partial(f, last, at, buf, n);
    release(f, f->frames[first].at, f->frames[last + 1].at);
    return ok;
}

/* Raw bytes by read(2), which is cheaper than touching the map for the first time. */
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

/* The kernel copies as many stretches at a time as there are threads. */
static int read_raw(const sp_file *f, uint64_t at, uint8_t *buf, size_t n, sp_err *e)
{
    int rc = 0;
#pragma omp parallel for schedule(static) if (n > STRETCH)
    for (size_t from = 0; from < n; from += STRETCH) {
        sp_err own = {0};
        if (read_stretch(f, at + from, buf + from, SP_MIN(n - from, (size_t)STRETCH), &own) == 0) continue;
#pragma omp critical(sp_read_raw)
        rc = sp_fail(e, own.code, "%s", own.msg);
    }
    return rc;
}

int sp_file_read(sp_file *f, uint64_t at, void *buf, size_t n, sp_err *e)
{
    if (at > f->size || n > f->size - at)
        return sp_fail(e, SP_EINPUT, "%s: truncated (%llu bytes, at least %llu expected)", f->name, (unsigned long long)f->size,
                       (unsigned long long)at + n);
    if (n == 0) return 0;
    if (!f->n_frames) return read_raw(f, at, buf, n, e);
    return read_frames(f, at, buf, n) ? 0 : sp_fail(e, SP_EINPUT, "%s: corrupt zstd data", f->name);
}

static bool verify_frame(const sp_file *f, size_t i)
{
    void *junk = sp_xmalloc((size_t)(f->frames[i + 1].out - f->frames[i].out));
    bool ok = decode(f, i, junk);
    free(junk);
    release(f, f->frames[i].at, f->frames[i + 1].at);
    return ok;
}

int sp_file_verify(sp_file *f, sp_err *e)
{
    bool ok = true;
#pragma omp parallel for schedule(dynamic, 1) reduction(&& : ok)
    for (size_t i = 0; i < f->n_frames; i++) ok = ok && (f->seen[i] || verify_frame(f, i));
    return ok ? 0 : sp_fail(e, SP_EINPUT, "%s: corrupt zstd data", f->name);
}

void sp_file_close(sp_file *f)
{
    if (!f) return;
    munmap((void *)f->map, f->map_len);
    close(f->fd);
    free(f->name);
    free(f->frames);
    free(f->seen);
    free(f->cache);
    free(f);
}
