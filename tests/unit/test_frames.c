/* test_frames.c - the table of a zstd file's frames: sizes, searching, decompressing, and what is
 * wrong with a file. */
#include "io/frames.h"

#include "base/base.h"

#include "streams.h"

static void two_frames_and_two_to_skip(void **state)
{
    (void)state;
    size_t n = 1001, len, edge;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    char *z = two_frames(p, n, &len, &edge);
    memmove(z + SKIPPABLE_SIZE, z, len);
    memcpy(z, SKIPPABLE, SKIPPABLE_SIZE);
    memcpy(z + SKIPPABLE_SIZE + len, SKIPPABLE, SKIPPABLE_SIZE);
    size_t size = len + 2 * SKIPPABLE_SIZE;
    uint8_t *map = map_bytes(z, size);
    sp_frames f;
    sp_err e = {0};
    assert_int_equal(sp_frames_index(&f, "x", map, size, &e), 1);
    const size_t file[] = {0, SKIPPABLE_SIZE, SKIPPABLE_SIZE + edge, SKIPPABLE_SIZE + len,
                           len + 2 * SKIPPABLE_SIZE};
    const size_t data[] = {0, 0, 500, 1001, 1001};
    assert_int_equal(f.n, 4);
    assert_int_equal(sp_frames_size(&f), n);
    for (size_t i = 0; i <= f.n; i++) {
        assert_int_equal(f.start[i].file, file[i]);
        assert_int_equal(f.start[i].data, data[i]);
    }
    for (size_t i = 0; i < f.n; i++) {
        assert_int_equal(sp_frame_size(&f, i), data[i + 1] - data[i]);
        assert_false(f.seen[i]);
        assert_true(sp_frames_decode(&f, i, got));
        assert_true(f.seen[i]);
        assert_memory_equal(got, p + data[i], data[i + 1] - data[i]);
    }
    for (size_t at = 0; at < n; at++) assert_int_equal(sp_frames_find(&f, at), at < 500 ? 1 : 2);
    sp_frames_free(&f);
    munmap(map, size);
    free(p), free(got), free(z);
}

static void many_frames_are_found(void **state)
{
    (void)state;
    size_t each = put_frame((char[64]){0}, "a", 1), count = 1000;
    char *z = sp_xmalloc(count * each + 64);
    for (size_t i = 0; i < count; i++) put_frame(z + i * each, "a", 1);
    uint8_t *map = map_bytes(z, count * each);
    sp_frames f;
    sp_err e = {0};
    assert_int_equal(sp_frames_index(&f, "x", map, count * each, &e), 1);
    assert_int_equal(f.n, count);
    for (size_t i = 0; i < count; i++) assert_int_equal(sp_frames_find(&f, i), i);
    sp_frames_free(&f);
    munmap(map, count * each);
    free(z);
}

/* What sp_frames_index says of these bytes. */
static int index_of(const void *z, size_t n, sp_err *e)
{
    uint8_t *map = map_bytes(z, n);
    sp_frames f;
    *e = (sp_err){0};
    int rc = sp_frames_index(&f, "x", map, n, e);
    assert_int_equal(e->code, rc < 0 ? SP_EINPUT : SP_OK);
    sp_frames_free(&f);
    munmap(map, n);
    return rc;
}

static void damage_is_named(void **state)
{
    (void)state;
    size_t n = 1400, len, edge;
    uint8_t *p = test_bytes(n);
    char *z = two_frames(p, n, &len, &edge);
    sp_err e;
    for (size_t cut = 1; cut < len; cut++) {
        assert_int_equal(index_of(z, cut, &e), cut == edge ? 1 : -1);
        if (cut < edge) assert_string_equal(e.msg, "x: truncated zstd data");
        if (cut >= edge + 4) assert_string_equal(e.msg, "x: truncated zstd data");
    }
    for (size_t more = 1; more < 12; more++) {
        memset(z + len, 'x', more);
        assert_int_equal(index_of(z, len + more, &e), -1);
        assert_string_equal(e.msg, "x: trailing garbage after the zstd data");
    }
    z[4] |= 8; /* a reserved bit of the frame header */
    assert_int_equal(index_of(z, len, &e), -1);
    assert_string_equal(e.msg, "x: corrupt zstd data");
    free(p), free(z);
}

static void a_wrong_checksum_is_seen(void **state)
{
    (void)state;
    size_t n = 1400, len, edge;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    char *z = two_frames(p, n, &len, &edge);
    z[len - 1] ^= 1;
    uint8_t *map = map_bytes(z, len);
    sp_frames f;
    sp_err e = {0};
    assert_int_equal(sp_frames_index(&f, "x", map, len, &e), 1);
    assert_true(sp_frames_decode(&f, 0, got));
    assert_false(sp_frames_decode(&f, 1, got));
    assert_true(f.seen[0]);
    assert_false(f.seen[1]);
    sp_frames_free(&f);
    munmap(map, len);
    free(p), free(got), free(z);
}

/* A frame header that promises n bytes of data (single segment, 8 bytes of size), and one empty
 * last block. */
static size_t promise(char *z, uint64_t n)
{
    static const char magic[] = "\x28\xb5\x2f\xfd\xe0";
    memcpy(z, magic, 5);
    for (int i = 0; i < 8; i++) z[5 + i] = (char)(n >> 8 * i);
    memcpy(z + 13, "\1\0\0", 3);
    return 16;
}

static void frames_for_readers_in_order(void **state)
{
    (void)state;
    size_t n = 5000, cap = ZSTD_compressBound(n);
    uint8_t *p = test_bytes(n);
    char *z = sp_xmalloc(cap);
    sp_err e;
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
    assert_int_equal(index_of(z, ZSTD_compress2(c, z, cap, p, n), &e), 0); /* size unknown */
    ZSTD_freeCCtx(c);
    assert_int_equal(index_of(z, promise(z, SP_FRAME_MOST), &e), 1);
    assert_int_equal(index_of(z, promise(z, SP_FRAME_MOST + 1), &e), 0); /* huge */
    free(p), free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(two_frames_and_two_to_skip),
        IN_DIR(many_frames_are_found),
        IN_DIR(damage_is_named),
        IN_DIR(a_wrong_checksum_is_seen),
        IN_DIR(frames_for_readers_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
