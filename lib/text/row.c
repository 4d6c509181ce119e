/* row.c - see row.h. */
#include "text/row.h"

#include <stdbool.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

json_t *sp_row_get(const json_t *row, const char *key)
{
    json_t *v = json_object_get(row, key);
    return v && !json_is_null(v) ? v : NULL;
}

int sp_row_one_of(const json_t *row, const char *const *keys, size_t n, sp_err *e)
{
    const char *first = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!sp_row_get(row, keys[i])) continue;
        if (first)
            return sp_fail(e, SP_EINPUT, "both \"%s\" and \"%s\": which of them is meant?", first,
                           keys[i]);
        first = keys[i];
    }
    return 0;
}

int sp_row_form_of(const json_t *row, sp_row_form *form, sp_err *e)
{
    static const char *const texts[] = {"prompt", "messages", "text"};
    static const char *const with_system[] = {"system", "text"}; /* a text has no turns */
    bool ids = sp_row_get(row, "input_ids"), text = sp_row_get(row, "text");
    *form = ids ? SP_ROW_IDS : text ? SP_ROW_TEXT : SP_ROW_TURNS;
    if (ids) return 0;
    if (sp_row_one_of(row, texts, COUNT(texts), e)) return -1;
    return sp_row_one_of(row, with_system, COUNT(with_system), e);
}

/* ---- tokens that count ---------------------------------------------------------------- */

/* Element i of a mask: 0, 1, or -1 = neither. */
static int mask_at(const json_t *mask, size_t i)
{
    const json_t *v = json_array_get(mask, i);
    if (json_is_boolean(v)) return json_is_true(v);
    json_int_t x = json_is_integer(v) ? json_integer_value(v) : -1;
    return x == 0 || x == 1 ? (int)x : -1;
}

/* Padding stands in front or behind. A masked token in between would leave a gap in the positions,
 * which a text of its own has not. */
static int read_mask(const json_t *mask, size_t n, size_t *from, size_t *to, sp_err *e)
{
    if (!json_is_array(mask) || json_array_size(mask) != n)
        return sp_fail(e, SP_EINPUT, "\"attention_mask\" is not a list as long as \"input_ids\"");
    for (size_t i = 0; i < n; i++)
        if (mask_at(mask, i) < 0)
            return sp_fail(e, SP_EINPUT, "\"attention_mask\"[%zu] is neither 0 nor 1", i);
    *from = 0, *to = n;
    while (*from < *to && !mask_at(mask, *from)) ++*from;
    while (*from < *to && !mask_at(mask, *to - 1)) --*to;
    for (size_t i = *from; i < *to; i++)
        if (!mask_at(mask, i))
            return sp_fail(e, SP_EINPUT, "\"attention_mask\" has zeros between ones");
    return 0;
}

/* Attention sees a row as one text, at positions one after the other. */
static int check_positions(const json_t *p, size_t from, size_t to, sp_err *e)
{
    for (size_t i = from + 1; i < to; i++) {
        const json_t *a = json_array_get(p, i - 1), *b = json_array_get(p, i);
        if (!json_is_integer(a) || !json_is_integer(b) ||
            json_integer_value(b) - json_integer_value(a) != 1)
            return sp_fail(e, SP_EINPUT,
                           "\"position_ids\" do not go up by one: several texts in one row?");
    }
    return 0;
}

int sp_row_span(const json_t *row, size_t n, size_t *from, size_t *to, sp_err *e)
{
    const json_t *mask = sp_row_get(row, "attention_mask"),
                 *positions = sp_row_get(row, "position_ids");
    *from = 0, *to = n;
    if (mask && read_mask(mask, n, from, to, e)) return -1;
    return positions ? check_positions(positions, *from, *to, e) : 0;
}
