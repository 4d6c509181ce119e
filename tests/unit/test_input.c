/* test_input.c - what is zstd, and whose fault a file is that cannot be opened. */
#include "io/input.h"

#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

static void first_bytes(void **state)
{
    (void)state;
    assert_true(sp_is_zstd("\x28\xb5\x2f\xfd", 4));
    assert_false(sp_is_zstd("\x28\xb5\x2f\xfd", 3));
    assert_false(sp_is_zstd("\x28\xb5\x2f\xfe", 4));
    assert_false(sp_is_zstd("\x29\xb5\x2f\xfd", 4));
    for (int i = 0x50; i <= 0x5f; i++) { /* skippable frames have one of 16 numbers */
        const char magic[] = {(char)i, 0x2a, 0x4d, 0x18};
        assert_true(sp_is_zstd(magic, 4));
    }
    assert_false(sp_is_zstd("\x60\x2a\x4d\x18", 4));
    assert_false(sp_is_zstd("\x4f\x2a\x4d\x18", 4));
    assert_false(sp_is_zstd("", 0));
}

static void whose_fault(void **state)
{
    (void)state;
    static const int machine[] = {ENOMEM, EMFILE, ENFILE, EIO};
    static const int input[] = {ENOENT, EACCES, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG};
    for (int i = 0; i < 4; i++) assert_int_equal(sp_open_code(machine[i]), SP_ESYSTEM);
    for (int i = 0; i < 6; i++) assert_int_equal(sp_open_code(input[i]), SP_EINPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_bytes),
                                       cmocka_unit_test(whose_fault)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
