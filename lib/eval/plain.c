/* plain.c - see plain.h.
 *
 * One pass copies the text and drops or replaces as it goes. The output is never longer than the
 * input, so it is allocated once. Whether a line begins is seen by the last byte written, not by
 * the last byte read: blanks and marks in front of a list item do not count.
 *
 * Text is bytes. Of UTF-8 only the curly quotes are known, three bytes each; all other bytes beyond
 * ASCII are copied as they stand.
 */
#include "eval/plain.h"

#include "base/base.h"

#include <ctype.h>
#include <string.h>

/* Does a line begin behind the n bytes of output s? */
static bool at_line_start(const char *s, size_t n) { return !n || s[n - 1] == '\n'; }

/* Is c a straight double quote, a mark of Markdown or a NUL, to be dropped? `next` is the byte
 * behind it. A star that opens a list item stays, since lists are a sign of an answer (rules.c). */
static bool is_markup(char c, char next, bool line_start)
{
    return c == '"' || c == '_' || c == '#' || c == '\0' ||
           (c == '*' && !(line_start && next == ' '));
}

/* The last byte of a curly quote that s[0..n) begins with, or 0. U+2018 to U+201F are E2 80 98 to
 * E2 80 9F; 0x98 and 0x99 end the single ones, 0x9c and 0x9d the double ones. "| 1" below takes the
 * opening and the closing one together. */
static unsigned char curly(const char *s, size_t n)
{
    return n > 2 && !memcmp(s, "\xe2\x80", 2) ? (unsigned char)s[2] : 0;
}

static bool is_single(const char *s, size_t n) { return (curly(s, n) | 1) == 0x99; }
static bool is_double(const char *s, size_t n) { return *s == '"' || (curly(s, n) | 1) == 0x9d; }

/* Bytes of a quotation in double quotes that begins at s and ends on its line, both marks included,
 * or 0. A mark without a partner on its line encloses nothing: the rest of the answer must not
 * vanish with it. A straight mark and a curly one may be partners. */
static size_t quotation(const char *s, size_t n)
{
    if (!is_double(s, n)) return 0;
    for (size_t i = 1; i < n && s[i] != '\n'; i++)
        if (is_double(s + i, n - i)) return s[i] == '"' ? i + 1 : i + 3;
    return 0;
}

/* Add a blank to s[0..o) and return the new length. Of a run of blanks one is kept: a newline if
 * any of them is one, else a space. At the beginning of a line nothing is added. s has room for a
 * byte. */
static size_t add_blank(char *s, size_t o, bool newline)
{
    if (at_line_start(s, o)) return o;
    if (s[o - 1] != ' ') s[o++] = ' ';
    if (newline) s[o - 1] = '\n';
    return o;
}

char *sp_plain_form(const char *text, size_t n, size_t *len)
{
    char *s = sp_xmalloc(n + 1);
    size_t o = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        /* an answer may be quoted as a whole, so a quotation at the front stays */
        size_t quoted = o ? quotation(text + i, n - i) : 0;
        if (quoted) {
            i += quoted - 1;
            continue;
        }
        if (is_single(text + i, n - i)) c = '\'', i += 2;
        if (is_markup(c, i + 1 < n ? text[i + 1] : '\0', at_line_start(s, o))) continue;
        if (isspace((unsigned char)c)) o = add_blank(s, o, c == '\n');
        else s[o++] = c;
    }
    while (o && isspace((unsigned char)s[o - 1])) o--;
    s[o] = '\0';
    *len = o;
    return s;
}

static bool is_stop(char c) { return c == '.' || c == '!' || c == '?'; }

/* The first three bytes end no sentence: in "1. Mix" the stop belongs to the number of a list. */
size_t sp_plain_sentences(const char *s, size_t n, int k)
{
    for (size_t i = 3; i < n; i++) {
        bool stop =
            s[i] == '\n' || (is_stop(s[i]) && i + 1 < n && isspace((unsigned char)s[i + 1]));
        if (stop && --k == 0) return i + 1;
    }
    return n;
}
