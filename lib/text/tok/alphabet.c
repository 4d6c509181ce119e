/* alphabet.c - see alphabet.h. The unprintable bytes are three ranges, in order:
 *
 *     bytes 0x00-0x20  ->  U+0100-U+0120      (33: controls and the space)
 *     bytes 0x7F-0xA0  ->  U+0121-U+0142      (34: DEL, C1 controls, no-break space)
 *     byte  0xAD       ->  U+0143             ( 1: soft hyphen)
 */
#include "text/tok/alphabet.h"

#include <stdbool.h>

static bool printable(uint32_t b)
{
    return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
}

uint32_t tok_char_of_byte(unsigned char b)
{
    if (printable(b)) return b;
    return b <= ' ' ? 0x100u + b : b <= 0xA0 ? 0x121u + (b - 0x7Fu) : 0x143;
}

int tok_byte_of_char(uint32_t c)
{
    if (c < 0x100) return printable(c) ? (int)c : -1;
    if (c <= 0x120) return (int)(c - 0x100);
    if (c <= 0x142) return (int)(c - 0x121 + 0x7F);
    return c == 0x143 ? 0xAD : -1;
}
