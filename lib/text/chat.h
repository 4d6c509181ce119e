/* chat.h - from the turns of a conversation to ids, through a chat template. */
#ifndef SP_CHAT_H
#define SP_CHAT_H

#include "text/template.h"
#include "text/tok/tok.h"
#include "text/turns.h"

/* Append the ids of a conversation. roles (may be NULL) gets, for each id, the role it
 * belongs to: 0 template or system, 1 user content, 2 assistant content and its end
 * token. If the last turn is the user's, the ids end where the assistant's answer begins.
 */
int sp_chat_encode(const sp_tok *tok, sp_template t, const sp_turn *turns, size_t n,
                   sp_ids *ids, sp_ids *roles, sp_err *e);
/* Ids that end an answer under template t (eos, <|eot_id|>, <end_of_turn>), those that
 * exist in tok. Returns the count
 * (<= max). */
size_t sp_chat_stops(const sp_tok *tok, sp_template t, int32_t *ids, size_t max);

#endif
