/* ending.c - see ending.h.
 *
 * Ids are compared with the id that was chosen. Stop texts are looked for in the answer's text,
 * since a tokenizer can write the same text with different ids. They need not begin or end at the
 * border of a token.
 */
#include "eval/ending.h"

#include "base/base.h"

#include <stdlib.h>
#include <string.h>

bool sp_ending_is_id(const sp_ending *e, int32_t id)
{
    for (size_t i = 0; i < e->n_ids; i++)
        if (e->ids[i] == id) return true;
    return false;
}

/* Each stop text is looked for in what the ones before it have left. So the earliest match wins,
 * except that one which reaches over a cut that was already made is not seen. */
size_t sp_ending_cut(const sp_ending *e, const char *text, size_t n)
{
    for (size_t i = 0; i < e->n_stop; i++) {
        const char *at = memmem(text, n, e->stop[i], strlen(e->stop[i]));
        if (at) n = (size_t)(at - text);
    }
    return n;
}

/* A stop text that is new lies in the last tokens, since earlier calls have seen the others. No
 * more are decoded than the longest stop text has bytes, since a token has at least one. 8 more
 * make up for tokens that decode to nothing, such as special ones. */
bool sp_ending_in_text(const sp_ending *e, const sp_ids *answer)
{
    size_t longest = 0, len;
    for (size_t i = 0; i < e->n_stop; i++) longest = SP_MAX(longest, strlen(e->stop[i]));
    if (!longest) return false;
    size_t n = SP_MIN(answer->n, longest + 8);
    char *text = sp_tok_decode(e->tok, answer->ids + answer->n - n, n, true, &len);
    bool met = sp_ending_cut(e, text, len) < len;
    free(text);
    return met;
}
