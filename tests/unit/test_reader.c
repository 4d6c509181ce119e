/* test_reader.c - one file of any kind: what is cut, longer or lies about itself is refused; pipes
 * go forward only; one large frame is opened again. */
#include "tensor/reader.h"

#include "tensor_files.h"

#include <sys/wait.h>
#include <zstd.h>

/* Open, read all, prove the end. 0 or -1. */
static int read_all(const char *path, sp_err *e)
{
    sp_src *s = sp_src_open(path, e);
    int rc = s ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < sp_src_count(s); i++) {
        float *x = NULL;
        size_t cap = 0;
        rc = sp_src_load_f32(s, i, &x, &cap, e);
        free(x);
    }
    if (rc == 0) rc = sp_src_end(s, e);
    sp_src_close(s);
    return rc;
}

/* The same bytes through a pipe. */
static int read_all_piped(const char *path, sp_err *e)
{
    char *cmd = sp_xasprintf("cat %s > fifo", path);
    if (access("fifo", F_OK)) assert_int_equal(mkfifo("fifo", 0600), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) _exit(execlp("sh", "sh", "-c", cmd, NULL));
    int rc = read_all("fifo", e);
    waitpid(pid, NULL, 0);
    free(cmd);
    return rc;
}

static void every_cut_is_seen(void **state)
{
    (void)state;
    for (int level = 0; level < 2; level++) {
        write_five("x", level, NULL);
        size_t n;
        char *file = get_file("x", &n);
        for (size_t cut = 0; cut < n; cut++) {
            put_file("y", file, cut);
            sp_err e = {0}, p = {0};
            assert_int_equal(read_all("y", &e), -1);
            assert_int_equal(e.code, SP_EINPUT);
            assert_message(e, "y: ");
            if (cut % 37 == 0 || cut + 3 > n) {
                assert_int_equal(read_all_piped("y", &p), -1);
                assert_int_equal(p.code, SP_EINPUT);
                assert_message(p, "fifo: ");
            }
        }
        memcpy(file + n, "", 1); /* the terminating NUL that get_file left */
        put_file("y", file, n + 1);
        sp_err e = {0}, p = {0};
        assert_int_equal(read_all("y", &e), -1);
        assert_int_equal(read_all_piped("y", &p), -1);
        if (level == 0) assert_message(e, "y: longer than its header says");
        put_file("y", file, n);
        e.code = p.code = 0;
        assert_int_equal(read_all("y", &e), 0);
        assert_int_equal(read_all_piped("y", &p), 0);
        free(file);
    }
}

/* A header that promises more than any machine has: refused when the data do not come, not when
 * memory runs out. */
static void huge_claims(void **state)
{
    (void)state;
    static const char json[] =
        "{" TENSOR("a", "F32", "[250000000000000]", "[0,1000000000000000]") "}";
    uint8_t file[8 + sizeof json + 100] = {sizeof json - 1};
    memcpy(file + 8, json, sizeof json - 1);
    put_file("x", file, 8 + sizeof json - 1 + 100);
    sp_err e = {0}, p = {0};
    assert_int_equal(read_all("x", &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, "x: truncated");
    assert_int_equal(read_all_piped("x", &p), -1);
    assert_int_equal(p.code, SP_EINPUT);
    assert_message(p, "truncated");
    memset(file, 0xff, 8);
    put_file("x", file, sizeof file);
    e.code = 0;
    assert_int_equal(read_all("x", &e), -1);
    assert_message(e, "x: not a safetensors file (a header of 18446744073709551615 bytes)");
}

/* What stands in the place of weights when a download went wrong is named, however long a header
 * its first bytes seem to announce. */
static void foreign_files(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *message;
    } rows[] = {
        {"version https://git-lfs.github.com/spec/v1\n", 43,
         "not a safetensors file but a Git LFS"},
        {"\x1F\x8B\x08\0\0\0\0\0\0\3", 10, "not a safetensors file but a gzip file"},
        {"GGUF\3\0\0\0\0", 9, "not a safetensors file but a GGUF file"},
        {"\x03\0\0\0\0\0\0\0[1]", 11, "x: not a safetensors file"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put_file("x", rows[i].bytes, rows[i].n);
        sp_err e = {0}, p = {0};
        assert_int_equal(read_all("x", &e), -1);
        assert_int_equal(e.code, SP_EINPUT);
        assert_message(e, rows[i].message);
        assert_int_equal(read_all_piped("x", &p), -1);
        if (i < 3) assert_message(p, rows[i].message);
    }
}

static void pipes_go_forward(void **state)
{
    (void)state;
    write_five("x", 1, NULL);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) _exit(execlp("sh", "sh", "-c", "cat x > fifo", NULL));
    sp_src *s = must_open("fifo");
    uint8_t buf[24];
    sp_err e = {0};
    assert_false(sp_src_seekable(s));
    assert_null(sp_src_map(s, 0));
    assert_int_equal(sp_src_read(s, 1, buf, &e), 0); /* skips the first */
    assert_int_equal(buf[0], 24);
    assert_int_equal(sp_src_read(s, 0, buf, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, "fifo: tensor \"w\" expected, but the pipe has gone on to \"m\"");
    e.code = 0;
    assert_int_equal(sp_src_read(s, 4, buf, &e), 0);
    assert_int_equal(sp_src_end(s, &e), 0);
    sp_src_close(s);
    waitpid(pid, NULL, 0);
}

/* A file compressed in one piece without its size is opened again for what lies behind. */
static void one_large_frame(void **state)
{
    (void)state;
    write_five("x", 0, NULL);
    size_t n;
    char *raw = get_file("x", &n), z[4096];
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
    size_t len = ZSTD_compress2(c, z, sizeof z, raw, n);
    ZSTD_freeCCtx(c);
    free(raw);
    put_file("z", z, len);
    sp_src *s = must_open("z");
    check_five(s, 0);
    check_five(s, 0);
    uint8_t buf[24];
    sp_err e = {0};
    for (int i = 4; i >= 0; i--) assert_int_equal(sp_src_read(s, (size_t)i, buf, &e), 0);
    assert_int_equal(buf[5], 5);
    assert_true(sp_src_seekable(s));
    sp_src_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(every_cut_is_seen), IN_DIR(huge_claims),     IN_DIR(foreign_files),
        IN_DIR(pipes_go_forward),  IN_DIR(one_large_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
