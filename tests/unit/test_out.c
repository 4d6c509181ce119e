/* test_out.c - outputs: the same bytes for any number of threads, frames as other tools expect
 * them, nothing partial under the final name, full devices seen. */
#include "io/out.h"

#include "base/base.h"
#include "cli/main.h"

#include "child.h"
#include "streams.h"

#include <omp.h>
#include <signal.h>

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

/* Nothing written is one frame without content; with a full last frame there is no empty one. */
static void empty_and_full_frames(void **state)
{
    (void)state;
    size_t len;
    uint8_t *p = test_bytes(SP_FRAME);
    write_file("x", 1, p, 0);
    char *z = get_file("x", &len);
    assert_int_equal(ZSTD_getFrameContentSize(z, len), 0);
    assert_int_equal(ZSTD_findFrameCompressedSize(z, len), len);
    free(z);
    write_file("x", 1, p, SP_FRAME);
    z = get_file("x", &len);
    assert_int_equal(ZSTD_findFrameCompressedSize(z, len), len);
    free(z);
    write_file("x", 0, p, 0);
    free(get_file("x", &len));
    assert_int_equal(len, 0);
    free(p);
}

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

/* A device that is full from the start shows in sp_out_finish, where the only frame is written. */
static void full_device_at_the_end(void **state)
{
    (void)state;
    for (int level = 0; level < 2; level++) {
        sp_err e = {0};
        sp_out *o = sp_out_open("/dev/full", level, &e);
        assert_int_equal(sp_out_write(o, "abc", 3, &e), 0);
        assert_int_equal(sp_out_finish(o, &e), -1);
        assert_int_equal(e.code, SP_ESYSTEM);
        assert_string_equal(e.msg, "/dev/full: No space left on device");
    }
}

static void open_errors(void **state)
{
    (void)state;
    sp_err e = {0};
    assert_null(sp_out_open("no/such/dir", 0, &e));
    assert_int_equal(e.code, SP_ESYSTEM);
    e.code = 0;
    assert_null(sp_out_open(".", 1, &e));
    assert_string_equal(e.msg, ".: is a directory");
    sp_out_abort(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(same_bytes_for_any_threads),
        IN_DIR(frames_are_complete),
        IN_DIR(empty_and_full_frames),
        IN_DIR(output_appears_whole),
        IN_DIR(full_device),
        IN_DIR(full_device_at_the_end),
        IN_DIR(open_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
