/* turns.h - the turns of a conversation, as a JSON object holds them. */
#ifndef SP_TURNS_H
#define SP_TURNS_H

#include "base/base.h"

#include <jansson.h>

typedef struct {
    const char *role; /* "system", "user", "assistant" */
    const char *text;
} sp_turn;

/* Turns of a prompt object: "prompt"(+"system") and, when with_answer, "response"; or
 * "messages". Texts are borrowed from obj. Returns the count, -1 on error. */
int sp_turns_of(const json_t *obj, bool with_answer, sp_turn *turns, size_t max,
                sp_err *e);

#endif
