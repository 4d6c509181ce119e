/* chat.h - from the turns of a conversation to ids, through a chat template. */
#ifndef SP_CHAT_H
#define SP_CHAT_H

#include "text/roles.h"
#include "text/template.h"
#include "text/tok/tok.h"
#include "text/turns.h"

/* Append the ids of a conversation, and to roles (may be NULL) the role of each id. If
 * the user has the last turn, the ids end where the answer begins. BOS stands where the
 * template has it, and only there. Templates of strings want a system turn or none, then
 * user and assistant by turns; the model's own (SP_TMPL_OWN, rendered.h) says itself.
 *    0: done
 *   -1: turns in another order, a system turn where the template has none, a tokenizer
 *       without the template's end tokens, or a refusal by the model's own template
 *       (*e); *ids may hold some ids */
int sp_chat_encode(const sp_tok *tok, sp_template t, const sp_turn *turns, size_t n,
                   sp_ids *ids, sp_ids *roles, sp_err *e) SP_MUST_CHECK;
/* Append the ids of an answer of this text, which follow those of a conversation whose
 * last turn is the user's: *n_text ids of the text (0 of a blank one), then the ids of
 * what the template puts between the text and the token that ends it, such as a space.
 * That token is left out.
 *    0: done
 *   -1: no template, a tokenizer without the template's end tokens, or a refusal by the
 *       model's own (*e); *ids may hold some ids */
int sp_chat_answer(const sp_tok *tok, sp_template t, const char *text, sp_ids *ids,
                   size_t *n_text, sp_err *e) SP_MUST_CHECK;
/* The ids that end an answer under template t (EOS, <|eot_id|>, <end_of_turn> ...), those
 * that tok has, each once, into ids[0..max). Returns how many. */
size_t sp_chat_stops(const sp_tok *tok, sp_template t, int32_t *ids, size_t max);

/* Can a conversation open with a system turn? */
bool sp_chat_has_system(const sp_tok *tok, sp_template t);

/* How many conversations this process has had encoded; not for use by several threads. */
size_t sp_chat_encoded(void);

#endif
