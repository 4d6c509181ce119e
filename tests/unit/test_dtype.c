/* test_dtype.c - names and sizes of dtypes as safetensors has them. */
#include "tensor/dtype.h"

#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
    bool is_float;
} spec[] = {{"BOOL", 1, false}, {"U8", 1, false},  {"I8", 1, false},  {"U16", 2, false},
            {"I16", 2, false},  {"U32", 4, false}, {"I32", 4, false}, {"F16", 2, true},
            {"BF16", 2, true},  {"F32", 4, true},  {"F64", 8, true},  {"U64", 8, false},
            {"I64", 8, false}};

static void as_specified(void **state)
{
    (void)state;
    assert_int_equal(sizeof spec / sizeof *spec, SP_NDTYPES);
    for (size_t i = 0; i < SP_NDTYPES; i++) {
        int d = sp_dtype_parse(spec[i].name);
        assert_in_range(d, 0, SP_NDTYPES - 1);
        assert_string_equal(sp_dtype_name((sp_dtype)d), spec[i].name);
        assert_int_equal(sp_dtype_size((sp_dtype)d), spec[i].size);
        assert_int_equal(sp_dtype_is_float((sp_dtype)d), spec[i].is_float);
    }
}

static void names_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(sp_dtype_parse("bf16"), SP_BF16);
    assert_int_equal(sp_dtype_parse("Bool"), SP_BOOL);
    assert_int_equal(sp_dtype_parse("F8"), -1);
    assert_int_equal(sp_dtype_parse("F3"), -1);
    assert_int_equal(sp_dtype_parse("F322"), -1);
    assert_int_equal(sp_dtype_parse(""), -1);
    assert_false(sp_dtype_is_float(SP_NDTYPES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_specified),
        cmocka_unit_test(names_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
