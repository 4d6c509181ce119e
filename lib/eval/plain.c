/* plain.c - see plain.h. */
#include "eval/plain.h"

#include "base/base.h"

#include <ctype.h>
#include <string.h>

static bool at_line_start(const char *s, size_t n) { return !n || s[n - 1] == '\n'; }

/* Quotes and marks of Markdown; a star that opens a list item stays. */
static bool is_markup(char c, char next, bool line_start)
{
    return c == '"' || c == '_' || c == '#' || c == '\0' ||
           (c == '*' && !(line_start && next == ' '));
}

/* A curly quote, U+2018 to U+201F, is three bytes; 0x98 and 0x99 end the single ones, 0x9c and 0x9d
 * the double ones. */
static unsigned char curly(const char *s, size_t n)
{
    return n > 2 && !memcmp(s, "\xe2\x80", 2) ? (unsigned char)s[2] : 0;
}

static bool is_single(const char *s, size_t n) { return (curly(s, n) | 1) == 0x99; }
static bool is_double(const char *s, size_t n) { return *s == '"' || (curly(s, n) | 1) == 0x9d; }

/* Bytes of a quotation in double quotes that begins here and ends on this line, or 0. */
static size_t quotation(const char *s, size_t n)
{
    if (!is_double(s, n)) return 0;
    for (size_t i = 1; i < n && s[i] != '\n'; i++)
        if (is_double(s + i, n - i)) return s[i] == '"' ? i + 1 : i + 3;
    return 0;
}

/* Add a blank to s[0..o), which takes one of a run, a newline if there is any, and none in front.
 * Returns the new length. */
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

/* The first three bytes end no sentence: "1. " opens a list. */
size_t sp_plain_sentences(const char *s, size_t n, int k)
{
    for (size_t i = 3; i < n; i++) {
        bool stop =
            s[i] == '\n' || (is_stop(s[i]) && i + 1 < n && isspace((unsigned char)s[i + 1]));
        if (stop && --k == 0) return i + 1;
    }
    return n;
}
