/* test_tok_protobuf.c - every type of field, numbers of several bytes, and messages that are cut
 * off at every byte. */
#include "text/tok/protobuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* 1: 300; 2: the bytes "ab"; 3: 32 bits; 4: 64 bits; 20 (a tag of two bytes): 2^64 - 1. */
static const unsigned char message[] = "\x08\xAC\x02"
                                       "\x12\x02"
                                       "ab"
                                       "\x1D\x01\x02\x03\x04"
                                       "\x21\x08\x07\x06\x05\x04\x03\x02\x01"
                                       "\xA0\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01";
#define SIZE (sizeof message - 1)

static void fields(void **state)
{
    (void)state;
    tok_pb c = {message, message + SIZE};
    tok_pb_field f;
    static const struct {
        uint64_t number, value;
    } want[] = {{1, 300}, {2, 0}, {3, 0x04030201}, {4, 0x0102030405060708}, {20, UINT64_MAX}};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(tok_pb_next(&c, &f), 1);
        assert_int_equal(f.number, want[i].number);
        assert_true(f.value == want[i].value);
        assert_int_equal(f.bytes.p != NULL, i == 1);
        if (i == 1) assert_int_equal(f.bytes.end - f.bytes.p, 2);
        if (i == 1) assert_memory_equal(f.bytes.p, "ab", 2);
    }
    assert_int_equal(tok_pb_next(&c, &f), 0);
}

/* Between two fields the message just ends; anywhere else it is broken. */
static void cut_off(void **state)
{
    (void)state;
    static const size_t edges[] = {0, 3, 7, 12, 21, SIZE};
    for (size_t n = 0; n <= SIZE; n++) {
        bool edge = false;
        for (size_t i = 0; i < 6; i++) edge = edge || edges[i] == n;
        unsigned char *exact = malloc(n ? n : 1); /* so that a read past the end is seen */
        memcpy(exact, message, n);
        tok_pb c = {exact, exact + n};
        tok_pb_field f;
        int rc;
        while ((rc = tok_pb_next(&c, &f)) > 0) {}
        assert_int_equal(rc, edge ? 0 : -1);
        free(exact);
    }
}

static void broken(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "\x0B", /* a group, which is not read */
        "\x12\x05"
        "ab",                                               /* longer than what is left */
        "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", /* more than 64 bits */
    };
    for (size_t i = 0; i < 3; i++) {
        const unsigned char *p = (const unsigned char *)rows[i];
        tok_pb c = {p, p + strlen(rows[i])};
        tok_pb_field f;
        assert_int_equal(tok_pb_next(&c, &f), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields), cmocka_unit_test(cut_off),
                                       cmocka_unit_test(broken)};
    return cmocka_run_group_tests_name("tok_protobuf", tests, NULL, NULL);
}
