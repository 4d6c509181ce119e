/* alphabet.h - the alphabet of byte-level tokenizers (GPT-2, LLaMA-3).
 *
 * Their vocabularies hold printable characters only: each of the 256 bytes is written as
 * one character. A byte that is a printable character of Latin-1 stands for itself, the
 * other 68 are U+0100 to U+0143 in their order. Examples: 'a' is a, a space is U+0120
 * (G with a dot), a line break is U+010A (C with a dot).
 */
#ifndef TOK_ALPHABET_H
#define TOK_ALPHABET_H

#include <stdint.h>

/* The character (code point) that stands for byte b. */
uint32_t tok_char_of_byte(unsigned char b);
/* The byte that character c stands for, 0..255.
 *   -1: c stands for no byte */
int tok_byte_of_char(uint32_t c);

#endif
