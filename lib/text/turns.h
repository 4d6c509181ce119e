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
 * ...], "system"?} into turns[0..max). Texts are borrowed from obj. Without with_answer a
 * prompt's response, and an assistant's last message, are left out.
 *   >= 0: how many
 *     -1: neither form or both, a text that is no string or holds a NUL, or more than max
 *         turns (*e) */
int sp_turns_of(const json_t *obj, bool with_answer, sp_turn *turns, size_t max,
                sp_err *e) SP_MUST_CHECK;

#endif
