/* jscan.c - see jscan.h.
 *
 * Each function consumes white space in front of what it looks for. Passing over a value is the
 * fast path (17 MB of Gemma's file): sp_js_skip runs from one structural byte to the next and
 * counts brackets; what lies between, numbers and words, is not looked at.
 *
 *     [1, {"a": [2, 3]}, "x]"], ...
 *     1   2     3    21      0          the depth behind each bracket; at 0 the value has ended
 *       ^              ^                two commas at depth 1: at most three elements
 */
#include "text/jscan.h"

#include "base/utf8.h"

#include <string.h>

/* A NUL byte inside the text gives 0 too. No caller looks for one, so it ends the walk as the end
 * of the text does. */
int sp_js_peek(sp_js *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
    return s->p < s->end ? (unsigned char)*s->p : 0;
}

bool sp_js_take(sp_js *s, char c)
{
    if (sp_js_peek(s) != c) return false;
    s->p++;
    return true;
}

/* A comma in front of the closing bracket, as in [1,], is not noticed here: the result is 1, and
 * the caller fails because it finds a bracket where an element should be. */
int sp_js_step(sp_js *s, char close, bool *first)
{
    bool start = *first; /* no comma goes before the first element */
    *first = false;
    if (sp_js_take(s, close)) return 0;
    if (!start && !sp_js_take(s, ',')) return -1;
    return sp_js_peek(s) ? 1 : -1;
}

/* The value of the four hex digits at the cursor, which are consumed; -1 when they are not four. */
static int32_t hex4(sp_js *s)
{
    int32_t v = 0;
    if (s->end - s->p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int c = *s->p++, low = c | 32;
        int d = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
        if (d < 0) return -1;
        v = v << 4 | d;
    }
    return v;
}

/* Write the character of an escape, whose backslash has been consumed, as UTF-8 at dst. Returns its
 * bytes, fewer than the escape has; 0 = bad. A character beyond U+FFFF is a pair of surrogates,
 * \ud83d\ude42; half a pair is bad. */
static size_t unescape(sp_js *s, char *dst)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t"; /* character by character */
    if (s->p >= s->end) return 0;
    char c = *s->p++;
    const char *at = c ? strchr(from, c) : NULL;
    if (at) return *dst = to[at - from], 1;
    int32_t u = c == 'u' ? hex4(s) : -1;
    if (u < 0 || (u >= 0xDC00 && u < 0xE000)) return 0;
    if (u >= 0xD800 && u < 0xDC00) {
        if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u') return 0;
        s->p += 2;
        int32_t v = hex4(s);
        if (v < 0xDC00 || v >= 0xE000) return 0;
        u = 0x10000 + ((u - 0xD800) << 10) + (v - 0xDC00);
    }
    return sp_utf8_put(dst, (uint32_t)u);
}

/* Reads at s->p and writes at out, in the same bytes. An escape is longer than what it stands for,
 * so the text shrinks, and the bytes between out and the closing quote are left over:
 *
 *     before   "a\u00e9b"
 *     after    "aéb0e9b"           *n is 4 (é has two bytes), s->p is behind the quote */
const char *sp_js_string(sp_js *s, size_t *n)
{
    if (!sp_js_take(s, '"')) return NULL;
    char *start = s->p, *out = start; /* out never overtakes s->p */
    while (s->p < s->end && *s->p != '"') {
        uint32_t c;
        /* JSON allows control characters only as escapes. */
        if ((unsigned char)*s->p < 0x20) return NULL;
        if (*s->p == '\\') {
            s->p++;
            size_t k = unescape(s, out);
            if (!k) return NULL;
            out += k;
            continue;
        }
        size_t k = sp_utf8_next(s->p, (size_t)(s->end - s->p), &c);
        if (c == SP_UTF8_BAD) return NULL;
        for (size_t i = 0; i < k; i++) *out++ = *s->p++;
    }
    if (s->p >= s->end) return NULL;
    s->p++;
    *n = (size_t)(out - start);
    return start;
}

/* Reads digits only. A fraction or an exponent is left at the cursor, where the caller fails
 * because it finds no comma and no bracket. */
bool sp_js_uint(sp_js *s, uint32_t *out)
{
    uint64_t v = 0; /* stays below 10 * 2^32, because the loop stops beyond 2^32 */
    int c = sp_js_peek(s);
    if (c < '0' || c > '9') return false;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
        if ((v = v * 10 + (uint64_t)(*s->p - '0')) > UINT32_MAX) return false;
    *out = (uint32_t)v;
    return true;
}

/* The byte behind the string whose opening quote is at p; NULL when it does not end. */
static char *past_string(char *p, char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\') p++;
    return p < end ? p + 1 : NULL;
}

/* The bytes that matter outside strings. */
static const bool structural[256] = {
    ['"'] = true, [','] = true, ['['] = true, [']'] = true, ['{'] = true, ['}'] = true};

/* Each turn of the loop handles one structural byte. A value ends in one of three ways: a string
 * behind its closing quote, a number or a word in front of the next structural byte, an object or a
 * list behind the bracket that brings the depth back to 0. A bare word at the very end of the text
 * counts as cut off, because every value that is skipped lies inside an object or a list. */
int64_t sp_js_skip(sp_js *s, char **from)
{
    int64_t depth = 0, commas = 0;
    sp_js_peek(s);
    *from = s->p;
    for (;;) {
        while (s->p < s->end && !structural[(unsigned char)*s->p]) s->p++;
        if (s->p == s->end) return -1;
        char c = *s->p;
        if (depth == 0 && s->p > *from)
            return c == ',' || c == ']' || c == '}' ? 1 : -1; /* behind a number or a bare word */
        if (c == '"') {
            if (!(s->p = past_string(s->p, s->end))) return s->p = s->end, -1;
            if (depth == 0) return 1;
            continue;
        }
        s->p++;
        if (c == '{' || c == '[') depth++;
        if (c == ',' && depth == 1) commas++;
        if (c == ',' && depth == 0) return -1;
        if ((c == '}' || c == ']') && --depth <= 0) return depth < 0 ? -1 : commas + 1;
    }
}
