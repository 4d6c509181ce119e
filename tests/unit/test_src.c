/* test_src.c - sources: tensors by number and by name, in place, in part, widened; files of a
 * directory together. */
#include "tensor/src.h"

#include "tensor_files.h"

static void streams_round_trip(void **state)
{
    (void)state;
    sp_meta meta = {0};
    sp_meta_set(&meta, "format", "pt");
    for (int level = 0; level < 2; level++) {
        write_five("x", level, &meta);
        sp_src *s = must_open("x");
        check_five(s, 0);
        check_five(s, 3); /* again, from the middle */
        assert_true(sp_src_seekable(s));
        assert_int_equal(sp_src_nshards(s), 1);
        assert_string_equal(sp_src_shard_name(s, 0), "x");
        assert_string_equal(sp_meta_get(sp_src_meta(s), "format"), "pt");
        assert_int_equal(sp_src_map(s, 0) != NULL, level == 0);
        uint8_t part[2];
        sp_err e = {0};
        assert_int_equal(sp_src_read_part(s, 2, 1, 2, part, &e), 0);
        assert_int_equal(part[0], 35);
        sp_src_close(s);
    }
    sp_meta_free(&meta);
}

static void map_is_aligned_or_null(void **state)
{
    (void)state;
    static const char json[] =
        "{" TENSOR("a", "U8", "[1]", "[0,1]") "," TENSOR("b", "F32", "[1]", "[1,5]") "}";
    uint8_t file[8 + sizeof json + 4] = {sizeof json - 1};
    memcpy(file + 8, json, sizeof json - 1);
    float x = 1.5f, got = 0;
    memcpy(file + 8 + sizeof json - 1 + 1, &x, 4);
    put_file("x", file, 8 + sizeof json - 1 + 5);
    sp_src *s = must_open("x");
    sp_err e = {0};
    const float *p = sp_src_map(s, 1);
    assert_true(!p || (uintptr_t)p % 4 == 0);
    assert_non_null(sp_src_map(s, 0));
    assert_int_equal(sp_src_read_f32(s, 1, &got, &e), 0);
    assert_true(got == x);
    sp_src_close(s);
}

static void widening(void **state)
{
    (void)state;
    sp_tinfo t[] = {{.name = "h", .dtype = SP_F16, .rank = 1, .shape = {3}},
                    {.name = "b", .dtype = SP_BF16, .rank = 1, .shape = {3}},
                    {.name = "m", .dtype = SP_BOOL, .rank = 1, .shape = {3}},
                    {.name = "i", .dtype = SP_I64, .rank = 1, .shape = {3}}};
    static const float x[] = {1, -2.5f, 0};
    sp_err e = {0};
    for (int level = 0; level < 2; level++) {
        sp_dst *d = sp_dst_open("x", t, 4, NULL, level, &e);
        for (int i = 0; i < 4; i++) assert_int_equal(sp_dst_write_f32(d, x, &e), 0);
        assert_int_equal(sp_dst_finish(d, &e), 0);
        sp_src *s = must_open("x");
        float y[3];
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(sp_src_read_f32(s, i, y, &e), 0);
            assert_true(y[0] == 1 && y[1] == (i == 2 ? 1 : -2.5f) && y[2] == 0);
        }
        assert_int_equal(sp_src_read_f32_part(s, 0, 1, 1, y, &e), 0);
        assert_true(y[0] == -2.5f);
        sp_err bad = {0};
        assert_int_equal(sp_src_read_f32(s, 3, y, &bad), -1);
        assert_message(bad, "x: tensor \"i\": dtype I64, expected floating point");
        sp_src_close(s);
    }
}

static void shards(void **state)
{
    (void)state;
    make_checkpoint();
    sp_src *s = must_open("ck/");
    assert_string_equal(sp_src_name(s), "ck");
    assert_int_equal(sp_src_nshards(s), 2);
    assert_string_equal(sp_src_shard_name(s, 0), "m-1.safetensors");
    static const char *const order[] = {"h", "m", "w"};
    static const int shard[] = {0, 0, 1};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(sp_src_info(s, i)->name, order[i]);
        assert_int_equal(sp_src_info(s, i)->shard, shard[i]);
    }
    float x[6];
    sp_err e = {0};
    assert_int_equal(sp_src_read_f32(s, 2, x, &e), 0);
    assert_true(x[5] == 5);
    assert_int_equal(sp_src_end(s, &e), 0);
    sp_src_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(streams_round_trip),
        IN_DIR(map_is_aligned_or_null),
        IN_DIR(widening),
        IN_DIR(shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
