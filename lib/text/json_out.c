/* json_out.c - see json_out.h. jansson refuses strings that are not UTF-8, and what a model
 * generates need not be; so every output of text goes through sp_json_text. */
#include "text/json_out.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>

/* Each ill-formed sequence (a maximal subpart, see utf8.h) becomes one U+FFFD: the five bytes
 * "a\xE2\x82\xFF" "b" become a, U+FFFD, U+FFFD, b. */
json_t *sp_json_text(const char *s, size_t n)
{
    if (sp_utf8_valid(s, n)) return json_stringn(s, n);
    char *clean = sp_xmalloc(3 * n); /* U+FFFD has three bytes and stands for at least one */
    size_t o = 0;
    for (size_t i = 0, k; i < n; i += k) {
        uint32_t c;
        k = sp_utf8_next(s + i, n - i, &c);
        o += sp_utf8_put(clean + o, c == SP_UTF8_BAD ? 0xFFFD : c);
    }
    json_t *j = json_stringn(clean, o);
    free(clean);
    return j;
}

/* For json_dump_callback: 0, or -1 to stop. */
static int to_file(const char *buf, size_t n, void *f)
{
    return fwrite(buf, 1, n, f) == n ? 0 : -1;
}

/* jansson's default of 17 digits would print 0.1 as 0.10000000000000001. Its result is dropped
 * because f keeps the error of a failed write until the file is closed. */
void sp_json_write_line(FILE *f, const json_t *o)
{
    json_dump_callback(o, to_file, f, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    fputc('\n', f);
}
