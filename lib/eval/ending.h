/* ending.h - what ends an answer before its length does: an id, or a text. */
#ifndef SP_ENDING_H
#define SP_ENDING_H

#include "text/ids.h"
#include "text/tok/tok.h"

typedef struct {
    const int32_t *ids; /* [n_ids] ids that end an answer */
    size_t n_ids;
    const char *const *stop; /* [n_stop] texts that end an answer; need tok */
    size_t n_stop;
    const sp_tok *tok; /* NULL without stop texts */
} sp_ending;           /* all borrowed; zero = nothing ends an answer */

/* Is it one of the ids? */
bool sp_ending_is_id(const sp_ending *e, int32_t id);

/* Does the text of `answer`, one id longer than when this was last asked, hold a stop
 * text? */
bool sp_ending_in_text(const sp_ending *e, const sp_ids *answer);

/* Length of text[0..n) before the first of the stop texts in it; n where there is none.
 */
size_t sp_ending_cut(const sp_ending *e, const char *text, size_t n);

#endif
