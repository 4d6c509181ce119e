/* test_foreign.c - files told by their first bytes, and links to nothing. */
#include "io/foreign.h"

#include "files.h"

#include <errno.h>

static void first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *what;
    } rows[] = {
        {"version https", 13, "Git LFS"},
        {"\x1F\x8B", 2, "gzip"},
        {"BZh9", 4, "bzip2"},
        {"\xFD\x37zXZ\0", 6, "xz"},
        {"\x28\xB5\x2F\xFD", 4, "zstd"},
        {"PK\3\4", 4, "PyTorch"},
        {"\x80\2}q", 4, "pickled"},
        {"\x80\4\x95", 3, "pickled"},
        {"GGUF\3", 5, "GGUF"},
        {"\x89HDF\r\n\x1A\n", 8, "HDF5"},
        {"PAR1", 4, "Parquet"},
        {"\xFF\xFE{", 3, "UTF-16"},
        {"\xFE\xFF", 2, "UTF-16"},
        {"<!DOCTYPE html>", 15, "web page"},
        {"<html>", 6, "web page"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *what = sp_foreign(rows[i].bytes, rows[i].n);
        if (!what || !strstr(what, rows[i].what))
            fail_msg("%s, expected %s", what ? what : "nothing", rows[i].what);
    }
    static const char *const ours[] = {"",     "version",          "{\"a\":1}",
                                       "<svg", "\x28\xB5\x2F\xFE", "version:"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert_null(sp_foreign(ours[i], strlen(ours[i])));
    assert_null(sp_foreign("GGUF", 3));
}

static void mark(void **state)
{
    (void)state;
    assert_int_equal(sp_bom("\xEF\xBB\xBF{}", 5), 3);
    assert_int_equal(sp_bom("\xEF\xBB\xBF", 3), 3);
    assert_int_equal(sp_bom("\xEF\xBB\xBF", 2), 0);
    assert_int_equal(sp_bom("{}", 2), 0);
}

static void links(void **state)
{
    (void)state;
    sp_err e = {0};
    assert_int_equal(symlink("../../blobs/none", "link"), 0);
    assert_int_equal(sp_fail_open(&e, "link", ENOENT), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, "link: is a link to ../../blobs/none, which is not there");
    e = (sp_err){0};
    sp_fail_open(&e, "link", EACCES);
    assert_string_equal(e.msg, "link: Permission denied");
    e = (sp_err){0};
    sp_fail_open(&e, "none", ENOENT);
    assert_string_equal(e.msg, "none: No such file or directory");
    e = (sp_err){0};
    sp_fail_open(&e, "none", EMFILE);
    assert_int_equal(e.code, SP_ESYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_bytes), cmocka_unit_test(mark),
                                       IN_DIR(links)};
    return cmocka_run_group_tests_name("foreign", tests, NULL, NULL);
}
