/* test_hf_dir.c - new checkpoint directories: what goes along, and that nothing is left of one that
 * fails. */
#include "cli/main.h"
#include "tensor/dst.h"

#include "child.h"
#include "tensor_files.h"

#include <fcntl.h>
#include <signal.h>

/* Copy a checkpoint through sp_dst_open_dir with another dtype (-1: the same); 0 or -1. */
static int copy_checkpoint(const char *from, const char *to, int dtype, sp_err *e)
{
    sp_src *s = must_open(from);
    sp_tinfo t[3];
    float x[16];
    for (size_t i = 0; i < 3; i++) {
        t[i] = *sp_src_info(s, i);
        if (dtype >= 0) t[i].dtype = (sp_dtype)dtype;
    }
    sp_dst *d = sp_dst_open_dir(to, from, t, 3, NULL, e);
    int rc = d ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < 3; i++) {
        assert_int_equal(access(to, F_OK), -1); /* nothing to be seen before the end */
        rc = sp_src_read_f32(s, i, x, e) < 0 ? -1 : sp_dst_write_f32(d, x, e);
    }
    sp_src_close(s);
    return rc < 0 ? -1 : sp_dst_finish(d, e);
}

static void same_file(const char *a, const char *b)
{
    size_t n, m;
    char *x = get_file(a, &n), *y = get_file(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

static void checkpoint_copies(void **state)
{
    (void)state;
    make_checkpoint();
    sp_err e = {0};
    assert_int_equal(copy_checkpoint("ck", "out/", -1, &e), 0);
    assert_int_equal(entries(), 2);
    same_file("ck/config.json", "out/config.json");
    same_file("ck/tokenizer.json", "out/tokenizer.json");
    assert_int_equal(access("out/pytorch_model.bin", F_OK), -1);
    sp_src *s = must_open("out");
    assert_int_equal(sp_src_nshards(s), 2);
    assert_string_equal(sp_src_info(s, 2)->name, "w");
    assert_int_equal(sp_src_info(s, 2)->shard, 1);
    assert_string_equal(sp_meta_get(sp_src_meta(s), "format"), "pt");
    sp_src_close(s);

    assert_int_equal(copy_checkpoint("ck", "half", SP_F16, &e), 0);
    size_t n;
    char *config = get_file("half/config.json", &n),
         *index = get_file("half/model.safetensors.index.json", &n);
    assert_non_null(strstr(config, "\"torch_dtype\": \"float16\""));
    assert_non_null(strstr(index, "\"total_size\": 28")); /* 14 elements of 2 bytes */
    free(config);
    free(index);
}

static int interrupted(void *arg)
{
    (void)arg;
    char *argv[] = {"sp-x", NULL};
    sp_err e = {0};
    sp_start(1, argv);
    if (!sp_dst_open_dir("out", "ck", &five[1], 1, NULL, &e) || entries() != 3) return 1;
    raise(SIGINT);
    return 2;
}

static void checkpoint_output_is_careful(void **state)
{
    (void)state;
    make_checkpoint();
    sp_err e = {0};
    assert_int_equal(copy_checkpoint("ck", "ck", -1, &e), -1);
    assert_message(e, "ck: exists and is not empty");
    e.code = 0;
    put_text("file", "");
    assert_int_equal(copy_checkpoint("ck", "file", -1, &e), -1);
    assert_message(e, "file: exists and is not a directory");
    e.code = 0;
    assert_int_equal(copy_checkpoint("ck", "no/where", -1, &e), -1);
    assert_int_equal(e.code, SP_ESYSTEM);
    assert_int_equal(entries(), 2);
    e.code = 0;
    sp_tinfo backward[] = {five[0], five[1]}, stranger = {.name = "zz", .dtype = SP_F32, .rank = 0};
    assert_null(sp_dst_open_dir("out", "ck", backward, 2, NULL, &e));
    assert_message(e, "tensor \"h\": comes in another order");
    e.code = 0;
    assert_null(sp_dst_open_dir("out", "ck", &stranger, 1, NULL, &e));
    assert_message(e, "tensor \"zz\": not in the base");
    e.code = 0;
    sp_dst *d = sp_dst_open_dir("out", "ck", &five[1], 1, NULL, &e);
    assert_non_null(d);
    assert_int_equal(entries(), 3);
    sp_dst_abort(d);
    assert_int_equal(entries(), 2);
    assert_int_equal(sp_child_run(interrupted, NULL).sig, SIGINT);
    assert_int_equal(entries(), 2);
}

/* A file of the base that cannot be copied must not go missing. */
static void dangling_link(void **state)
{
    (void)state;
    make_checkpoint();
    sp_err e = {0};
    assert_int_equal(symlink("../../blobs/none", "ck/vocab.json"), 0);
    assert_int_equal(copy_checkpoint("ck", "out", -1, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, "ck/vocab.json: is a link to ../../blobs/none, which is not there");
    assert_int_equal(entries(), 1);
}

/* A directory with only a configuration: all weights in one file. */
static void checkpoint_from_scratch(void **state)
{
    (void)state;
    assert_int_equal(mkdir("ck", 0777), 0);
    put_text("ck/config.json", "{\"dtype\":\"float16\"}");
    sp_err e = {0};
    sp_tinfo t = five[0];
    float x[6] = {1, 2, 3, 4, 5, 6};
    sp_dst *d = sp_dst_open_dir("out", "ck", &t, 1, NULL, &e);
    assert_non_null(d);
    assert_int_equal(sp_dst_write_f32(d, x, &e), 0);
    assert_int_equal(sp_dst_finish(d, &e), 0);
    assert_int_equal(access("out/model.safetensors.index.json", F_OK), -1);
    size_t n;
    char *config = get_file("out/config.json", &n);
    assert_non_null(strstr(config, "\"dtype\": \"float32\""));
    free(config);
    sp_src_close(must_open("out"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(checkpoint_copies),
        IN_DIR(checkpoint_output_is_careful),
        IN_DIR(dangling_link),
        IN_DIR(checkpoint_from_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
