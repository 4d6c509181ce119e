/* frames.h - the frames of a zstd file that is mapped into memory: where each begins, in
 * the file and in the data, and what is in it.
 *
 * zstd files are chains of frames, each compressed on its own. Here a file of three, with
 * SP_FRAME = 4 MiB (out.h) of data in all but the last:
 *
 *     frame        0                1                2
 *     file   0 ........ 1300000 ........ 2500000 .. 2900000
 *     data   0 ........ 4194304 ........ 8388608 .. 9000000
 *
 * The table is made from frame and block headers alone: nothing is decompressed, and yet
 * the size of the data is known, and a cut frame or bytes after the last are found.
 */
#ifndef SP_FRAMES_H
#define SP_FRAMES_H

#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Frames with more data are not worth a random access, which decompresses all of it. */
#define SP_FRAME_MOST (64u << 20)

typedef struct {
    uint64_t file, data; /* where the frame begins, in the file and in the data */
} sp_frame_start;

typedef struct {
    const char *name;      /* for messages; borrowed */
    const uint8_t *map;    /* the whole file, mapped with mmap(2); borrowed */
    size_t n;              /* how many frames */
    sp_frame_start *start; /* n + 1: the last says where the file and the data end */
    atomic_bool *seen;     /* by frame: it has been decompressed, its checksum is right */
} sp_frames;

/* Fill *f from the `size` bytes of the file mapped at `map`. *f goes to sp_frames_free in
 * every case. 1   the table is there 0   a frame is larger than SP_FRAME_MOST or does not
 * tell its size: the file can only be read from front to back -1   the file is cut,
 * corrupt, or goes on after the last frame (SP_EINPUT) */
SP_MUST_CHECK int sp_frames_index(sp_frames *f, const char *name, const uint8_t *map,
                                  size_t size, sp_err *e);
void sp_frames_free(sp_frames *f);

static inline uint64_t sp_frames_size(const sp_frames *f) /* bytes of data in all */
{
    return f->start[f->n].data;
}

static inline size_t sp_frame_size(const sp_frames *f, size_t i) /* of data in frame i */
{
    return (size_t)(f->start[i + 1].data - f->start[i].data);
}

/* The frame that holds byte `at` of the data (at < sp_frames_size). */
size_t sp_frames_find(const sp_frames *f, uint64_t at);

/* Decompress frame i into dst, sp_frame_size(f, i) bytes, and give back the pages of the
 * file that it took. Several threads may call this at a time. False: it is corrupt. */
SP_MUST_CHECK bool sp_frames_decode(const sp_frames *f, size_t i, void *dst);

/* Give back the pages of the file from byte `from` to `to`, so that what has been read
 * does not count as memory in use. They can be read again. */
void sp_frames_release(const uint8_t *map, uint64_t from, uint64_t to);

#endif
