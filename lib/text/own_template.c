/* own_template.c - see own_template.h. */
#include "text/own_template.h"

#include "io/read_file.h"

#include <stdlib.h>
#include <string.h>

static struct {
    sp_jinja *jinja;
    sp_template marks;
    const char *date;
    bool no_thinking;
} own = {.date = SP_CHAT_DATE};

void sp_own_template_set(const char *date, bool no_thinking)
{
    own.date = date ? date : SP_CHAT_DATE;
    own.no_thinking = no_thinking;
}

sp_template sp_own_template_marks(void) { return own.marks; }

sp_own_template sp_own_template_get(void)
{
    return (sp_own_template){own.jinja, own.date, own.no_thinking};
}

/* Make text[0..n), of DIR/FILE, the template: 1 or -1. */
static int parse(const char *dir, const char *file, const char *text, size_t n, sp_err *e)
{
    sp_err inner = {0};
    sp_jinja *t = sp_jinja_parse(text, n, &inner);
    if (!t) return sp_fail(e, inner.code, "%s/%s: chat template, %s", dir, file, inner.msg);
    sp_jinja_free(own.jinja);
    own.jinja = t;
    own.marks = memmem(text, n, "<|start_header_id|>", 19) ? SP_TMPL_LLAMA3
                : memmem(text, n, "<start_of_turn>", 15)   ? SP_TMPL_GEMMA
                : memmem(text, n, "<<SYS>>", 7)            ? SP_TMPL_LLAMA2
                : memmem(text, n, "[INST]", 6)             ? SP_TMPL_MISTRAL
                                                           : SP_TMPL_AUTO;
    return 1;
}

/* The string "chat_template", or that of the one named "default" in a list. NULL: there is none. */
static const json_t *default_template(const json_t *chat)
{
    const json_t *v, *found = json_is_string(chat) ? chat : NULL;
    size_t i;
    json_array_foreach(chat, i, v)
    {
        const char *name = json_string_value(json_object_get(v, "name"));
        if (name && !strcmp(name, "default")) found = json_object_get(v, "template");
    }
    return json_is_string(found) ? found : NULL;
}

/* As sp_own_template_load, from tokenizer_config.json. A file that is no JSON object has no
 * template: the tokenizer, which needs it, complains. */
static int load_config(const char *dir, sp_err *e)
{
    static const char config[] = "tokenizer_config.json";
    char *text = NULL;
    size_t n;
    int rc = sp_read_file(dir, config, &text, &n, e);
    if (rc <= 0) return rc;
    json_t *tree = json_loadb(text, n, JSON_DECODE_INT_AS_REAL, NULL);
    const json_t *chat = json_object_get(tree, "chat_template"), *t = default_template(chat);
    rc = 0;
    if (t) rc = parse(dir, config, json_string_value(t), json_string_length(t), e);
    else if (chat && !json_is_null(chat))
        rc = sp_fail(e, SP_EINPUT, "%s/%s: \"chat_template\" is no text, nor has it a \"default\"",
                     dir, config);
    json_decref(tree);
    free(text);
    return rc;
}

int sp_own_template_load(const char *dir, sp_err *e)
{
    static const char jinja[] = "chat_template.jinja";
    char *text = NULL;
    size_t n;
    int rc = sp_read_file(dir, jinja, &text, &n, e);
    if (rc == 1) rc = parse(dir, jinja, text, n, e);
    free(text);
    return rc ? rc : load_config(dir, e);
}
