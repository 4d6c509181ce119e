/* file.c - see file.h. */
#include "io/file.h"

#include "io/input.h"

#include <errno.h>
#include <fcntl.h>
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#define MAX_FRAME \
    (64u << 20) /* larger frames are not worth a random access, and would need that much memory */
#define STRETCH (1u << 20) /* bytes of a raw file that one thread reads at a time */

typedef struct {
    uint64_t at, out; /* where the frame begins in the file, and in the data */
} frame;

/* A frame kept decompressed, for reads that want parts of it. */
typedef struct {
    size_t frame; /* n_frames = none */
    uint8_t *data;
    size_t cap;
    bool ready; /* else a thread is decompressing it */
    int users;
    uint64_t used; /* when */
} held;

struct sp_file {
    char *name;
    int fd;
    const uint8_t *map;
    size_t map_len;
    uint64_t size;
    size_t n_frames; /* 0 = raw */
    frame *frames;   /* n_frames + 1 */
    bool *seen;      /* frames that have been decompressed */
    pthread_mutex_t lock;
    pthread_cond_t change; /* a frame has been decompressed, or let go */
    held *cache;
    size_t n_cache; /* one for each thread, and two that are ahead */
    uint64_t clock;
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
                           ZSTD_getErrorCode(size) == ZSTD_error_srcSize_wrong ? "truncated"
                                                                               : "corrupt");
        unsigned long long content = ZSTD_getFrameContentSize(p, left);
        if (content == ZSTD_CONTENTSIZE_ERROR)
            return sp_fail(e, SP_EINPUT, "%s: corrupt zstd data", f->name);
        if (content > MAX_FRAME) return 0; /* ZSTD_CONTENTSIZE_UNKNOWN is the largest number */
        if (f->n_frames + 2 > cap)
            f->frames = sp_xrealloc(f->frames, (cap = 2 * cap + 16) * sizeof *f->frames);
        f->frames[f->n_frames++] = (frame){at, out};
        at += size;
        out += content;
        if (at - mapped < MAX_FRAME) continue;
        release(f, mapped, at); /* a header in every few pages maps them all */
        mapped = at;
    }
    f->frames[f->n_frames] = (frame){at, out};
    f->size = out;
    f->n_cache = (size_t)omp_get_max_threads() + 2;
    f->cache = sp_xcalloc(f->n_cache, sizeof *f->cache);
    for (size_t i = 0; i < f->n_cache; i++)
        f->cache[i] = (held){.frame = f->n_frames, .ready = true};
    f->seen = sp_xcalloc(f->n_frames, sizeof *f->seen);
    return 1;
}

int sp_file_open(sp_file **result, const char *path, sp_err *e)
{
    bool is_stdin = !strcmp(path, "-");
    struct stat st;
    if ((is_stdin ? fstat(STDIN_FILENO, &st) : stat(path, &st)) < 0)
        return sp_fail(e, sp_open_code(errno), "%s: %s", is_stdin ? "standard input" : path,
                       strerror(errno));
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
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->change, NULL);
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
    bool ok = ZSTD_decompress(dst, want, f->map + fr[0].at, (size_t)(fr[1].at - fr[0].at)) == want;
    f->seen[i] = ok;
    release(f, fr[0].at, fr[1].at);
    return ok;
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

static held *find_held(sp_file *f, size_t i)
{
    for (size_t k = 0; k < f->n_cache; k++)
        if (f->cache[k].frame == i) return &f->cache[k];
    return NULL;
}

/* The first frame after i that nobody has thought of, no further than the cache reaches; n_frames
 * if there is none. */
static size_t next_missing(sp_file *f, size_t i)
{
    size_t end = SP_MIN(f->n_frames, i + f->n_cache - 1);
    while (++i < end)
        if (!find_held(f, i)) return i;
    return f->n_frames;
}

/* The place that has been out of use for longest and is not wanted soon; NULL when all are taken.
 */
static held *free_place(sp_file *f, size_t i)
{
    held *best = NULL;
    for (held *h = f->cache; h < f->cache + f->n_cache; h++) {
        bool soon = h->frame >= i && h->frame < i + f->n_cache - 1 && h->frame < f->n_frames;
        if (h->ready && !h->users && !soon && (!best || h->used < best->used)) best = h;
    }
    return best;
}

/* Decompress frame i into h, with the lock given up meanwhile. */
static bool decode_held(sp_file *f, held *h, size_t i)
{
    size_t size = (size_t)(f->frames[i + 1].out - f->frames[i].out);
    h->frame = i;
    h->ready = false;
    pthread_mutex_unlock(&f->lock);
    if (size > h->cap) {
        free(h->data);
        h->data = sp_xmalloc(h->cap = size);
    }
    bool ok = decode(f, i, h->data);
    pthread_mutex_lock(&f->lock);
    if (!ok) h->frame = f->n_frames;
    h->ready = true;
    h->used = ++f->clock;
    pthread_cond_broadcast(&f->change);
    return ok;
}

/* Frame i, decompressed once for all threads that want parts of it. A thread that would have to
 * wait for another to do it does the frame after it meanwhile, so that as many are decompressed at
 * a time as there are threads. NULL when it is corrupt. */
static held *hold(sp_file *f, size_t i)
{
    held *h;
    bool ok = true;
    pthread_mutex_lock(&f->lock);
    while (ok && (!(h = find_held(f, i)) || !h->ready)) {
        size_t wanted = h ? next_missing(f, i) : i;
        held *place = wanted < f->n_frames ? free_place(f, i) : NULL;
        if (place) ok = decode_held(f, place, wanted) || wanted != i;
        else pthread_cond_wait(&f->change, &f->lock);
    }
    if (ok) h->users++;
    pthread_mutex_unlock(&f->lock);
    return ok ? h : NULL;
}

static void let_go(sp_file *f, held *h)
{
    pthread_mutex_lock(&f->lock);
    h->users--;
    h->used = ++f->clock;
    pthread_cond_broadcast(&f->change);
    pthread_mutex_unlock(&f->lock);
}

/* What of frame i lies in [at, at + n), through the cache. */
static bool read_partial(sp_file *f, size_t i, uint64_t at, uint8_t *buf, size_t n)
{
    uint64_t begin = f->frames[i].out, from = SP_MAX(at, begin),
             to = SP_MIN(at + n, f->frames[i + 1].out);
    held *h = hold(f, i);
    if (!h) return false;
    memcpy(buf + (from - at), h->data + (from - begin), (size_t)(to - from));
    let_go(f, h);
    return true;
}

/* Frames [first, end) to buf, which begins with byte `at` of the data. */
static bool read_whole(sp_file *f, size_t first, size_t end, uint8_t *buf, uint64_t at)
{
    bool ok = true;
#pragma omp parallel for schedule(dynamic, 1) reduction(&& : ok) if (end > first + 1)
    for (size_t i = first; i < end; i++) ok = ok && decode(f, i, buf + (f->frames[i].out - at));
    return ok;
}

static bool read_frames(sp_file *f, uint64_t at, uint8_t *buf, size_t n)
{
    size_t first = frame_of(f, at), last = frame_of(f, at + n - 1);
    size_t whole0 = f->frames[first].out == at ? first : first + 1;
    /* frames [whole0, whole1) lie inside */
    size_t whole1 = f->frames[last + 1].out == at + n ? last + 1 : last;
    bool ok = true;
    if (whole1 > whole0) ok = read_whole(f, whole0, whole1, buf, at);
    if (first < whole0) ok = ok && read_partial(f, first, at, buf, n);
    if (last >= whole1 && last >= whole0) ok = ok && read_partial(f, last, at, buf, n);
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

int sp_file_read(sp_file *f, uint64_t at, void *buf, size_t n, sp_err *e)
{
    if (at > f->size || n > f->size - at)
        return sp_fail(e, SP_EINPUT, "%s: truncated (%llu bytes, at least %llu expected)", f->name,
                       (unsigned long long)f->size, (unsigned long long)at + n);
    if (n == 0) return 0;
    if (!f->n_frames) return read_raw(f, at, buf, n, e);
    return read_frames(f, at, buf, n) ? 0 : sp_fail(e, SP_EINPUT, "%s: corrupt zstd data", f->name);
}

static bool verify_frame(const sp_file *f, size_t i)
{
    void *junk = sp_xmalloc((size_t)(f->frames[i + 1].out - f->frames[i].out));
    bool ok = decode(f, i, junk);
    free(junk);
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
    for (size_t i = 0; i < f->n_cache; i++) free(f->cache[i].data);
    free(f->cache);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->change);
    free(f);
}
