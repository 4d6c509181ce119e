/* degenerate.c - see degenerate.h.
 *
 * The text is cut into units once, and all tests count these. A word is a run of letters and
 * digits, a mark any other character that is no blank. A word or mark becomes the hash of its
 * bytes, so that comparing two of them is comparing two numbers. "Go, go!!" gives
 *
 *     words   Go  ,  go  !            4 hashes, each mark counts as a word
 *     codes   G o  ,  g o  !          6 code points; a mark that repeats is kept once
 *
 * Tests go from certain to doubtful, and the first that applies gives the reason.
 */
#include "eval/degenerate.h"

#include "base/base.h"
#include "base/hash.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdlib.h>

/* Is c part of a word? In ASCII letters and digits are. Beyond, everything from U+00AA on is, but
 * punctuation (U+2000, U+3000), box drawing and shapes (U+2500), and what stands for broken bytes.
 * No table of Unicode classes is needed for that, and letters of all scripts count alike. */
static bool is_word_code(uint32_t c)
{
    if (c < 0x80) return isalnum((int)c);
    bool mark = (c >= 0x2000 && c < 0x2070) || (c >= 0x2500 && c < 0x2600) ||
                (c >= 0x3000 && c < 0x3004) || c == 0xfffd;
    return c >= 0xaa && !mark && c != SP_UTF8_BAD;
}

/* Does c print nothing, or stand for broken bytes? Control characters that are no blanks, DEL and
 * U+0080 to U+009F, U+FFFD, ill-formed UTF-8. */
static bool is_broken_code(uint32_t c)
{
    return c == SP_UTF8_BAD || c == 0xfffd || (c < 0x20 && !isspace((int)c)) ||
           (c >= 0x7f && c < 0xa0);
}

/* Writing system of a letter, 1 to 10; 0 for everything shared by all of them. A range may hold
 * several systems, which count as one: kana and Chinese characters mix in Japanese. The ranges are
 * Latin, Greek, Cyrillic, Armenian; Hebrew, Arabic and Syriac, India, Thai to Tibetan; Georgian,
 * East Asia. */
static int script_of(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } range[] = {{0x41, 0x250},    {0x370, 0x400},  {0x400, 0x530}, {0x530, 0x590},
                 {0x590, 0x600},   {0x600, 0x780},  {0x900, 0xe00}, {0xe00, 0x1000},
                 {0x10a0, 0x1100}, {0x3040, 0xd800}};
    if (c < 0x41 || (c < 0x80 && !isalpha((int)c))) return 0;
    for (int i = 0; i < (int)(sizeof range / sizeof *range); i++)
        if (c >= range[i].from && c < range[i].to) return i + 1;
    return 0;
}

/* Length of the longest stretch of x in which every element equals the one `period` before it, for
 * any period up to max_period and at least `repeats` turns; 0 if none. A run of r equal pairs at
 * period p is a stretch of r + p elements:
 *
 *     x          c a b a b a b d
 *     equal            1 1 1 1         p = 2: a run of 4, a stretch of 6, 3 turns
 *
 * Takes max_period * n comparisons. */
static size_t longest_loop(const uint64_t *x, size_t n, size_t max_period, size_t repeats)
{
    size_t best = 0;
    for (size_t p = 1; p <= max_period && p * repeats <= n; p++)
        for (size_t i = p, run = 0; i < n; i++) {
            run = x[i] == x[i - p] ? run + 1 : 0;
            if (run + p >= p * repeats && run + p > best && run) best = run + p;
        }
    return best;
}

/* A text cut into units, and what was counted on the way. words and codes are owned. */
typedef struct {
    uint64_t *words, *codes; /* hashes of words and marks; code points */
    size_t n_words, n_codes;
    /* code points: all but blanks, those inside words, those that print nothing */
    size_t n_all, n_letters, n_broken;
    size_t script_changes; /* between neighbouring letters */
    unsigned scripts;      /* bit set */
} units;

/* Count a code point that is no blank. *last_script is the script of the last letter before it, 0
 * at first. Marks and digits leave it as it is, so that they do not hide a change. */
static void count_code(units *u, uint32_t c, int *last_script)
{
    int script = script_of(c);
    u->n_all++;
    u->n_letters += is_word_code(c);
    u->n_broken += is_broken_code(c);
    if (!script) return;
    u->scripts |= 1u << script;
    u->script_changes += *last_script && script != *last_script;
    *last_script = script;
}

/* Fill *u from text[0..n). words and codes are the caller's to free; n bytes give at most n of
 * each. */
static void split_units(units *u, const char *text, size_t n)
{
    *u = (units){.words = sp_xarray(n + 1, sizeof(uint64_t)),
                 .codes = sp_xarray(n + 1, sizeof(uint64_t))};
    bool in_word = false;
    int last_script = 0;
    for (size_t i = 0, at = 0; i < n; at = i) {
        uint32_t c;
        i += sp_utf8_next(text + i, n - i, &c);
        bool was_in_word = in_word, blank = c < 0x80 && isspace((int)c);
        in_word = is_word_code(c);
        if (blank) continue;
        count_code(u, c, &last_script);
        /* a ruler is one mark */
        if (!in_word && u->n_codes && u->codes[u->n_codes - 1] == c) continue;
        u->codes[u->n_codes++] = c;
        if (!was_in_word || !in_word) u->words[u->n_words++] = SP_HASH0;
        u->words[u->n_words - 1] = sp_hash(u->words[u->n_words - 1], text + at, i - at);
    }
}

/* The order of qsort, ascending; equal hashes come to lie side by side. */
static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Share of different 4-grams among all of x, in 0..1: low where a text goes round without a fixed
 * period. 1 where x is too short for one. Grams are compared by their hashes, which are sorted. */
static double distinct_grams(const uint64_t *x, size_t n)
{
    enum { G = 4 };
    if (n < G) return 1;
    size_t m = n - G + 1, distinct = 1;
    uint64_t *h = sp_xarray(m, sizeof *h);
    for (size_t i = 0; i < m; i++) h[i] = sp_hash(SP_HASH0, x + i, G * sizeof *x);
    qsort(h, m, sizeof *h, by_value);
    for (size_t i = 1; i < m; i++) distinct += h[i] != h[i - 1];
    free(h);
    return (double)distinct / (double)m;
}

/* The reason why these units are degenerate, or NULL. A loop with a fixed period must cover more
 * than half of the text and be long enough that no list, chant or number does it:
 *
 *     words    periods to 40, 4 turns or more, 8 words or more
 *     codes    periods to 8, 10 turns or more, more than 30 code points: "hahaha" as one word
 *     4-grams  fewer than 3 of 10 differ, in a text of 60 words or more */
static const char *why_degenerate(const units *u)
{
    if (!u->n_all) return "empty";
    if (u->n_broken * 5 > u->n_all) return "unprintable";
    if (!u->n_letters || (u->n_all >= 40 && u->n_letters * 10 < u->n_all)) return "no words";
    if (__builtin_popcount(u->scripts) >= 3 && u->script_changes * 4 > u->n_words)
        return "mixed scripts";
    size_t run = longest_loop(u->words, u->n_words, 40, 4);
    if (run >= 8 && run * 2 > u->n_words) return "loop";
    if (longest_loop(u->codes, u->n_codes, 8, 10) * 2 > SP_MAX(u->n_codes, 60)) return "loop";
    if (u->n_words >= 60 && distinct_grams(u->words, u->n_words) < 0.3) return "loop";
    return NULL;
}

const char *sp_degenerate(const char *text, size_t n)
{
    units u;
    split_units(&u, text, n);
    const char *why = why_degenerate(&u);
    free(u.words);
    free(u.codes);
    return why;
}
