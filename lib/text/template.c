/* template.c - see template.h.
 *
 * The built-in templates are rows of a table, indexed by sp_template. The row of SP_TMPL_AUTO stays
 * empty. The row of SP_TMPL_FILE is empty until a user's file has been loaded, and then borrows its
 * strings from the tree of that file, which lives until another file is loaded.
 */
#include "text/template.h"

#include "io/foreign.h"
#include "io/read_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* As the makers of the models publish them in chat_template; test_chat_golden.c compares the ids
 * with those of the whole text. */
static sp_template_form table[] = {
    [SP_TMPL_LLAMA2] = {.name = "llama2",
                        .start = "",
                        .system = "<<SYS>>\n{system}\n<</SYS>>\n\n",
                        .user = "{bos}[INST] {system}{user} [/INST]",
                        .assistant = " {assistant} {eos}",
                        .joined = true,
                        .stop = {"{eos}"}},
    [SP_TMPL_LLAMA3] =
        {.name = "llama3",
         .start = "{bos}",
         .system = "<|start_header_id|>system<|end_header_id|>\n\n{system}<|eot_id|>",
         .user = "<|start_header_id|>user<|end_header_id|>\n\n{user}<|eot_id|>",
         .assistant = "<|start_header_id|>assistant<|end_header_id|>\n\n{assistant}<|eot_id|>",
         .stop = {"<|eot_id|>", "{eos}"}},
    [SP_TMPL_MISTRAL] = {.name = "mistral",
                         .start = "{bos}",
                         .system = "{system}\n",
                         .user = "[INST] {system}{user} [/INST]",
                         .assistant = " {assistant}{eos}",
                         .stop = {"{eos}"}},
    [SP_TMPL_GEMMA] = {.name = "gemma",
                       .start = "{bos}",
                       .user = "<start_of_turn>user\n{user}<end_of_turn>\n",
                       .assistant = "<start_of_turn>model\n{assistant}<end_of_turn>\n",
                       .stop = {"<end_of_turn>", "{eos}"}},
    [SP_TMPL_PLAIN] = {.name = "plain",
                       .start = "{bos}",
                       .system = "{system}\n\n",
                       .user = "{system}{user}",
                       .assistant = " {assistant}{eos}",
                       .stop = {"{eos}"},
                       .keep_space = true},
    [SP_TMPL_FILE] = {.name = NULL},
};

/* A row without a name is an empty row. */
const sp_template_form *sp_template_get(sp_template t)
{
    return t > SP_TMPL_AUTO && t <= SP_TMPL_FILE && table[t].name ? &table[t] : NULL;
}

const char *sp_template_name(sp_template t)
{
    if (t == SP_TMPL_OWN) return "own";
    return sp_template_get(t) ? table[t].name : "auto";
}

bool sp_template_holds(const char *s, const char *name)
{
    size_t n = strlen(name);
    return *s == '{' && !strncmp(s + 1, name, n) && s[n + 1] == '}';
}

/* ---- a template file ------------------------------------------------------------------ */

/* The string obj[key], borrowed, which must hold {key} exactly once: the text of a turn would
 * otherwise be lost or doubled. NULL with *e set when it does not, NULL alone when the key is
 * absent. */
static const char *read_form(const json_t *obj, const char *key, sp_err *e)
{
    const json_t *v = json_object_get(obj, key);
    const char *s = json_string_value(v);
    int seen = 0;
    for (const char *p = s; p && *p; p++) seen += sp_template_holds(p, key);
    if (v && seen != 1)
        sp_fail(e, SP_EINPUT, "\"%s\" must be a string with {%s} in it once", key, key);
    return seen == 1 ? s : NULL;
}

/* Fill t->stop from a list of at most SP_MAX_STOPS strings, borrowed. Without a list EOS alone ends
 * an answer. 0 or -1. */
static int read_stops(sp_template_form *t, const json_t *list, sp_err *e)
{
    const json_t *v;
    size_t i;
    if (!list) t->stop[0] = "{eos}";
    if (list && (!json_is_array(list) || json_array_size(list) > SP_MAX_STOPS))
        return sp_fail(e, SP_EINPUT, "\"stop\" is not a list of at most %d strings", SP_MAX_STOPS);
    json_array_foreach(list, i, v)
    {
        if (!json_is_string(v)) return sp_fail(e, SP_EINPUT, "\"stop\" is not a list of strings");
        t->stop[i] = json_string_value(v);
    }
    return 0;
}

/* A key that is not known is probably a known one misspelt, so it is refused. 0 or -1. */
static int check_keys(const json_t *obj, sp_err *e)
{
    static const char *const known[] = {"start", "system", "user", "assistant", "stop", "trim"};
    enum { KNOWN = sizeof known / sizeof *known };
    const char *key;
    const json_t *v;
    json_object_foreach((json_t *)obj, key, v)
    {
        size_t i = 0;
        while (i < KNOWN && strcmp(key, known[i])) i++;
        if (i == KNOWN) return sp_fail(e, SP_EINPUT, "unknown key \"%s\"", key);
    }
    return 0;
}

/* Fill *t, which borrows its strings from obj. *e must be empty at first: whether a form was bad is
 * seen from e->code at the end. 0 or -1. */
static int read_template(sp_template_form *t, const json_t *obj, sp_err *e)
{
    const json_t *start = json_object_get(obj, "start"), *trim = json_object_get(obj, "trim");
    if (!json_is_object(obj)) return sp_fail(e, SP_EINPUT, "not a JSON object");
    if (check_keys(obj, e)) return -1;
    if ((start && !json_is_string(start)) || (trim && !json_is_boolean(trim)))
        return sp_fail(e, SP_EINPUT, "\"start\" is not a string or \"trim\" not true or false");
    t->start = start ? json_string_value(start) : "{bos}";
    t->keep_space = json_is_false(trim);
    t->system = read_form(obj, "system", e);
    t->user = read_form(obj, "user", e);
    t->assistant = read_form(obj, "assistant", e);
    if (!t->user || !t->assistant) sp_fail(e, SP_EINPUT, "\"user\" and \"assistant\" are needed");
    return e->code ? -1 : read_stops(t, json_object_get(obj, "stop"), e);
}

/* The row of the table changes only when the new file has been read in full. Only then is the old
 * tree released, from which the old row borrowed its strings. */
int sp_template_load(const char *path, sp_err *e)
{
    static json_t *loaded; /* the tree that table[SP_TMPL_FILE] borrows from */
    json_t *obj;
    sp_err inner = {0};
    sp_template_form t = {.name = "file"};
    int rc = sp_read_json(path, 0, &obj, e);
    if (rc == 0) return sp_fail_open(e, path, ENOENT);
    if (rc < 0) return -1;
    rc = read_template(&t, obj, &inner);
    if (rc) sp_fail(e, inner.code, "%s: %s", path, inner.msg);
    else table[SP_TMPL_FILE] = t;
    json_decref(rc ? obj : loaded);
    if (!rc) loaded = obj;
    return rc;
}
