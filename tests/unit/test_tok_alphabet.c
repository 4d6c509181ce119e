/* test_tok_alphabet.c - the 256 bytes and their characters, one to one; known pairs. */
#include "text/tok/alphabet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void known(void **state)
{
    (void)state;
    static const struct {
        unsigned char byte;
        uint32_t c;
    } rows[] = {{'a', 'a'},   {'!', '!'},    {'~', '~'},    {0, 0x100},    {'\n', 0x10A},
                {' ', 0x120}, {0x7F, 0x121}, {0x80, 0x122}, {0xA0, 0x142}, {0xA1, 0xA1},
                {0xAC, 0xAC}, {0xAD, 0x143}, {0xAE, 0xAE},  {0xFF, 0xFF}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(tok_char_of_byte(rows[i].byte), rows[i].c);
}

static void one_to_one(void **state)
{
    (void)state;
    int chars = 0;
    for (unsigned b = 0; b < 256; b++)
        assert_int_equal(tok_byte_of_char(tok_char_of_byte((unsigned char)b)), b);
    for (uint32_t c = 0; c < 0x300; c++) {
        int b = tok_byte_of_char(c);
        if (b < 0) continue;
        assert_in_range(b, 0, 255);
        assert_int_equal(tok_char_of_byte((unsigned char)b), c);
        chars++;
    }
    assert_int_equal(chars, 256);
    assert_int_equal(tok_byte_of_char(UINT32_MAX), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known), cmocka_unit_test(one_to_one)};
    return cmocka_run_group_tests_name("tok_alphabet", tests, NULL, NULL);
}
