/* turns.h - the turns of a conversation, as a JSON object holds them. */
#ifndef SP_TURNS_H
#define SP_TURNS_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct {
    const char *role; /* "system", "user", "assistant" */
    const char *text; /* both borrowed */
} sp_turn;

/* The turns of {"prompt", "response"?, "system"?} or {"messages": [{"role","content"},
 * ...], "response"?, "system"?} into turns[0..max). Texts are borrowed from obj. A
 * response is the assistant's last turn. Without with_answer it is left out, and so is an
 * assistant's last message.
 *   >= 0: how many
 *     -1: neither form or both, an answer twice, a text that is no string or holds a NUL,
 *         or more than max turns (*e) */
int sp_turns_of(const json_t *obj, bool with_answer, sp_turn *turns, size_t max,
                sp_err *e) SP_MUST_CHECK;

#endif
