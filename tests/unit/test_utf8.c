/* test_utf8.c - UTF-8: every code point there and back, every ill-formed pair and triple of bytes
 * against the table of the Unicode standard, the length of what is skipped. */
#include "base/utf8.h"

#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static bool valid_point(uint32_t c) { return c < 0xD800 || (c > 0xDFFF && c <= 0x10FFFF); }

static void every_code_point_there_and_back(void **state)
{
    (void)state;
    for (uint32_t c = 0, got; c <= 0x10FFFF; c++) {
        char s[8] = "";
        if (!valid_point(c)) continue;
        size_t n = sp_utf8_put(s, c);
        assert_int_equal(n, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
        assert_int_equal(sp_utf8_next(s, n, &got), n);
        assert_true(got == c);
        assert_true(sp_utf8_valid(s, n));
        assert_true(n == 1 || !sp_utf8_valid(s, n - 1));
    }
}

/* Table 3-7 of the Unicode standard: which second bytes may follow a first. */
static bool may_follow(int first, int second)
{
    int lo = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    int hi = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    return second >= lo && second <= hi;
}

static int length_of(int first)
{
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4) return 0;
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* How many of the three bytes belong to the character or to its longest well-formed beginning. */
static int span(const unsigned char *s, bool *whole)
{
    int n = length_of(s[0]);
    *whole = n == 1;
    if (n < 2 || !may_follow(s[0], s[1])) return 1;
    *whole = n == 2;
    if (n == 2 || (s[2] & 0xC0) != 0x80) return 2;
    *whole = n == 3;
    return 3;
}

static void every_three_bytes(void **state)
{
    (void)state;
    for (int first = 0; first < 256; first++)
        for (int second = 0; second < 256; second++)
            for (int third = 0; third < 256; third += 21) {
                const unsigned char s[3] = {(unsigned char)first, (unsigned char)second,
                                            (unsigned char)third};
                bool whole;
                uint32_t c;
                size_t want = (size_t)span(s, &whole), got = sp_utf8_next((const char *)s, 3, &c);
                if (got != want || (c != SP_UTF8_BAD) != whole)
                    fail_msg("%02x %02x %02x: %zu bytes, not %zu", first, second, third, got, want);
            }
}

static void spaces(void **state)
{
    (void)state;
    static const uint32_t some[] = {9,      10,     13,     ' ',    0x85,   0xA0,   0x1680,
                                    0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000};
    int n = 0;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) assert_true(sp_utf8_space(some[i]));
    for (uint32_t c = 0; c < 0x11000; c++) n += sp_utf8_space(c);
    assert_int_equal(n, 25); /* so many have the property White_Space */
    assert_false(sp_utf8_space(0x200B));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_code_point_there_and_back),
                                       cmocka_unit_test(every_three_bytes),
                                       cmocka_unit_test(spaces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
