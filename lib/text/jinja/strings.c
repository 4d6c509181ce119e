/* strings.c - see strings.h.
 *
 * Strings are UTF-8. What Python counts in characters (white space, what is stripped, single
 * elements) goes by sp_utf8_next; what it only compares goes by bytes, which comes to the same. A
 * string that is a part of another borrows its bytes.
 */
#include "text/jinja/strings.h"

#include "base/utf8.h"
#include "text/jinja/print.h"

/* White space as Python sees it: Unicode's, and the four separators of ASCII. */
static bool space(uint32_t c) { return sp_utf8_space(c) || (c >= 0x1C && c <= 0x1F); }

/* Is the character c, its bytes at[0..len), one of those to be stripped? */
static bool stripped(uint32_t c, const char *at, size_t len, jinja_value chars)
{
    if (chars.kind != JINJA_STRING) return space(c);
    return memmem(chars.text, chars.n, at, len) != NULL;
}

/* Where the character begins that ends at s[n). A byte that belongs to none stands alone, as
 * sp_utf8_next has it. */
static size_t last_character(const char *s, size_t n)
{
    size_t i = n - 1;
    while (i > 0 && n - i < 4 && ((unsigned char)s[i] & 0xC0) == 0x80) i--;
    uint32_t c;
    return i + sp_utf8_next(s + i, n - i, &c) == n ? i : n - 1;
}

/* What remains borrows the bytes of s. */
jinja_value jinja_strip(jinja_heap *h, jinja_value s, jinja_value chars, bool left, bool right)
{
    uint32_t c;
    if (!jinja_spend(h, s.n / 64)) return s;
    while (left && s.n) {
        size_t len = sp_utf8_next(s.text, s.n, &c);
        if (!stripped(c, s.text, len, chars)) break;
        s = jinja_text(s.text + len, s.n - len);
    }
    while (right && s.n) {
        size_t at = last_character(s.text, s.n);
        sp_utf8_next(s.text + at, s.n - at, &c);
        if (!stripped(c, s.text + at, s.n - at, chars)) break;
        s.n = at;
    }
    return s;
}

/* An empty `from` stands in front of each character and at the end. */
jinja_value jinja_replace(jinja_heap *h, jinja_value s, jinja_value from, jinja_value to,
                          int64_t count)
{
    jinja_buffer b = {0};
    size_t at = 0;
    for (int64_t k = 0; count < 0 || k < count; k++) {
        if (!jinja_spend(h, 1)) break;
        if (!from.n) { /* between all characters, as Python does */
            jinja_add(h, &b, to.text, to.n);
            if (at == s.n) break;
            uint32_t c;
            size_t len = sp_utf8_next(s.text + at, s.n - at, &c);
            jinja_add(h, &b, s.text + at, len);
            at += len;
            continue;
        }
        const char *hit = memmem(s.text + at, s.n - at, from.text, from.n);
        if (!hit) break;
        jinja_add(h, &b, s.text + at, (size_t)(hit - s.text) - at);
        jinja_add(h, &b, to.text, to.n);
        at = (size_t)(hit - s.text) + from.n;
    }
    jinja_add(h, &b, s.text + at, s.n - at);
    return jinja_string_of(&b);
}

/* Each letter is made upper or lower case by whether a word begins with it; a change of case keeps
 * the length. */
jinja_value jinja_to_case(jinja_heap *h, jinja_value s, jinja_case to)
{
    jinja_value out = jinja_copy(h, s.text, s.n);
    char *p = (char *)out.text; /* our own copy */
    bool begin = true;          /* of the text, or of a word */
    for (size_t i = 0; i < out.n && !jinja_failed(h); i++) {
        unsigned char c = (unsigned char)p[i];
        if (c >= 0x80) jinja_error(h, "the case of letters other than a-z is not supported");
        bool upper = to == JINJA_UPPER || (to != JINJA_LOWER && begin);
        bool lower_letter = c >= 'a' && c <= 'z', upper_letter = c >= 'A' && c <= 'Z';
        if (upper && lower_letter) p[i] = (char)(c - 32);
        else if (!upper && upper_letter) p[i] = (char)(c + 32);
        begin = to == JINJA_TITLE ? !lower_letter && !upper_letter
                                  : to == JINJA_TITLE_WORDS && (space(c) || memchr("-({[<", c, 5));
    }
    return out;
}

static void add_part(jinja_heap *h, jinja_value out, const char *s, size_t n)
{
    jinja_append(h, out.list, jinja_text(s, n));
}

/* Split at runs of white space, so that no part is empty. The part behind the last split keeps its
 * inner white space. */
static jinja_value split_spaces(jinja_heap *h, jinja_value s, int64_t most)
{
    jinja_value out = jinja_list_new(h, JINJA_LIST);
    uint32_t c;
    for (;;) {
        s = jinja_strip(h, s, jinja_none(), true, false);
        if (!s.n || jinja_failed(h)) return out;
        size_t n = 0, len;
        if (most >= 0 && (int64_t)out.list->n >= most) {
            add_part(h, out, s.text, jinja_strip(h, s, jinja_none(), false, true).n);
            return out;
        }
        for (; n < s.n; n += len) {
            len = sp_utf8_next(s.text + n, s.n - n, &c);
            if (space(c)) break;
        }
        add_part(h, out, s.text, n);
        s = jinja_text(s.text + n, s.n - n);
    }
}

/* Turn the list round in place: it is not shared yet. */
static void reverse(jinja_list *l)
{
    for (size_t i = 0, k = l->n; i + 1 < k; i++) {
        jinja_value v = l->at[i];
        l->at[i] = l->at[--k];
        l->at[k] = v;
    }
}

/* Split from the right: i goes down to each place where the separator ends, and the part behind it
 * is taken off. The parts come out last first. */
static jinja_value split_right(jinja_heap *h, jinja_value s, jinja_value by, int64_t most)
{
    jinja_value out = jinja_list_new(h, JINJA_LIST);
    for (size_t i = s.n; i >= by.n && (int64_t)out.list->n < most && jinja_spend(h, 1);) {
        if (memcmp(s.text + i - by.n, by.text, by.n)) {
            if (!i--) break;
            continue;
        }
        add_part(h, out, s.text + i, s.n - i);
        s.n = i - by.n;
        i = s.n;
    }
    add_part(h, out, s.text, s.n);
    reverse(out.list);
    return out;
}

/* Counted or not, from the left or the right: without a limit the side does not matter. */
jinja_value jinja_split(jinja_heap *h, jinja_value s, jinja_value separator, int64_t most,
                        bool from_right)
{
    if (separator.kind != JINJA_STRING) {
        if (from_right && most >= 0) jinja_error(h, "rsplit at white space is not supported");
        return split_spaces(h, s, most);
    }
    if (!separator.n) {
        jinja_error(h, "split by an empty separator");
        return s;
    }
    if (from_right && most >= 0) return split_right(h, s, separator, most);
    jinja_value out = jinja_list_new(h, JINJA_LIST);
    for (const char *hit; most < 0 || (int64_t)out.list->n < most;) {
        hit = memmem(s.text, s.n, separator.text, separator.n);
        if (!hit || jinja_failed(h)) break;
        size_t n = (size_t)(hit - s.text);
        add_part(h, out, s.text, n);
        s = jinja_text(hit + separator.n, s.n - n - separator.n);
    }
    add_part(h, out, s.text, s.n);
    return out;
}

/* Lines end with \n, \r or \r\n; an end of the text without one ends the last line. */
jinja_value jinja_lines(jinja_heap *h, jinja_value s, bool keep_ends)
{
    jinja_value out = jinja_list_new(h, JINJA_LIST);
    size_t from = 0;
    for (size_t i = 0; i < s.n && !jinja_failed(h); i++) {
        if (s.text[i] != '\n' && s.text[i] != '\r') continue;
        size_t end = i;
        if (s.text[i] == '\r' && i + 1 < s.n && s.text[i + 1] == '\n') i++;
        add_part(h, out, s.text + from, (keep_ends ? i + 1 : end) - from);
        from = i + 1;
    }
    if (from < s.n) add_part(h, out, s.text + from, s.n - from);
    return out;
}

/* The elements may be of any kind: they are printed. */
jinja_value jinja_join(jinja_heap *h, jinja_value elements, jinja_value between)
{
    jinja_value list = jinja_elements(h, elements);
    jinja_buffer b = {0};
    for (size_t i = 0; i < list.list->n && !jinja_failed(h); i++) {
        if (i) jinja_add(h, &b, between.text, between.n);
        jinja_add_str(h, &b, list.list->at[i]);
    }
    return jinja_string_of(&b);
}
