/* test_match.c - which tensors fit which, and what is said of those that do not. */
#include "patch/match.h"

#include "tensor_files.h"

static void names_and_shapes(void **state)
{
    (void)state;
    sp_err e = {0};
    sp_tinfo part[] = {five[4], five[1]}, other[] = {five[1], five[0]};
    other[1].shape[1] = 4;
    write_five("all", 0, NULL);
    put_shard("part", part, 2);
    put_shard("other", other, 2);
    sp_src *all = must_open("all"), *p = must_open("part"), *o = must_open("other");
    size_t i = 99;
    assert_int_equal(sp_match_tensor(all, &five[4], &i, &e), 0);
    assert_int_equal(i, 4);
    assert_int_equal(sp_match_all(all, p, &e), 0);
    assert_int_equal(e.code, 0);
    assert_int_equal(sp_match_all(p, all, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(e.msg, "part: tensor \"w\": missing");
    e.code = 0;
    assert_int_equal(sp_match_all(all, o, &e), -1);
    assert_string_equal(e.msg, "all: tensor \"w\": shape 2x3, expected 2x4");
    sp_src_close(all);
    sp_src_close(p);
    sp_src_close(o);
}

static void kinds(void **state)
{
    (void)state;
    write_five("x", 0, NULL);
    sp_src *s = must_open("x");
    static const int fits[][5] = {
        [SP_FLOATS] = {1, 1, 0, 1, 1}, [SP_SCORES] = {1, 1, 1, 1, 1}, [SP_BITS] = {0, 0, 1, 0, 0}};
    for (int kind = SP_FLOATS; kind <= SP_BITS; kind++)
        for (size_t i = 0; i < 5; i++) {
            sp_err e = {0};
            assert_int_equal(sp_match_kind(s, i, (sp_kind)kind, &e), fits[kind][i] - 1);
        }
    sp_err e = {0}, f = {0};
    assert_int_equal(sp_match_kinds(s, SP_FLOATS, &e), -1);
    assert_string_equal(e.msg, "x: tensor \"m\": dtype BOOL, expected floating point");
    assert_int_equal(sp_match_kinds(s, SP_BITS, &f), -1);
    assert_string_equal(f.msg, "x: tensor \"w\": dtype F32, expected BOOL");
    assert_int_equal(sp_match_kinds(s, SP_SCORES, &f), 0);
    e.code = 0;
    assert_int_equal(sp_match_nonfinite(s, &five[0], &e), -1);
    assert_message(e, "x: tensor \"w\": holds NaN or Inf");
    sp_src_close(s);
    sp_tinfo ints = vector_of("i", SP_I32, 3);
    put_shard("y", &ints, 1);
    s = must_open("y");
    assert_int_equal(sp_match_kind(s, 0, SP_SCORES, &e), -1);
    sp_src_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {IN_DIR(names_and_shapes), IN_DIR(kinds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
