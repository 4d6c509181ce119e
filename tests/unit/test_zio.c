/* test_zio.c - byte streams: round trips, random access, what a damaged file says, and that nothing
 * partial stays. */
#include "cli/main.h"
#include "io/file.h"
#include "io/in.h"
#include "io/out.h"
#include "io/text.h"

#include "child.h"
#include "files.h"

#include <fcntl.h>
#include <omp.h>
#include <signal.h>
#include <sys/wait.h>
#include <zstd.h>

/* Write n bytes in pieces of odd sizes. */
static void write_file(const char *path, int level, const uint8_t *p, size_t n)
{
    sp_err e = {0};
    sp_out *o = sp_out_open(path, level, &e);
    assert_non_null(o);
    for (size_t at = 0, step = 1; at < n; at += step, step = step * 3 % 1000003 + 1) {
        if (step > n - at) step = n - at;
        assert_int_equal(sp_out_write(o, p + at, step, &e), 0);
    }
    assert_int_equal(sp_out_finish(o, &e), 0);
}

static void read_back(const char *path, const uint8_t *want, size_t n)
{
    sp_err e = {0};
    sp_in *in = sp_in_open(path, &e);
    uint8_t *got = sp_xmalloc(n);
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

static const size_t sizes[] = {
    0, 1, 3, 4, 1000, SP_FRAME - 1, SP_FRAME, SP_FRAME + 1, 3 * SP_FRAME + 7};
#define N_SIZES (sizeof sizes / sizeof *sizes)

static void round_trip(void **state)
{
    (void)state;
    uint8_t *p = test_bytes(sizes[N_SIZES - 1]);
    for (size_t i = 0; i < N_SIZES; i++)
        for (int level = 0; level < 4; level += 3) {
            write_file("x", level, p, sizes[i]);
            read_back("x", p, sizes[i]);
        }
    free(p);
}

static void random_access(void **state)
{
    (void)state;
    size_t n = sizes[N_SIZES - 1];
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

static void same_bytes_for_any_threads(void **state)
{
    (void)state;
    size_t n = 5 * SP_FRAME + 11, n1, nt;
    uint8_t *p = test_bytes(n);
    omp_set_num_threads(1);
    write_file("x", 1, p, n);
    char *one = get_file("x", &n1);
    for (int t = 2; t <= 5; t++) {
        omp_set_num_threads(t);
        write_file("x", 1, p, n);
        char *many = get_file("x", &nt);
        assert_int_equal(nt, n1);
        assert_memory_equal(many, one, n1);
        free(many);
    }
    omp_set_num_threads(2);
    free(one);
    free(p);
}

/* Every frame tells its size and carries a checksum, as the reader of other tools expects. */
static void frames_are_complete(void **state)
{
    (void)state;
    size_t n = 2 * SP_FRAME + 5, len;
    uint8_t *p = test_bytes(n);
    write_file("x", 2, p, n);
    char *z = get_file("x", &len);
    size_t want[] = {SP_FRAME, SP_FRAME, 5}, at = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ZSTD_getFrameContentSize(z + at, len - at), want[i]);
        assert_true(z[at + 4] & 4); /* Content_Checksum_flag */
        at += ZSTD_findFrameCompressedSize(z + at, len - at);
    }
    assert_int_equal(at, len);
    free(z);
    free(p);
}

/* ---- damage --------------------------------------------------------------------------- */

/* All n bytes and then the end, through the sequential or the random reader: 0, or -1 with a
 * message. */
static int read_whole(const char *path, uint8_t *got, size_t n, bool random, sp_err *e)
{
    sp_file *f = NULL;
    int rc = random ? sp_file_open(&f, path, e) : 0;
    if (rc < 0) return -1;
    if (rc == 1) {
        rc = sp_file_size(f) == n ? sp_file_read(f, 0, got, n, e) : sp_fail(e, SP_EINPUT, "size");
        sp_file_close(f);
        return rc;
    }
    sp_in *in = sp_in_open(path, e);
    rc = sp_in_read(in, got, n, e);
    rc = rc == 1 ? sp_in_end(in, e) : rc == 0 ? sp_fail(e, SP_EINPUT, "ends early") : -1;
    sp_in_close(in);
    return rc;
}

/* Two small frames, so that every byte can be cut or flipped. */
static char *small_file(const uint8_t *p, size_t n, size_t *len, size_t *edge)
{
    char *z = sp_xmalloc(ZSTD_compressBound(n) * 2);
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    *edge = ZSTD_compress2(c, z, ZSTD_compressBound(n), p, n / 2);
    *len = *edge + ZSTD_compress2(c, z + *edge, ZSTD_compressBound(n), p + n / 2, n - n / 2);
    ZSTD_freeCCtx(c);
    return z;
}

static void every_cut_is_seen(void **state)
{
    (void)state;
    size_t n = 1400, len, edge;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    char *z = small_file(p, n, &len, &edge);
    for (size_t cut = 0; cut <= len; cut++) {
        put_file("x", z, cut);
        for (int random = 0; random < 2; random++) {
            sp_err e = {0};
            int rc = read_whole("x", got, n, random, &e);
            assert_int_equal(rc, cut == len ? 0 : -1);
            if (rc) assert_int_equal(e.code, SP_EINPUT);
            if (cut == edge && !random) assert_message(e, "truncated");
        }
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
    char *z = small_file(p, n, &len, &edge);
    for (size_t i = 0; i < len * 8; i += i < 144 ? 1 : 31, tried += 2) {
        z[i / 8] ^= (char)(1 << i % 8);
        put_file("x", z, len);
        for (int random = 0; random < 2; random++) {
            sp_err e = {0};
            memset(got, 0, n);
            if (read_whole("x", got, n, random, &e) == 0) assert_memory_equal(got, p, n);
            else seen++;
        }
        z[i / 8] ^= (char)(1 << i % 8);
    }
    assert_true(seen > tried * 95 / 100);
    free(p);
    free(got);
    free(z);
}

static void trailing_bytes_are_seen(void **state)
{
    (void)state;
    size_t n = 1000, len, edge;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    char *z = small_file(p, n, &len, &edge);
    for (size_t extra = 1; extra < 12; extra++) {
        memset(z + len, 'x', extra);
        put_file("x", z, len + extra);
        for (int random = 0; random < 2; random++) {
            sp_err e = {0};
            assert_int_equal(read_whole("x", got, n, random, &e), -1);
            assert_int_equal(e.code, SP_EINPUT);
        }
    }
    sp_err e = {0};
    put_file("x", "abcdef", 6);
    sp_in *in = sp_in_open("x", &e);
    assert_int_equal(sp_in_read(in, got, 5, &e), 1);
    assert_int_equal(sp_in_end(in, &e), -1);
    assert_message(e, "x: data after the end");
    sp_in_close(in);
    free(p);
    free(got);
    free(z);
}

/* ---- other people's zstd -------------------------------------------------------------- */

/* A frame without content size, or a huge one, is read in sequence; skippable frames are skipped.
 */
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
    sp_err e = {0};
    sp_file *f;
    assert_int_equal(sp_file_open(&f, "x", &e), 0);
    read_back("x", p, n);

    static const char skippable[] = "\x50\x2a\x4d\x18\x03\0\0\0abc";
    memcpy(z, skippable, 11);
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 1);
    len = 11 + ZSTD_compress2(c, z + 11, cap, p, n);
    memcpy(z + len, skippable, 11);
    put_file("x", z, len + 11);
    read_back("x", p, n);
    uint8_t *got = sp_xmalloc(n);
    assert_int_equal(read_whole("x", got, n, true, &e), 0);
    assert_memory_equal(got, p, n);
    ZSTD_freeCCtx(c);
    free(got);
    free(p);
    free(z);
}

/* ---- pipes ---------------------------------------------------------------------------- */

static void pipe_byte_by_byte(void **state)
{
    (void)state;
    size_t n = 500, len, edge;
    uint8_t *p = test_bytes(n), *got = sp_xmalloc(n);
    char *z = small_file(p, n, &len, &edge);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    for (int raw = 0; raw < 2; raw++) {
        const char *data = raw ? (char *)p : z;
        size_t size = raw ? n : len;
        pid_t pid = fork();
        if (!pid) {
            int fd = open("fifo", O_WRONLY);
            for (size_t i = 0; i < size; i++)
                if (write(fd, data + i, 1) != 1) _exit(1);
            _exit(0);
        }
        sp_err e = {0};
        sp_file *f;
        assert_int_equal(sp_file_open(&f, "fifo", &e), 0);
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
    sp_err e = {0};
    sp_file *f;
    assert_int_equal(sp_file_open(&f, "missing", &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    e.code = 0;
    assert_int_equal(sp_file_open(&f, "x", &e), 0); /* empty */
}

/* ---- outputs -------------------------------------------------------------------------- */

static int interrupted(void *level)
{
    char *argv[] = {"sp-x", NULL};
    sp_err e = {0};
    sp_start(1, argv);
    sp_out *o = sp_out_open("x", *(int *)level, &e);
    if (sp_out_write(o, "new", 3, &e) < 0 || entries() != 2) return 1;
    raise(SIGTERM);
    return 2;
}

static void output_appears_whole(void **state)
{
    (void)state;
    sp_err e = {0};
    size_t n;
    for (int level = 0; level < 2; level++) {
        put_file("x", "old", 3);
        sp_out *o = sp_out_open("x", level, &e);
        assert_int_equal(sp_out_write(o, "new", 3, &e), 0);
        assert_int_equal(entries(), 2);
        sp_out_abort(o);
        assert_int_equal(entries(), 1);
        char *text = get_file("x", &n);
        assert_string_equal(text, "old");
        free(text);
        assert_int_equal(sp_child_run(interrupted, &level).sig, SIGTERM);
        assert_int_equal(entries(), 1);
        write_file("x", level, (const uint8_t *)"new", 3);
        read_back("x", (const uint8_t *)"new", 3);
        assert_int_equal(entries(), 1);
    }
}

static void full_device(void **state)
{
    (void)state;
    for (int level = 0; level < 2; level++) {
        sp_err e = {0};
        uint8_t *p = test_bytes(2 * SP_FRAME);
        sp_out *o = sp_out_open("/dev/full", level, &e);
        assert_non_null(o);
        int rc = sp_out_write(o, p, 2 * SP_FRAME, &e);
        if (rc == 0) rc = sp_out_finish(o, &e);
        else sp_out_abort(o);
        assert_int_equal(rc, -1);
        assert_int_equal(e.code, SP_ESYSTEM);
        assert_message(e, "/dev/full: No space left on device");
        free(p);
    }
}

static void special_targets(void **state)
{
    (void)state;
    sp_err e = {0};
    struct stat st;
    write_file("/dev/null", 1, (const uint8_t *)"abc", 3);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    put_file("real", "old", 3);
    assert_int_equal(symlink("real", "link"), 0);
    write_file("link", 0, (const uint8_t *)"new", 3);
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    read_back("real", (const uint8_t *)"new", 3);
    assert_null(sp_out_open("no/such/dir", 0, &e));
    assert_int_equal(e.code, SP_ESYSTEM);
    e.code = 0;
    assert_null(sp_out_open(".", 0, &e));
    assert_message(e, ".: is a directory");
}

static void text_output(void **state)
{
    (void)state;
    sp_text t;
    size_t n;
    sp_text_open(&t, "x.json");
    fputs("{}\n", t.f);
    assert_int_equal(access("x.json", F_OK), -1);
    sp_text_finish(&t);
    char *s = get_file("x.json", &n);
    assert_string_equal(s, "{}\n");
    free(s);
    assert_int_equal(entries(), 1);
    sp_text_open(&t, "/dev/null");
    sp_text_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(round_trip),
        IN_DIR(random_access),
        IN_DIR(same_bytes_for_any_threads),
        IN_DIR(frames_are_complete),
        IN_DIR(every_cut_is_seen),
        IN_DIR(every_flip_is_seen),
        IN_DIR(trailing_bytes_are_seen),
        IN_DIR(foreign_frames),
        IN_DIR(pipe_byte_by_byte),
        IN_DIR(some_and_skip),
        IN_DIR(stdin_is_given_once),
        IN_DIR(open_errors),
        IN_DIR(output_appears_whole),
        IN_DIR(full_device),
        IN_DIR(special_targets),
        IN_DIR(text_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
