/* utf8.h - one character at a time, from bytes that may not be UTF-8 at all. */
#ifndef SP_UTF8_H
#define SP_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_UTF8_BAD UINT32_MAX

/* How many bytes follow b, the first of a character; 0 where b is ASCII or begins none.
 */
static inline size_t sp_utf8_more(unsigned b)
{
    if (b >= 0xC2 && b <= 0xDF) return 1;
    if (b >= 0xE0 && b <= 0xEF) return 2;
    return b >= 0xF0 && b <= 0xF4 ? 3 : 0;
}

/* Decode the character at s, of which n > 0 bytes are there, into *c, and return how many
 * bytes it takes. Ill-formed bytes give SP_UTF8_BAD and the length of their longest
 * prefix that could have begun a character, at least 1. (Unicode calls it a maximal
 * subpart, and lets each count as one bad character.)
 *     "\xC3\xA4"      U+00E4, 2
 *     "\xE2\x82" "a"  SP_UTF8_BAD, 2: E2 82 AC would have been a character
 *     "\xFF"          SP_UTF8_BAD, 1 */
static inline size_t sp_utf8_next(const char *s, size_t n, uint32_t *c)
{
    const unsigned char *u = (const unsigned char *)s;
    unsigned b = u[0];
    if (b < 0x80) return *c = b, 1;
    size_t more = sp_utf8_more(b), i;
    /* The second byte is in 80..BF, less what would make an overlong form (after E0, F0),
     * a surrogate (after ED) or a number past U+10FFFF (after F4). */
    unsigned lo = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80;
    unsigned hi = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
    uint32_t v = b & (0x3Fu >> more);
    for (i = 1; i <= more && i < n && u[i] >= lo && u[i] <= hi; i++, lo = 0x80, hi = 0xBF)
        v = v << 6 | (u[i] & 0x3F);
    *c = more && i > more ? v : SP_UTF8_BAD;
    return i;
}

/* Write the code point c (a valid one) at dst, which has space for 4 bytes, and return
 * how many it takes. No NUL is added. */
static inline size_t sp_utf8_put(char *dst, uint32_t c)
{
    if (c < 0x80) return dst[0] = (char)c, 1;
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6) dst[i] = (char)(0x80 | (c & 0x3F));
    dst[0] = (char)((0xF00u >> n) | c);
    return n;
}

/* Are n bytes at s well-formed throughout? No bytes at all are. */
static inline bool sp_utf8_valid(const char *s, size_t n)
{
    uint32_t c = 0;
    for (size_t i = 0; i < n && c != SP_UTF8_BAD;) i += sp_utf8_next(s + i, n - i, &c);
    return c != SP_UTF8_BAD;
}

/* Does c have the property White_Space (Unicode, PropList.txt)? */
static inline bool sp_utf8_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

#endif
