/* streams.h - files of bytes for the tests of lib/io: raw and zstd, whole, of two small
 * frames, with something wrong. */
#ifndef SP_TEST_STREAMS_H
#define SP_TEST_STREAMS_H

#include "io/in.h"
#include "io/out.h"

#include "files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <zstd.h>

/* Write n bytes in pieces of odd sizes. */
static inline void write_file(const char *path, int level, const void *bytes, size_t n)
{
    const char *p = bytes;
    sp_err e = {0};
    sp_out *o = sp_out_open(path, level, &e);
    assert_non_null(o);
    for (size_t at = 0, step = 1; at < n; at += step, step = step * 3 % 1000003 + 1) {
        if (step > n - at) step = n - at;
        assert_int_equal(sp_out_write(o, p + at, step, &e), 0);
    }
    assert_int_equal(sp_out_finish(o, &e), 0);
}

/* Read these n bytes in pieces of odd sizes, and then the end. */
static inline void read_back(const char *path, const void *want, size_t n)
{
    sp_err e = {0};
    sp_in *in = sp_in_open(path, &e);
    assert_non_null(in);
    char *got = sp_xmalloc(n);
    for (size_t at = 0, step = 1; at < n; at += step, step = step * 5 % 700001 + 1) {
        if (step > n - at) step = n - at;
        assert_int_equal(sp_in_read(in, got + at, step, &e), 1);
    }
    assert_memory_equal(got, want, n);
    assert_int_equal(sp_in_read(in, got, 1, &e), 0);
    assert_int_equal(sp_in_end(in, &e), 0);
    sp_in_close(in);
    free(got);
}

/* One zstd frame with its size and a checksum, at z, which has space for
 * ZSTD_compressBound(n). Returns its length. */
static inline size_t put_frame(void *z, const void *p, size_t n)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    size_t len = ZSTD_compress2(c, z, ZSTD_compressBound(n), p, n);
    ZSTD_freeCCtx(c);
    assert_false(ZSTD_isError(len));
    return len;
}

/* n bytes as two frames of half of them, with space for 64 bytes more. *edge is where the
 * second begins, *len where it ends. */
static inline char *two_frames(const uint8_t *p, size_t n, size_t *len, size_t *edge)
{
    char *z = sp_xmalloc(ZSTD_compressBound(n) * 2 + 64);
    *edge = put_frame(z, p, n / 2);
    *len = *edge + put_frame(z + *edge, p + n / 2, n - n / 2);
    return z;
}

/* A file of these n bytes, mapped for reading, and for writing that does not reach the
 * file. The caller unmaps it. */
static inline uint8_t *map_bytes(const void *p, size_t n)
{
    put_file("mapped", p, n);
    int fd = open("mapped", O_RDONLY);
    void *map = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    close(fd);
    return map;
}

/* A frame that every reader must pass over: 3 bytes of no meaning. */
#define SKIPPABLE      "\x50\x2a\x4d\x18\x03\0\0\0abc"
#define SKIPPABLE_SIZE 11

#endif
