/* chat.h - from the turns of a conversation to ids, through a chat template. */
#ifndef SP_CHAT_H
#define SP_CHAT_H

#include "text/template.h"
#include "text/tok/tok.h"
#include "text/turns.h"

/* What a token of a conversation belongs to. */
enum {
    SP_ROLE_TEMPLATE = 0, /* the template's own text, and the system turn */
    SP_ROLE_QUESTION = 1, /* the text of a user turn */
    SP_ROLE_ANSWER = 2    /* the text of an assistant turn, and the token that ends it */
};

/* Append the ids of a conversation: system turn or none, then user and assistant by
 * turns. If the user has the last turn, the ids end where the answer begins. roles (may
 * be NULL) gets the role of each id. BOS stands where the template has it, and only
 * there.
 *    0: done
 *   -1: turns in another order, a system turn where the template has none, or a tokenizer
 *       without the template's end tokens (*e); *ids may hold some ids */
int sp_chat_encode(const sp_tok *tok, sp_template t, const sp_turn *turns, size_t n,
                   sp_ids *ids, sp_ids *roles, sp_err *e) SP_MUST_CHECK;
/* Append the ids of an answer of this text, which follow those of a conversation whose
 * last turn is the user's: *n_text ids of the text (0 of a blank one), then the ids of
 * what the template puts between the text and the token that ends it, such as a space.
 * That token is left out.
 *    0: done
 *   -1: no template, or a tokenizer without the template's end tokens (*e); *ids may hold
 *       some ids */
int sp_chat_answer(const sp_tok *tok, sp_template t, const char *text, sp_ids *ids,
                   size_t *n_text, sp_err *e) SP_MUST_CHECK;
/* The ids that end an answer under template t (EOS, <|eot_id|>, <end_of_turn> ...), those
 * that tok has, each once, into ids[0..max). Returns how many. */
size_t sp_chat_stops(const sp_tok *tok, sp_template t, int32_t *ids, size_t max);

#endif
