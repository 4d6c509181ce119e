/* tensor_files.h - tensor streams for the tests of the modules that read and write them.
 */
#ifndef SP_TEST_TENSOR_FILES_H
#define SP_TEST_TENSOR_FILES_H

#include "tensor/dst.h"
#include "tensor/src.h"

#include "files.h"

/* An entry of a header. */
#define TENSOR(name, dtype, shape, off) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" off "}"

/* Three tensors of 6 F32, 5 BF16, 3 BOOL, an empty and a scalar one, their bytes 0, 1, 2
 * ... */
static sp_tinfo five[] = {
    {.name = "w", .dtype = SP_F32, .rank = 2, .shape = {2, 3}},
    {.name = "h", .dtype = SP_BF16, .rank = 1, .shape = {5}},
    {.name = "m", .dtype = SP_BOOL, .rank = 1, .shape = {3}},
    {.name = "e", .dtype = SP_F32, .rank = 2, .shape = {0, 4}},
    {.name = "s", .dtype = SP_F64, .rank = 0},
};
static const size_t five_bytes[] = {24, 10, 3, 0, 8};

static inline void write_five(const char *path, int level, const sp_meta *meta)
{
    sp_err e = {0};
    sp_dst *d = sp_dst_open(path, five, 5, meta, level, &e);
    assert_non_null(d);
    for (size_t i = 0, k = 0; i < 5; i++)
        for (size_t j = 0; j < five_bytes[i]; j++, k++) {
            uint8_t b = (uint8_t)k;
            assert_int_equal(sp_dst_write(d, &b, 1, &e), 0);
        }
    assert_int_equal(sp_dst_finish(d, &e), 0);
}

static inline sp_src *must_open(const char *path)
{
    sp_err e = {0};
    sp_src *s = sp_src_open(path, &e);
    if (!s) fail_msg("%s", e.msg);
    return s;
}

/* Read the tensors from number `first` on, and prove the end. */
static inline void check_five(sp_src *s, size_t first)
{
    uint8_t buf[24], k = 0;
    sp_err e = {0};
    assert_int_equal(sp_src_count(s), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(sp_src_info(s, i)->name, five[i].name);
        assert_int_equal(sp_src_find(s, five[i].name), i);
        assert_int_equal(sp_src_info(s, i)->nbytes, five_bytes[i]);
        if (i >= first) assert_int_equal(sp_src_read(s, i, buf, &e), 0);
        for (size_t j = 0; j < five_bytes[i]; j++, k++)
            if (i >= first) assert_int_equal(buf[j], k);
    }
    assert_int_equal(sp_src_find(s, "x"), -1);
    assert_int_equal(sp_src_end(s, &e), 0);
}

/* A stream of tensors t[0..n), x[i] their numbers. */
static inline void put_tensors(const char *path, int level, const sp_tinfo *t, size_t n,
                               const float *const *x)
{
    sp_err e = {0};
    sp_dst *d = sp_dst_open(path, t, n, NULL, level, &e);
    assert_non_null(d);
    for (size_t i = 0; i < n; i++) assert_int_equal(sp_dst_write_f32(d, x[i], &e), 0);
    assert_int_equal(sp_dst_finish(d, &e), 0);
}

/* A vector of n F32 of that name. */
static inline sp_tinfo vector_of(const char *name, sp_dtype dtype, int64_t n)
{
    return (sp_tinfo){.name = (char *)name, .dtype = dtype, .rank = 1, .shape = {n}};
}

static inline void put_text(const char *path, const char *text)
{
    put_file(path, text, strlen(text));
}

/* Shard `file` of dir with tensors t[0..n), their elements 1, 2, 3 ... */
static inline void put_shard(const char *file, const sp_tinfo *t, size_t n)
{
    sp_err e = {0};
    float x[16];
    sp_dst *d = sp_dst_open(file, t, n, NULL, 0, &e);
    assert_non_null(d);
    for (size_t i = 0; i < n; i++) {
        for (int j = 0; j < 16; j++) x[j] = (float)(i * 10 + (size_t)j);
        assert_int_equal(sp_dst_write_f32(d, x, &e), 0);
    }
    assert_int_equal(sp_dst_finish(d, &e), 0);
}

static const char index_text[] =
    "{\"metadata\":{\"total_size\":40},\"weight_map\":{\"w\":\"m-2."
    "safetensors\",\"h\":\"m-1.safetensors\","
    "\"m\":\"m-1.safetensors\"}}";

/* A checkpoint of two shards with configuration and tokenizer. */
static inline void make_checkpoint(void)
{
    assert_int_equal(mkdir("ck", 0777), 0);
    put_shard("ck/m-2.safetensors", &five[0], 1);
    put_shard("ck/m-1.safetensors", &five[1], 2);
    put_text("ck/model.safetensors.index.json", index_text);
    put_text("ck/config.json", "{\"hidden_size\":4,\"torch_dtype\":\"bfloat16\"}");
    put_text("ck/tokenizer.json", "{}");
    put_text("ck/pytorch_model.bin", "other weights");
}

#endif
