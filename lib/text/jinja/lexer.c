/* lexer.c - see lexer.h.
 *
 * One pass over the text. Outside of tags everything up to the next "{{", "{%" or "{#" is one
 * token of text; inside, words are cut until the closing mark, which counts only where no bracket
 * is open: in {{ {"a": {}} }} the first two braces close dictionaries.
 *
 *     "  {% if x -%}\n  yes"   ->   BLOCK NAME(if) NAME(x) BLOCK_END TEXT("yes")
 *      ^^ lstrip     ^^^^^ the sign - takes all white space that follows
 */
#include "text/jinja/lexer.h"

#include "base/utf8.h"
#include "text/jinja/print.h"

#include <stdlib.h>

typedef struct {
    jinja_heap *h;
    const char *s, *end; /* what is left of the template */
    jinja_token *at;
    size_t n, cap;
    bool line_start; /* does the next text begin a line? */
} lexer;

static bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/* Does what is left begin with `mark`? */
static bool ahead(const lexer *x, const char *mark)
{
    size_t n = strlen(mark);
    return (size_t)(x->end - x->s) >= n && !memcmp(x->s, mark, n);
}

/* Append a token, on the current line. The array doubles; the old one stays in the heap. */
static jinja_token *push(lexer *x, jinja_token_kind kind, const char *text, size_t n)
{
    static jinja_token lost; /* takes what is pushed after an error */
    if (x->n == x->cap) {
        size_t cap = SP_MAX(2 * x->cap, (size_t)64);
        jinja_token *at = jinja_take(x->h, cap * sizeof *at);
        if (!at) return &lost;
        if (x->n) memcpy(at, x->at, x->n * sizeof *at);
        x->at = at;
        x->cap = cap;
    }
    jinja_token *t = &x->at[x->n++];
    *t = (jinja_token){.kind = kind, .line = x->h->line, .text = text, .n = n};
    return t;
}

/* Step over n bytes, and count their lines. */
static void advance(lexer *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x->s[i] == '\n') x->h->line++;
    x->s += n;
}

/* Step over white space, over several lines if there are. */
static void skip_blanks(lexer *x)
{
    while (x->s < x->end && blank(*x->s)) advance(x, 1);
}

/* ---- words inside a tag ---------------------------------------------------------------------- */

/* Read n hexadecimal digits into *c. Returns n, or -1 where there are fewer. */
static int hex_digits(const char *s, const char *end, int n, uint32_t *c)
{
    *c = 0;
    for (int i = 0; i < n; i++) {
        if (s + i >= end) return -1;
        char d = s[i];
        int v = digit(d)               ? d - '0'
                : d >= 'a' && d <= 'f' ? d - 'a' + 10
                : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                       : -1;
        if (v < 0) return -1;
        *c = *c << 4 | (uint32_t)v;
    }
    return n;
}

/* Add what the escape at s (behind the backslash) stands for; returns its length. An escape that
 * Python does not know stands for itself, backslash included. */
static size_t add_escape(lexer *x, jinja_buffer *b, const char *s, const char *end)
{
    static const char plain[] = "n\nt\tr\rb\bf\fv\va\a\\\\''\"\""; /* pairs: letter, character */
    for (const char *p = plain; *p; p += 2)
        if (*s == *p) return jinja_add(x->h, b, p + 1, 1), 1;
    if (*s == '\n') return 1;
    uint32_t c;
    int n = *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0;
    bool surrogate = false;
    if (n && hex_digits(s + 1, end, n, &c) == n && c <= 0x10FFFF &&
        !(surrogate = c >= 0xD800 && c < 0xE000)) {
        char utf8[4];
        jinja_add(x->h, b, utf8, sp_utf8_put(utf8, c));
        return 1 + (size_t)n;
    }
    if (n) jinja_error(x->h, "a string holds a bad escape \\%c", *s);
    jinja_add(x->h, b, "\\", 1);
    jinja_add(x->h, b, s, 1);
    return 1;
}

/* A string in single or double quotes, which may go over several lines. */
static void string(lexer *x)
{
    char quote = *x->s;
    const char *s = x->s + 1;
    jinja_buffer b = {0};
    while (s < x->end && *s != quote && !jinja_failed(x->h)) {
        if (*s == '\\' && s + 1 < x->end) s += 1 + add_escape(x, &b, s + 1, x->end);
        else jinja_add(x->h, &b, s++, 1);
    }
    if (s >= x->end) jinja_error(x->h, "a string does not end");
    if (jinja_failed(x->h)) return;
    push(x, JINJA_T_CONST, x->s, 0)->value = jinja_string_of(&b);
    advance(x, (size_t)(s + 1 - x->s));
}

/* 12, 1_000, 1.5, 1e-3. A point counts only with a digit behind it, for `a.0.b` and `1..x` are
 * something else. Text beyond 63 characters is cut off, and whole numbers that long are refused. */
static void number(lexer *x)
{
    char text[64];
    size_t n = 0, i = 0;
    bool real = false;
    for (const char *s = x->s; s + i < x->end && n < sizeof text - 1; i++) {
        char c = s[i], next = s + i + 1 < x->end ? s[i + 1] : 0;
        if (c == '_' && digit(next)) continue;
        bool point = c == '.' && digit(next) && !real;
        bool exponent = (c == 'e' || c == 'E') && i > 0 &&
                        (digit(next) ||
                         ((next == '-' || next == '+') && s + i + 2 < x->end && digit(s[i + 2])));
        if (!digit(c) && !point && !exponent) break;
        text[n++] = c;
        if (exponent && !digit(next)) text[n++] = next, i++;
        real |= point || exponent;
    }
    text[n] = 0;
    jinja_value v;
    if (real) v = jinja_float(strtod(text, NULL));
    else if (n > 18) jinja_error(x->h, "the number %s is too large", text), v = jinja_none();
    else v = jinja_int(strtoll(text, NULL, 10));
    push(x, JINJA_T_CONST, x->s, i)->value = v;
    advance(x, i);
}

/* An operator or a bracket; *open is the number of brackets that are open. */
static void operator(lexer *x, int *open)
{
    static const char *const two[] = {"//", "**", "==", "!=", "<=", ">="};
    size_t n = 1;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (ahead(x, two[i])) n = 2;
    if (n == 1 && !memchr("+-*/%~<>=()[]{}.:|,", *x->s, 19)) {
        jinja_error(x->h, "unexpected character '%c'", *x->s >= ' ' ? *x->s : '?');
        return;
    }
    if (memchr("([{", *x->s, 3)) ++*open;
    if (memchr(")]}", *x->s, 3)) --*open;
    push(x, JINJA_T_OPERATOR, x->s, n);
    x->s += n;
}

/* The closing mark `close` ("}}" or "%}"), alone or behind a sign; behind it goes what the sign or
 * trim_blocks takes away. */
static bool tag_end(lexer *x, const char *close)
{
    char sign = *x->s == '-' || *x->s == '+' ? *x->s : 0;
    if (sign == '+' && *close == '}') return false;
    x->s += sign != 0;
    if (!ahead(x, close)) {
        x->s -= sign != 0;
        return false;
    }
    x->s += 2;
    if (sign == '-') skip_blanks(x);
    else if (!sign && *close != '}' && ahead(x, "\n")) advance(x, 1);
    x->line_start = x->s[-1] == '\n';
    return true;
}

/* Words up to the closing mark, which is consumed. */
static void words(lexer *x, const char *close)
{
    int open = 0;
    for (;;) {
        skip_blanks(x);
        if (x->s >= x->end) jinja_error(x->h, "a tag does not end: \"%s\" is missing", close);
        if (jinja_failed(x->h) || !jinja_spend(x->h, 1)) return;
        if (open <= 0 && tag_end(x, close)) return;
        const char *s = x->s;
        if (letter(*s)) {
            while (s < x->end && (letter(*s) || digit(*s))) s++;
            push(x, JINJA_T_NAME, x->s, (size_t)(s - x->s));
            x->s = s;
        } else if (digit(*s)) {
            number(x);
        } else if (*s == '\'' || *s == '"') {
            string(x);
        } else {
            operator(x, &open);
        }
    }
}

/* ---- text and tags --------------------------------------------------------------------------- */

/* Push the text from `from` up to x->s, where a tag (or the end) begins. strip: take all white
 * space off its end; lstrip: take the blanks off that stand between the line's start and the tag.
 */
static void text(lexer *x, const char *from, int line, bool strip, bool lstrip)
{
    const char *end = x->s;
    if (strip) {
        while (end > from && blank(end[-1])) end--;
    } else if (lstrip) {
        const char *s = end;
        while (s > from && s[-1] != '\n' && blank(s[-1])) s--;
        if (s > from ? s[-1] == '\n' : x->line_start) end = s;
    }
    if (end > from) push(x, JINJA_T_TEXT, from, (size_t)(end - from))->line = line;
}

/* Behind "{#", up to and with "#}", which may have a sign as tags have. */
static void comment(lexer *x)
{
    while (x->s < x->end && !ahead(x, "#}")) advance(x, 1);
    if (x->s >= x->end) {
        jinja_error(x->h, "a comment does not end");
        return;
    }
    char sign = x->s[-1];
    x->s += 2;
    if (sign == '-') skip_blanks(x);
    else if (sign != '+' && ahead(x, "\n")) advance(x, 1);
    x->line_start = x->s[-1] == '\n';
}

/* Is this, behind "{%", the tag `word`, and nothing else? Then it is consumed. */
static bool bare_tag(lexer *x, const char *word)
{
    lexer was = *x;
    int line = x->h->line;
    if (*x->s == '-' || *x->s == '+') x->s++;
    skip_blanks(x);
    if (ahead(x, word)) {
        x->s += strlen(word);
        skip_blanks(x);
        const char *at = x->s;
        if (x->s < x->end && tag_end(x, "%}")) {
            /* The line feed behind {% raw %} stays, that behind {% endraw %} goes. */
            if (*at == '%' && !strcmp(word, "raw")) {
                x->h->line -= x->s > at + 2;
                x->s = at + 2;
                x->line_start = false;
            }
            return true;
        }
    }
    *x = was;
    x->h->line = line;
    return false;
}

/* What stands between {% raw %} and {% endraw %}, as it is. */
static void raw(lexer *x)
{
    const char *from = x->s;
    int line = x->h->line;
    for (; x->s < x->end; advance(x, 1)) {
        if (!ahead(x, "{%")) continue;
        lexer was = *x;
        int at = x->h->line;
        bool strip = was.s + 2 < x->end && was.s[2] == '-';
        bool keep = was.s + 2 < x->end && was.s[2] == '+';
        x->s += 2;
        if (x->s < x->end && bare_tag(x, "endraw")) {
            const char *rest = x->s;
            bool start = x->line_start;
            x->s = was.s;
            x->line_start = was.line_start;
            text(x, from, line, strip, !strip && !keep);
            x->s = rest;
            x->line_start = start;
            return;
        }
        *x = was;
        x->h->line = at;
    }
    jinja_error(x->h, "{%% raw %%} does not end");
}

/* A tag or comment at x->s, and the text from `from` up to it, which began on `line`. `{{` takes no
 * blanks in front of it away unless its sign says so. */
static void tag(lexer *x, const char *from, int line)
{
    char kind = x->s[1];
    char sign = x->s + 2 < x->end ? x->s[2] : 0;
    text(x, from, line, sign == '-', kind != '{' && sign != '-' && sign != '+');
    x->s += 2;
    if (kind == '#') {
        comment(x);
        return;
    }
    if (kind == '%' && x->s < x->end && bare_tag(x, "raw")) {
        raw(x);
        return;
    }
    push(x, kind == '{' ? JINJA_T_PRINT : JINJA_T_BLOCK, x->s, 0);
    if (sign == '-' || (sign == '+' && kind == '%')) x->s++;
    words(x, kind == '{' ? "}}" : "%}");
    push(x, kind == '{' ? JINJA_T_PRINT_END : JINJA_T_BLOCK_END, x->s, 0);
}

/* Line ends as "\n", and none at the very end. */
static jinja_value normalised(jinja_heap *h, const char *s, size_t n)
{
    char *p = jinja_take(h, n + 1);
    size_t k = 0;
    for (size_t i = 0; p && i < n; i++) {
        if (s[i] == '\r' && i + 1 < n && s[i + 1] == '\n') continue;
        p[k++] = s[i] == '\r' ? '\n' : s[i];
    }
    if (k && p[k - 1] == '\n') k--;
    return jinja_text(p ? p : "", k);
}

/* An error shows in the heap, and ends the loop. */
jinja_token *jinja_tokens(jinja_heap *h, const char *s, size_t n)
{
    h->line = 1;
    jinja_value v = normalised(h, s, n);
    lexer x = {.h = h, .s = v.text, .end = v.text + v.n, .line_start = true};
    const char *from = x.s;
    int line = 1;
    while (x.s < x.end && !jinja_failed(h)) {
        if (!ahead(&x, "{{") && !ahead(&x, "{%") && !ahead(&x, "{#")) {
            advance(&x, 1);
            continue;
        }
        tag(&x, from, line);
        from = x.s;
        line = h->line;
    }
    if (!jinja_failed(h)) text(&x, from, line, false, false);
    push(&x, JINJA_T_END, x.s, 0);
    return jinja_failed(h) ? NULL : x.at;
}
