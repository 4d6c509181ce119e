/* template.c - see template.h. */
#include "text/template.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef sp_template_form template;

static template table[] = {
    [SP_TMPL_LLAMA2] = {.name = "llama2",
                        .start = "",
                        .system = "<<SYS>>\n{system}\n<</SYS>>\n\n",
                        .user = "{bos}[INST] {system}{user} [/INST]",
                        .assistant = " {assistant} {eos}",
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

const sp_template_form *sp_template_get(sp_template t)
{
    return t > SP_TMPL_AUTO && t <= SP_TMPL_FILE && table[t].name ? &table[t] : NULL;
}

const char *sp_template_name(sp_template t) { return sp_template_get(t) ? table[t].name : "auto"; }

bool sp_template_has_system(sp_template t) { return sp_template_get(t) && table[t].system; }

bool sp_template_holds(const char *s, const char *name)
{
    size_t n = strlen(name);
    return *s == '{' && !strncmp(s + 1, name, n) && s[n + 1] == '}';
}

/* ---- a template file ------------------------------------------------------------------ */

/* obj[key] must hold {key} once; NULL with *e set, or when it is absent. */
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

static int read_stops(template *t, const json_t *list, sp_err *e)
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

static int read_template(template *t, const json_t *obj, sp_err *e)
{
    static const char *const known[] = {"start", "system", "user", "assistant", "stop", "trim"};
    const json_t *start = json_object_get(obj, "start"), *trim = json_object_get(obj, "trim"), *v;
    const char *key;
    if (!json_is_object(obj)) return sp_fail(e, SP_EINPUT, "not a JSON object");
    json_object_foreach((json_t *)obj, key, v)
    {
        size_t i = 0;
        while (i < 6 && strcmp(key, known[i])) i++;
        if (i == 6) return sp_fail(e, SP_EINPUT, "unknown key \"%s\"", key);
    }
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

int sp_template_load(const char *path, sp_err *e)
{
    static json_t *loaded;
    json_error_t why;
    sp_err inner = {0};
    template t = {.name = "file"};
    FILE *f = fopen(path, "r");
    if (!f) return sp_fail(e, SP_EINPUT, "%s: %s", path, strerror(errno));
    json_t *obj = json_loadf(f, 0, &why);
    fclose(f);
    if (!obj) return sp_fail(e, SP_EINPUT, "%s: line %d: %s", path, why.line, why.text);
    int rc = read_template(&t, obj, &inner);
    if (rc) sp_fail(e, inner.code, "%s: %s", path, inner.msg);
    else table[SP_TMPL_FILE] = t;
    json_decref(rc ? obj : loaded);
    if (!rc) loaded = obj; /* the row borrows its strings */
    return rc;
}

/* ---- which one does a model want? ----------------------------------------------------- */

/* All of DIR/NAME as text, or NULL. */
static char *read_text(const char *dir, const char *name)
{
    char *path = sp_xasprintf("%s/%s", dir, name), *text = NULL;
    size_t cap = 0;
    FILE *f = fopen(path, "r");
    free(path);
    if (f && getdelim(&text, &cap, 0, f) < 0) {
        free(text);
        text = NULL;
    }
    if (f) fclose(f);
    return text;
}

/* The marks of a family in a chat template, or in the whole tokenizer_config.json that holds one.
 */
static sp_template guess(const char *text)
{
    if (strstr(text, "<|start_header_id|>")) return SP_TMPL_LLAMA3;
    if (strstr(text, "<start_of_turn>")) return SP_TMPL_GEMMA;
    if (strstr(text, "<<SYS>>")) return SP_TMPL_LLAMA2;
    return strstr(text, "[INST]") ? SP_TMPL_MISTRAL : SP_TMPL_PLAIN;
}

/* "chat_template" of tokenizer_config.json: a string, or a list of named ones. */
static sp_template guess_config(const char *text)
{
    json_t *j = json_loads(text, JSON_DECODE_INT_AS_REAL, NULL),
           *chat = json_object_get(j, "chat_template");
    char *s = chat ? json_dumps(chat, JSON_ENCODE_ANY) : NULL;
    sp_template t = s ? guess(s) : SP_TMPL_PLAIN;
    free(s);
    json_decref(j);
    return t;
}

sp_template sp_template_auto(const char *model_dir)
{
    char *jinja = read_text(model_dir, "chat_template.jinja"),
         *config = read_text(model_dir, "tokenizer_config.json");
    sp_template t = jinja ? guess(jinja) : config ? guess_config(config) : SP_TMPL_PLAIN;
    free(jinja);
    free(config);
    return t;
}
