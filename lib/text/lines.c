/* lines.c - JSON lines, and the conversations they hold; see data.h. */
#include "base/hash.h"
#include "text/data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct sp_lines {
    FILE *f;
    char *name, *text;
    size_t cap, number;
    uint64_t digest;
};

sp_lines *sp_lines_open(const char *path, sp_err *e)
{
    bool std = !strcmp(path, "-");
    struct stat st;
    FILE *f = std ? stdin : fopen(path, "r");
    if (!f || (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode))) {
        sp_fail(e, SP_EINPUT, "%s: %s", path, f ? "is a directory" : strerror(errno));
        if (f && !std) fclose(f);
        return NULL;
    }
    sp_lines *l = sp_xcalloc(1, sizeof *l);
    l->f = f;
    l->name = sp_xstrdup(std ? "standard input" : path);
    l->digest = SP_HASH0;
    return l;
}

int sp_lines_next(sp_lines *l, json_t **obj, sp_err *e)
{
    json_error_t why;
    ssize_t n;
    *obj = NULL;
    do {
        errno = 0;
        n = getline(&l->text, &l->cap, l->f);
        if (n < 0 && ferror(l->f))
            return sp_fail(e, SP_ESYSTEM, "%s: %s", l->name, strerror(errno));
        if (n < 0 && !feof(l->f))
            return sp_fail(e, SP_ESYSTEM, "%s: line %zu: out of memory", l->name, l->number + 1);
        if (n < 0) return 0;
        l->number++;
        l->digest = sp_hash(l->digest, l->text, (size_t)n);
    } while (strspn(l->text, " \t\r\n") == (size_t)n);
    *obj = json_loadb(l->text, (size_t)n, JSON_ALLOW_NUL, &why);
    if (*obj && json_is_object(*obj)) return 1;
    sp_fail(e, SP_EINPUT, "%s: line %zu: %s", l->name, l->number,
            *obj ? "not a JSON object" : why.text);
    json_decref(*obj);
    *obj = NULL;
    return -1;
}

size_t sp_lines_number(const sp_lines *l) { return l->number; }
uint64_t sp_lines_digest(const sp_lines *l) { return l->digest; }

void sp_lines_close(sp_lines *l)
{
    if (!l) return;
    if (l->f != stdin) fclose(l->f);
    free(l->name);
    free(l->text);
    free(l);
}

/* ---- conversations -------------------------------------------------------------------- */

/* obj[key] as C text: 1, 0 = absent or null, -1 = not a string, or with a NUL inside. */
static int get_text(const json_t *obj, const char *key, const char **out, sp_err *e)
{
    const json_t *v = json_object_get(obj, key);
    if (!v || json_is_null(v)) return 0;
    if (!json_is_string(v)) return sp_fail(e, SP_EINPUT, "\"%s\" is not a string", key);
    *out = json_string_value(v);
    return strlen(*out) == json_string_length(v)
               ? 1
               : sp_fail(e, SP_EINPUT, "\"%s\" holds a NUL character", key);
}

typedef struct {
    sp_turn *turns;
    size_t n, max;
} turn_list;

static int add_turn(turn_list *l, const char *role, const char *text, sp_err *e)
{
    if (l->n == l->max) return sp_fail(e, SP_EINPUT, "more than %zu turns", l->max);
    l->turns[l->n++] = (sp_turn){role, text};
    return 0;
}

/* obj[key], when there, as a turn of `role`: 1, 0 = absent, -1 = error. */
static int add_text(turn_list *l, const json_t *obj, const char *key, const char *role, sp_err *e)
{
    const char *text;
    int rc = get_text(obj, key, &text, e);
    return rc > 0 && add_turn(l, role, text, e) ? -1 : rc;
}

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
        int rc = get_text(m, "role", &role, &inner);
        if (rc > 0) rc = get_text(m, "content", &text, &inner);
        if (rc < 0) return sp_fail(e, inner.code, "message %zu: %s", i + 1, inner.msg);
        if (rc == 0)
            return sp_fail(e, SP_EINPUT, "message %zu: no \"role\" or no \"content\"", i + 1);
        if (add_turn(l, role, text, e)) return -1;
    }
    return 0;
}

int sp_turns_of(const json_t *obj, bool with_answer, sp_turn *turns, size_t max, sp_err *e)
{
    turn_list l = {turns, 0, max};
    const json_t *messages = json_object_get(obj, "messages");
    if (messages && json_object_get(obj, "prompt"))
        return sp_fail(e, SP_EINPUT, "both \"prompt\" and \"messages\"");
    if (add_text(&l, obj, "system", "system", e) < 0) return -1;
    if (messages) {
        if (add_messages(&l, messages, e)) return -1;
        if (!with_answer && !strcmp(turns[l.n - 1].role, "assistant")) l.n--;
    } else {
        int rc = add_text(&l, obj, "prompt", "user", e);
        if (rc == 0) sp_fail(e, SP_EINPUT, "no \"prompt\" and no \"messages\"");
        if (rc <= 0 || (with_answer && add_text(&l, obj, "response", "assistant", e) < 0))
            return -1;
    }
    return (int)l.n;
}
