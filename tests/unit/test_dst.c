/* test_dst.c - what is written: the form of a file, and that it must be complete. */
#include "tensor/dst.h"

#include "tensor_files.h"

/* 8 bytes of length and a header that is a multiple of 8, so that data are aligned for others too;
 * same bytes every time. */
static void header_is_aligned(void **state)
{
    (void)state;
    size_t n, m;
    write_five("x", 0, NULL);
    write_five("y", 0, NULL);
    char *x = get_file("x", &n), *y = get_file("y", &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    assert_int_equal((uint8_t)x[0] % 8, 0);
    static const char head[] =
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},\"h\":";
    assert_memory_equal(x + 8, head, sizeof head - 1);
    free(x);
    free(y);
}

static void writer_counts(void **state)
{
    (void)state;
    sp_err e = {0};
    uint8_t z[32] = {0};
    sp_dst *d = sp_dst_open("x", five, 5, NULL, 0, &e);
    assert_int_equal(sp_dst_write(d, z, 25, &e), -1); /* over the end of "w" */
    assert_message(e, "more data written than tensor \"w\" holds");
    e.code = 0;
    assert_int_equal(sp_dst_write(d, z, 20, &e), 0);
    assert_int_equal(sp_dst_write(d, z, 5, &e), -1); /* with what is there already */
    assert_message(e, "more data written than tensor \"w\" holds");
    e.code = 0;
    assert_int_equal(sp_dst_write(d, z, 4, &e), 0);
    assert_int_equal(sp_dst_finish(d, &e), -1);
    assert_message(e, "tensor \"h\" was not written");
    assert_int_equal(entries(), 0);
    sp_tinfo twice[] = {five[0], five[0]};
    e.code = 0;
    assert_null(sp_dst_open("x", twice, 2, NULL, 0, &e));
    assert_message(e, "tensor \"w\" appears twice");
    assert_int_equal(entries(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(header_is_aligned),
        IN_DIR(writer_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
