/* test_frame_cache.c - threads that share decompressed frames: right bytes whoever asks in which
 * order, each frame decompressed once where they read side by side, corrupt frames. */
#include "io/frame_cache.h"

#include "base/base.h"

#include "streams.h"

#include <omp.h>
#include <pthread.h>

enum { FRAMES = 40, EACH = 5000, THREADS = 4, PIECE = 500 };

/* In the place of the library's: counts. */
static atomic_int decompressed;

size_t ZSTD_decompress(void *dst, size_t size, const void *src, size_t n)
{
    ZSTD_DCtx *c = ZSTD_createDCtx();
    size_t rc = ZSTD_decompressDCtx(c, dst, size, src, n);
    ZSTD_freeDCtx(c);
    decompressed++;
    return rc;
}

typedef struct {
    uint8_t *data;
    uint8_t *map;
    sp_frames frames;
    sp_frame_cache *cache;
    atomic_size_t next; /* piece, of all threads together */
    atomic_int wrong;   /* pieces with wrong bytes */
    atomic_int refused; /* pieces of corrupt frames */
} shared;

/* A file of FRAMES frames, of which `bad` has a wrong checksum (none: FRAMES). */
static void open_shared(shared *s, size_t bad)
{
    size_t len = 0;
    sp_err e = {0};
    char *z = sp_xmalloc(FRAMES * ZSTD_compressBound(EACH));
    *s = (shared){.data = test_bytes(FRAMES * EACH)};
    for (size_t i = 0; i < FRAMES; i++) {
        len += put_frame(z + len, s->data + i * EACH, EACH);
        if (i == bad) z[len - 1] ^= 1;
    }
    s->map = map_bytes(z, len);
    free(z);
    assert_int_equal(sp_frames_index(&s->frames, "x", s->map, len, &e), 1);
    assert_int_equal(s->frames.n, FRAMES);
    omp_set_num_threads(THREADS);
    s->cache = sp_frame_cache_new(&s->frames);
}

static void close_shared(shared *s)
{
    sp_frame_cache_free(s->cache);
    munmap(s->map, s->frames.start[FRAMES].file);
    sp_frames_free(&s->frames);
    free(s->data);
}

static void read_piece(shared *s, size_t frame, size_t first, size_t n)
{
    uint8_t got[EACH];
    if (!sp_frame_cache_read(s->cache, frame, first, got, n)) s->refused++;
    else if (memcmp(got, s->data + frame * EACH + first, n)) s->wrong++;
}

static void *read_in_order(void *arg)
{
    shared *s = arg;
    for (size_t i; (i = s->next++) < FRAMES * EACH / PIECE;)
        read_piece(s, i * PIECE / EACH, i * PIECE % EACH, PIECE);
    return NULL;
}

static void *read_anywhere(void *arg)
{
    shared *s = arg;
    uint64_t x = 7 + s->next++;
    for (int i = 0; i < 2000; i++) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        size_t first = (x >> 40) % EACH;
        read_piece(s, (x >> 33) % FRAMES, first, 1 + (x >> 20) % (EACH - first));
    }
    return NULL;
}

static void run(shared *s, void *(*reader)(void *))
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, s), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

static void side_by_side(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        shared s;
        open_shared(&s, FRAMES);
        decompressed = 0;
        run(&s, read_in_order);
        assert_int_equal(s.wrong + s.refused, 0);
        /* once each, but for a thread that was held up until its frame had gone */
        assert_in_range(decompressed, FRAMES, 2 * FRAMES);
        for (size_t k = 0; k < FRAMES; k++) assert_true(s.frames.seen[k]);
        close_shared(&s);
    }
}

static void all_over_the_place(void **state)
{
    (void)state;
    shared s;
    open_shared(&s, FRAMES);
    run(&s, read_anywhere);
    assert_int_equal(s.wrong + s.refused, 0);
    close_shared(&s);
}

/* Whoever reads the corrupt frame is told so, each time; all others get their bytes. */
static void a_corrupt_frame(void **state)
{
    (void)state;
    for (size_t bad = 0; bad < FRAMES; bad += 13) {
        shared s;
        open_shared(&s, bad);
        run(&s, read_in_order);
        assert_int_equal(s.wrong, 0);
        assert_int_equal(s.refused, EACH / PIECE);
        close_shared(&s);
    }
}

/* One thread: a frame that has just been read is still there, also when its bytes are gone from the
 * file; so is one that was read a little earlier. */
static void frames_are_kept(void **state)
{
    (void)state;
    shared s;
    open_shared(&s, FRAMES);
    read_piece(&s, 3, 0, 10);
    read_piece(&s, 7, 0, 10);
    memset(s.map, 0, s.frames.start[FRAMES].file);
    read_piece(&s, 3, 10, EACH - 10);
    read_piece(&s, 7, 10, EACH - 10);
    assert_int_equal(s.wrong + s.refused, 0);
    read_piece(&s, 4, 0, 10);
    assert_int_equal(s.refused, 1);
    close_shared(&s);
    sp_frame_cache_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {IN_DIR(side_by_side), IN_DIR(all_over_the_place),
                                       IN_DIR(a_corrupt_frame), IN_DIR(frames_are_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
