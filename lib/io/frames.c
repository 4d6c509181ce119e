/* frames.c - see frames.h.
 *
 * A frame begins with a header that may tell the size of its data, goes on with blocks that each
 * begin with their length, and may end with a checksum. The walk hops from block header to block
 * header (ZSTD_findFrameCompressedSize), so that it reads a few bytes in each 128 KiB of data.
 */
#include "io/frames.h"

#include "base/memory.h"
#include "io/input.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

/* Pages of a mapped file that is only read hold nothing of their own, so the kernel may forget
 * them. */
void sp_frames_release(const uint8_t *map, uint64_t from, uint64_t to)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    from -= from % page;
    if (to > from) madvise((void *)(map + from), (size_t)(to - from), MADV_DONTNEED);
}

/* The frame at byte `at` of the file: its length there, or 0 with an error. */
static size_t frame_length(const sp_frames *f, size_t at, size_t size, sp_err *e)
{
    const uint8_t *p = f->map + at;
    size_t length = ZSTD_findFrameCompressedSize(p, size - at);
    if (!ZSTD_isError(length)) return length;
    bool cut = ZSTD_getErrorCode(length) == ZSTD_error_srcSize_wrong;
    if (at > 0 && !sp_is_zstd(p, size - at))
        sp_fail(e, SP_EINPUT, "%s: trailing garbage after the zstd data", f->name);
    else sp_fail(e, SP_EINPUT, "%s: %s zstd data", f->name, cut ? "truncated" : "corrupt");
    return 0;
}

/* The loop stands at the beginning of a frame, `next`. The table gets one entry more than there are
 * frames, for the end. */
int sp_frames_index(sp_frames *f, const char *name, const uint8_t *map, size_t size, sp_err *e)
{
    sp_frame_start next = {0, 0};
    size_t cap = 0, held = 0; /* pages of the file before byte `held` have been given back */
    *f = (sp_frames){.name = name, .map = map};
    while (next.file < size) {
        size_t length = frame_length(f, next.file, size, e);
        if (!length) return -1;
        unsigned long long content = ZSTD_getFrameContentSize(map + next.file, size - next.file);
        if (content == ZSTD_CONTENTSIZE_ERROR)
            return sp_fail(e, SP_EINPUT, "%s: corrupt zstd data", name);
        /* ZSTD_CONTENTSIZE_UNKNOWN is the largest number */
        if (content > SP_FRAME_MOST) return 0;
        SP_PUSH(f->start, f->n, cap) = next;
        next.file += length;
        next.data += content;
        if (next.file - held < SP_FRAME_MOST) continue;
        /* a header in every few pages maps them all */
        sp_frames_release(map, held, next.file);
        held = next.file;
    }
    f->start = sp_xgrow(f->start, &cap, f->n + 1, sizeof *f->start);
    f->start[f->n] = next;
    f->seen = sp_xcalloc(f->n, sizeof *f->seen);
    return 1;
}

void sp_frames_free(sp_frames *f)
{
    free(f->start);
    free(f->seen);
    *f = (sp_frames){0};
}

/* A bisection: frame `lo` begins at or before `at`, frame `hi` after it. */
size_t sp_frames_find(const sp_frames *f, uint64_t at)
{
    size_t lo = 0, hi = f->n;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (f->start[mid].data <= at) lo = mid;
        else hi = mid;
    }
    return lo;
}

/* ZSTD_decompress compares the checksum, where the frame has one. */
bool sp_frames_decode(const sp_frames *f, size_t i, void *dst)
{
    uint64_t from = f->start[i].file, to = f->start[i + 1].file;
    size_t want = sp_frame_size(f, i);
    bool ok = ZSTD_decompress(dst, want, f->map + from, (size_t)(to - from)) == want;
    if (ok) f->seen[i] = true;
    sp_frames_release(f->map, from, to);
    return ok;
}
