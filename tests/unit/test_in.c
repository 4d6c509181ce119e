/* test_in.c - inputs read from front to back: round trips, pipes, other people's zstd, every way an
 * input can be damaged, and what counts as its end. */
#include "io/in.h"

#include "base/base.h"

#include "child.h"
#include "streams.h"

#include <fcntl.h>
#include <sys/wait.h>

static void round_trip(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0, 1, 3, 4, 1000, SP_FRAME - 1, SP_FRAME, SP_FRAME + 1, 3 * SP_FRAME + 7};
    size_t count = sizeof sizes / sizeof *sizes;
    uint8_t *p = test_bytes(sizes[count - 1]);
    for (size_t i = 0; i < count; i++)
        for (int level = 0; level < 4; level += 3) {
            write_file("x", level, p, sizes[i]);
            read_back("x", p, sizes[i]);
        }
    free(p);
}

/* ---- damage --------------------------------------------------------------------------- */

/* The n bytes of the file x, and then the end: 0, or -1 with a message. */
static int read_whole(void *got, size_t n, sp_err *e)
{
    sp_in *in = sp_in_open("x", e);
    int rc = sp_in_read(in, got, n, e);
    rc = rc == 1 ? sp_in_end(in, e) : rc == 0 ? sp_fail(e, SP_EINPUT, "ends early") : -1;
    sp_in_close(in);
    return rc;
}

static void every_cut_is_seen(void **state)
{
    (void)state;
    size_t n = 1400, len, edge;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    char *z = two_frames(p, n, &len, &edge);
    for (size_t cut = 0; cut <= len; cut++) {
        sp_err e = {0};
        put_file("x", z, cut);
        int rc = read_whole(got, n, &e);
        assert_int_equal(rc, cut == len ? 0 : -1);
        if (rc) assert_int_equal(e.code, SP_EINPUT);
        if (cut == edge) assert_message(e, "x: truncated");
    }
    free(p);
    free(got);
    free(z);
}

/* A flipped bit is an error or changes nothing (the format has a few bits without meaning). */
static void every_flip_is_seen(void **state)
{
    (void)state;
    size_t n = 1400, len, edge, seen = 0, tried = 0;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    char *z = two_frames(p, n, &len, &edge);
    for (size_t i = 0; i < len * 8; i += i < 144 ? 1 : 31, tried++) {
        sp_err e = {0};
        z[i / 8] ^= (char)(1 << i % 8);
        put_file("x", z, len);
        memset(got, 0, n);
        if (read_whole(got, n, &e) == 0) assert_memory_equal(got, p, n);
        else seen++;
        z[i / 8] ^= (char)(1 << i % 8);
    }
    assert_true(seen > tried * 95 / 100);
    free(p);
    free(got);
    free(z);
}

/* ---- the end -------------------------------------------------------------------------- */

/* What sp_in_end says of a file after its first n bytes have been read. */
static int end_after(const void *file, size_t size, size_t n, sp_err *e)
{
    char *got = sp_xmalloc(n);
    *e = (sp_err){0};
    put_file("x", file, size);
    sp_in *in = sp_in_open("x", e);
    assert_int_equal(sp_in_read(in, got, n, e), 1);
    int rc = sp_in_end(in, e);
    assert_int_equal(e->code, rc ? SP_EINPUT : SP_OK);
    sp_in_close(in);
    free(got);
    return rc;
}

static void end_of_raw_data(void **state)
{
    (void)state;
    sp_err e;
    size_t n = 600000; /* more than one buffer */
    uint8_t *p = test_bytes(n);
    assert_int_equal(end_after(p, n, n, &e), 0);
    for (size_t more = 1; more < 300000; more *= 7) {
        assert_int_equal(end_after(p, n, n - more, &e), -1);
        assert_string_equal(e.msg, "x: data after the end of what its header describes");
    }
    free(p);
}

static void end_of_zstd_data(void **state)
{
    (void)state;
    sp_err e;
    size_t n = 1000, len, edge;
    uint8_t *p = test_bytes(n);
    char *z = two_frames(p, n, &len, &edge);
    assert_int_equal(end_after(z, len, n, &e), 0);
    /* a byte of the same frame, or the whole next frame, that nobody asked for */
    assert_int_equal(end_after(z, len, n - 1, &e), -1);
    assert_message(e, "x: data after the end");
    assert_int_equal(end_after(z, len, n / 2, &e), -1);
    assert_message(e, "x: data after the end");
    /* all data are there, but their checksum is cut off */
    for (size_t cut = 1; cut <= 4; cut++) {
        assert_int_equal(end_after(z, len - cut, n, &e), -1);
        assert_string_equal(e.msg, "x: truncated zstd data");
    }
    free(p);
    free(z);
}

static void what_follows_zstd_data(void **state)
{
    (void)state;
    sp_err e;
    size_t n = 1000, len, edge;
    uint8_t *p = test_bytes(n);
    char *z = two_frames(p, n, &len, &edge);
    for (size_t more = 1; more < 12; more++) { /* bytes that are no frame */
        memset(z + len, 'x', more);
        assert_int_equal(end_after(z, len + more, n, &e), -1);
    }
    size_t frame = put_frame(z + len, "a", 1);
    assert_int_equal(end_after(z, len + frame, n, &e), -1);
    assert_message(e, "x: data after the end");
    frame = put_frame(z + len, "", 0); /* without data: allowed, but not half of it */
    assert_int_equal(end_after(z, len + frame, n, &e), 0);
    for (size_t cut = 1; cut < frame; cut++)
        assert_int_equal(end_after(z, len + frame - cut, n, &e), -1);
    memcpy(z + len, SKIPPABLE, SKIPPABLE_SIZE);
    assert_int_equal(end_after(z, len + SKIPPABLE_SIZE, n, &e), 0);
    for (size_t cut = 1; cut < SKIPPABLE_SIZE; cut++)
        assert_int_equal(end_after(z, len + SKIPPABLE_SIZE - cut, n, &e), -1);
    free(p);
    free(z);
}

/* ---- other people's zstd -------------------------------------------------------------- */

static void foreign_frames(void **state)
{
    (void)state;
    size_t n = 100000, cap = ZSTD_compressBound(n), len;
    uint8_t *p = test_bytes(n);
    char *z = sp_xmalloc(cap + 100);
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
    len = ZSTD_compress2(c, z, cap, p, n);
    put_file("x", z, len);
    read_back("x", p, n);
    memcpy(z, SKIPPABLE, SKIPPABLE_SIZE); /* before the data and behind */
    len = SKIPPABLE_SIZE + put_frame(z + SKIPPABLE_SIZE, p, n);
    memcpy(z + len, SKIPPABLE, SKIPPABLE_SIZE);
    put_file("x", z, len + SKIPPABLE_SIZE);
    read_back("x", p, n);
    ZSTD_freeCCtx(c);
    free(p);
    free(z);
}

/* ---- pipes ---------------------------------------------------------------------------- */

/* A process that writes these bytes into the pipe "fifo", one at a time, the first of them slowly
 * enough for the reader to see them alone. */
static pid_t feed(const void *p, size_t n)
{
    pid_t pid = fork();
    if (pid) return pid;
    int fd = open("fifo", O_WRONLY);
    for (size_t i = 0; i < n; i++) {
        if (write(fd, (const char *)p + i, 1) != 1) _exit(1);
        if (i < 6) usleep(10000);
    }
    _exit(0);
}

static void pipe_byte_by_byte(void **state)
{
    (void)state;
    size_t n = 500, len, edge;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    char *z = two_frames(p, n, &len, &edge);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    for (int raw = 0; raw < 2; raw++) {
        pid_t pid = raw ? feed(p, n) : feed(z, len);
        sp_err e = {0};
        sp_in *in = sp_in_open("fifo", &e);
        assert_int_equal(sp_in_skip(in, 100, &e), 0);
        assert_int_equal(sp_in_read(in, got, n - 100, &e), 1);
        assert_memory_equal(got, p + 100, n - 100);
        assert_int_equal(sp_in_end(in, &e), 0);
        sp_in_close(in);
        waitpid(pid, NULL, 0);
    }
    free(p);
    free(got);
    free(z);
}

static void some_and_skip(void **state)
{
    (void)state;
    char buf[16];
    sp_err e = {0};
    put_file("x", "0123456789", 10);
    sp_in *in = sp_in_open("x", &e);
    assert_int_equal(sp_in_some(in, buf, 4, &e), 4);
    assert_int_equal(sp_in_skip(in, 3, &e), 0);
    assert_int_equal(sp_in_some(in, buf, 16, &e), 3);
    assert_memory_equal(buf, "789", 3);
    assert_int_equal(sp_in_some(in, buf, 16, &e), 0);
    assert_int_equal(sp_in_skip(in, 1, &e), -1);
    assert_message(e, "x: truncated");
    sp_in_close(in);
    e.code = 0;
    in = sp_in_open("x", &e);
    assert_int_equal(sp_in_read(in, buf, 11, &e), -1);
    assert_message(e, "x: truncated (10 of 11 bytes)");
    sp_in_close(in);
}

static void stdin_is_given_once(void **state)
{
    (void)state;
    sp_err e = {0};
    sp_in *in = sp_in_open("-", &e);
    assert_non_null(in);
    assert_string_equal(sp_in_name(in), "standard input");
    assert_null(sp_in_open("-", &e));
    assert_int_equal(e.code, SP_EUSAGE);
    sp_in_close(in);
    e.code = 0;
    in = sp_in_open("-", &e);
    assert_non_null(in);
    sp_in_close(in);
}

static void open_errors(void **state)
{
    (void)state;
    static const char *const paths[] = {"missing", "missing/x", "/", "x/y"};
    put_file("x", "", 0);
    for (int i = 0; i < 4; i++) {
        sp_err e = {0};
        assert_null(sp_in_open(paths[i], &e));
        assert_int_equal(e.code, SP_EINPUT);
        assert_message(e, paths[i]);
    }
    sp_in_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(round_trip),          IN_DIR(every_cut_is_seen), IN_DIR(every_flip_is_seen),
        IN_DIR(end_of_raw_data),     IN_DIR(end_of_zstd_data),  IN_DIR(what_follows_zstd_data),
        IN_DIR(foreign_frames),      IN_DIR(pipe_byte_by_byte), IN_DIR(some_and_skip),
        IN_DIR(stdin_is_given_once), IN_DIR(open_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
