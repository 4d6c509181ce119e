/* turns.c - see turns.h.
 *
 * Both forms become the same list of turns. Whether a template allows roles in that order is
 * checked in chat.c.
 *
 *     {"system": S, "prompt": P, "response": R}                    system S, user P, assistant R
 *     {"system": S, "messages": [{"role": "user", "content": P},   system S, user P, assistant R
 *                                {"role": "assistant", "content": R}]}
 */
#include "text/turns.h"

#include "text/row.h"

#include <string.h>

/* The text obj[key], borrowed.
 *    1: it is in *out
 *    0: absent or null
 *   -1: no string, or with a NUL inside (*e) */
static int get_text(const json_t *obj, const char *key, const char **out, sp_err *e)
{
    const json_t *v = sp_row_get(obj, key);
    if (!v) return 0;
    if (!json_is_string(v)) return sp_fail(e, SP_EINPUT, "\"%s\" is not a string", key);
    *out = json_string_value(v);
    if (strlen(*out) == json_string_length(v)) return 1;
    return sp_fail(e, SP_EINPUT, "\"%s\" holds a NUL character", key);
}

/* The caller's array while it is filled. */
typedef struct {
    sp_turn *turns; /* (max), the first n are filled */
    size_t n, max;
} turn_list;

/* Append a turn, whose strings are borrowed. 0, or -1 when the array is full. */
static int add_turn(turn_list *l, const char *role, const char *text, sp_err *e)
{
    if (l->n == l->max) return sp_fail(e, SP_EINPUT, "more than %zu turns", l->max);
    l->turns[l->n++] = (sp_turn){role, text};
    return 0;
}

/* Add obj[key], when it is there, as a turn of `role`. Result as get_text. */
static int add_text(turn_list *l, const json_t *obj, const char *key, const char *role, sp_err *e)
{
    const char *text;
    int rc = get_text(obj, key, &text, e);
    return rc > 0 && add_turn(l, role, text, e) ? -1 : rc;
}

/* Role and content of a message, borrowed. 0 or -1. */
static int read_message(const json_t *m, const char **role, const char **text, sp_err *e)
{
    int rc = get_text(m, "role", role, e);
    if (rc > 0) rc = get_text(m, "content", text, e);
    if (rc == 0) sp_fail(e, SP_EINPUT, "no \"role\" or no \"content\"");
    return rc > 0 ? 0 : -1;
}

/* Add every message as a turn; errors name its number. 0 or -1. */
static int add_messages(turn_list *l, const json_t *list, sp_err *e)
{
    const json_t *m;
    size_t i;
    if (!json_is_array(list) || !json_array_size(list))
        return sp_fail(e, SP_EINPUT, "\"messages\" is not a list of messages");
    json_array_foreach(list, i, m)
    {
        const char *role, *text;
        sp_err inner = {0};
        if (read_message(m, &role, &text, &inner))
            return sp_fail(e, inner.code, "message %zu: %s", i + 1, inner.msg);
        if (add_turn(l, role, text, e)) return -1;
    }
    return 0;
}

/* The system text goes in front in both forms. The list has at least one turn where its last one is
 * looked at, because add_messages refuses an empty list. */
int sp_turns_of(const json_t *obj, bool with_answer, sp_turn *turns, size_t max, sp_err *e)
{
    static const char *const forms[] = {"prompt", "messages"};
    turn_list l = {turns, 0, max};
    const json_t *messages = sp_row_get(obj, "messages");
    if (sp_row_one_of(obj, forms, 2, e)) return -1;
    if (add_text(&l, obj, "system", "system", e) < 0) return -1;
    if (messages) {
        if (add_messages(&l, messages, e)) return -1;
    } else {
        int rc = add_text(&l, obj, "prompt", "user", e);
        if (rc == 0) sp_fail(e, SP_EINPUT, "no \"prompt\" and no \"messages\"");
        if (rc <= 0) return -1;
    }
    bool answered = !strcmp(turns[l.n - 1].role, "assistant");
    if (!with_answer) return (int)(l.n - answered);
    if (answered && sp_row_get(obj, "response"))
        return sp_fail(e, SP_EINPUT, "both an answer in \"messages\" and a \"response\"");
    return add_text(&l, obj, "response", "assistant", e) < 0 ? -1 : (int)l.n;
}
