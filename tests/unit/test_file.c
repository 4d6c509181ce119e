/* test_file.c - random access to files: any stretch of raw and zstd data, what a damaged file says,
 * frames that nobody read, and inputs that can only be read in order. */
#include "io/file.h"

#include "base/base.h"

#include "child.h"
#include "streams.h"

#include <fcntl.h>

static void random_access(void **state)
{
    (void)state;
    size_t n = 3 * SP_FRAME + 7;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    for (int level = 0; level < 2; level++) {
        sp_err e = {0};
        sp_file *f;
        write_file("x", level, p, n);
        assert_int_equal(sp_file_open(&f, "x", &e), 1);
        assert_int_equal(sp_file_size(f), n);
        assert_int_equal(sp_file_map(f) != NULL, level == 0);
        uint64_t x = 7;
        for (int i = 0; i < 60; i++) {
            x = x * 6364136223846793005ull + 1442695040888963407ull;
            size_t at = (x >> 20) % (n + 1), len = i % 3 ? (x >> 40) % 5000 : (x >> 33) % (n + 1);
            if (i == 0) at = 0, len = n;
            if (i == 1) at = SP_FRAME, len = 2 * SP_FRAME;
            if (i == 2) at = n, len = 0;
            if (len > n - at) len = n - at;
            memset(got, 0xee, n);
            assert_int_equal(sp_file_read(f, at, got, len, &e), 0);
            assert_memory_equal(got, p + at, len);
            if (len < n) assert_int_equal(got[len], 0xee);
        }
        assert_int_equal(sp_file_read(f, n - 3, got, 4, &e), -1);
        assert_message(e, "x: truncated");
        sp_file_close(f);
    }
    free(p);
    free(got);
}

/* ---- damage --------------------------------------------------------------------------- */

/* Open the file x, read n bytes, compare all checksums: 0, or -1 with a message. */
static int read_whole(uint8_t *got, size_t n, sp_err *e)
{
    sp_file *f = NULL;
    *e = (sp_err){0};
    int rc = sp_file_open(&f, "x", e);
    assert_int_not_equal(rc, 0);
    if (rc < 0) return -1;
    rc = sp_file_size(f) == n ? sp_file_read(f, 0, got, n, e) : sp_fail(e, SP_EINPUT, "size");
    if (rc == 0) rc = sp_file_verify(f, e);
    sp_file_close(f);
    return rc;
}

static void every_cut_is_seen(void **state)
{
    (void)state;
    size_t n = 1400, len, edge;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    char *z = two_frames(p, n, &len, &edge);
    sp_err e;
    for (size_t cut = 1; cut <= len; cut++) {
        put_file("x", z, cut);
        int rc = read_whole(got, n, &e);
        assert_int_equal(rc, cut == len ? 0 : -1);
        if (rc) assert_int_equal(e.code, SP_EINPUT);
    }
    free(p), free(got), free(z);
}

/* A flipped bit is an error or changes nothing (the format has a few bits without meaning). */
static void every_flip_is_seen(void **state)
{
    (void)state;
    size_t n = 1400, len, edge, seen = 0, tried = 0;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    char *z = two_frames(p, n, &len, &edge);
    sp_err e;
    for (size_t i = 32; i < len * 8; i += i < 144 ? 1 : 31, tried++) {
        z[i / 8] ^= (char)(1 << i % 8);
        put_file("x", z, len);
        memset(got, 0, n);
        sp_file *f = NULL;
        int rc = sp_file_open(&f, "x", &(sp_err){0});
        if (rc == 1) sp_file_close(f);
        if (rc != 0 && read_whole(got, n, &e) == 0) assert_memory_equal(got, p, n);
        else seen++;
        z[i / 8] ^= (char)(1 << i % 8);
    }
    assert_true(seen > tried * 95 / 100);
    free(p), free(got), free(z);
}

/* ---- the end -------------------------------------------------------------------------- */

/* Whoever knows how long the data should be compares with sp_file_size, which counts everything
 * that follows. */
static void what_follows_is_counted(void **state)
{
    (void)state;
    size_t n = 1000, len, edge;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n + 1);
    char *z = two_frames(p, n, &len, &edge);
    sp_err e;
    put_file("x", p, n);
    assert_int_equal(read_whole(got, n, &e), 0);
    assert_int_equal(read_whole(got, n - 1, &e), -1);
    assert_string_equal(e.msg, "size");
    for (size_t more = 1; more < 12; more++) { /* bytes that are no frame */
        memset(z + len, 'x', more);
        put_file("x", z, len + more);
        assert_int_equal(read_whole(got, n, &e), -1);
        assert_string_equal(e.msg, "x: trailing garbage after the zstd data");
    }
    put_file("x", z, len + put_frame(z + len, "a", 1));
    assert_int_equal(read_whole(got, n, &e), -1);
    assert_string_equal(e.msg, "size");
    assert_int_equal(read_whole(got, n + 1, &e), 0);
    put_file("x", z, len + put_frame(z + len, "", 0));
    assert_int_equal(read_whole(got, n, &e), 0);
    free(p), free(got), free(z);
}

static void the_data_end_where_they_end(void **state)
{
    (void)state;
    size_t n = 1000, len, edge;
    uint8_t *p = test_bytes(n), got[8];
    char *z = two_frames(p, n, &len, &edge);
    for (int raw = 0; raw < 2; raw++) {
        sp_file *f;
        sp_err e = {0};
        put_file("x", raw ? (char *)p : z, raw ? n : len);
        assert_int_equal(sp_file_open(&f, "x", &e), 1);
        assert_int_equal(sp_file_read(f, n - 3, got, 3, &e), 0);
        assert_int_equal(sp_file_read(f, n, got, 0, &e), 0);
        assert_int_equal(e.code, SP_OK);
        assert_int_equal(sp_file_read(f, n - 3, got, 4, &e), -1);
        assert_string_equal(e.msg, "x: truncated (1000 bytes, at least 1001 expected)");
        assert_int_equal(sp_file_read(f, n + 1, got, 0, &e), -1);
        assert_int_equal(sp_file_read(f, UINT64_MAX, got, 2, &e), -1); /* the sum overflows */
        sp_file_close(f);
    }
    free(p), free(z);
}

static void cut_while_it_is_read(void **state)
{
    (void)state;
    size_t n = 3 << 20;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    for (int whole = 0; whole < 2; whole++) {
        sp_file *f;
        sp_err e = {0};
        put_file("x", p, n);
        assert_int_equal(sp_file_open(&f, "x", &e), 1);
        assert_int_equal(truncate("x", n - 10), 0);
        assert_int_equal(sp_file_read(f, whole ? 0 : n - 20, got, whole ? n : 20, &e), -1);
        assert_int_equal(e.code, SP_EINPUT);
        assert_string_equal(e.msg, "x: truncated while it was read");
        sp_file_close(f);
    }
    free(p), free(got);
}

/* The checksum of a frame that nobody reads is compared by sp_file_verify; so is that of one read
 * in part, which has been compared then. */
static void unread_frames_are_verified(void **state)
{
    (void)state;
    size_t n = 1000, len, edge;
    uint8_t *p = test_bytes(n), got[500];
    char *z = two_frames(p, n, &len, &edge);
    for (int bad = 0; bad < 3; bad++) { /* the frame with a wrong checksum; 2: none */
        size_t last = bad ? len - 1 : edge - 1;
        z[last] ^= (char)(bad < 2);
        put_file("x", z, len);
        z[last] ^= (char)(bad < 2);
        for (int read = 0; read < 2; read++) {
            sp_file *f;
            sp_err e = {0};
            assert_int_equal(sp_file_open(&f, "x", &e), 1);
            int rc = sp_file_read(f, read ? 500 : 0, got, 500, &e);
            assert_int_equal(rc, read == bad ? -1 : 0);
            e.code = 0;
            assert_int_equal(sp_file_verify(f, &e), bad < 2 ? -1 : 0);
            if (bad < 2) assert_string_equal(e.msg, "x: corrupt zstd data");
            sp_file_close(f);
        }
    }
    free(p), free(z);
}

/* ---- opening -------------------------------------------------------------------------- */

static void only_in_order(void **state)
{
    (void)state;
    size_t n = 100000, cap = ZSTD_compressBound(n);
    uint8_t *p = test_bytes(n);
    char *z = sp_xmalloc(cap);
    sp_file *f = NULL;
    sp_err e = {0};
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
    put_file("x", z, ZSTD_compress2(c, z, cap, p, n));
    ZSTD_freeCCtx(c);
    assert_int_equal(sp_file_open(&f, "x", &e), 0); /* size unknown */
    put_file("x", "", 0);
    assert_int_equal(sp_file_open(&f, "x", &e), 0);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(sp_file_open(&f, "fifo", &e), 0);
    assert_int_equal(sp_file_open(&f, "/dev/null", &e), 0);
    assert_null(f);
    free(p), free(z);
}

/* Standard input that is a file can be read anywhere, unless somebody has read some of it. */
static int from_stdin(void *arg)
{
    char got[2];
    sp_file *f;
    sp_err e = {0};
    (void)arg;
    put_file("x", "abcd", 4);
    dup2(open("x", O_RDONLY), STDIN_FILENO);
    if (sp_file_open(&f, "-", &e) != 1 || sp_file_size(f) != 4) return 1;
    if (sp_file_read(f, 1, got, 2, &e) || memcmp(got, "bc", 2)) return 2;
    if (sp_file_read(f, 3, got, 2, &e) != -1 || strncmp(e.msg, "standard input: ", 16)) return 3;
    sp_file_close(f);
    if (read(STDIN_FILENO, got, 1) != 1) return 4;
    return sp_file_open(&f, "-", &e) == 0 ? 0 : 5;
}

static void standard_input(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(from_stdin, NULL).code, 0);
}

static void open_errors(void **state)
{
    (void)state;
    sp_err e = {0};
    sp_file *f;
    assert_int_equal(sp_file_open(&f, "missing", &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, "missing: No such file or directory");
    sp_file_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(random_access),
        IN_DIR(every_cut_is_seen),
        IN_DIR(every_flip_is_seen),
        IN_DIR(what_follows_is_counted),
        IN_DIR(the_data_end_where_they_end),
        IN_DIR(cut_while_it_is_read),
        IN_DIR(unread_frames_are_verified),
        IN_DIR(only_in_order),
        IN_DIR(standard_input),
        IN_DIR(open_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
