/* own_template.c - see own_template.h.
 *
 * The template is process-wide, as the one of a user's file is (template.c): options of the command
 * line and a directory make it once, and chat.c asks for it with each conversation. A new one
 * replaces the old one only when it has been parsed in full.
 */
#include "text/own_template.h"

#include "io/read_file.h"

#include <stdlib.h>
#include <string.h>

/* What sp_own_template_get hands out, and the built-in template with the same marks. */
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

/* Tell the family by its marks in the text of a template; SP_TMPL_AUTO when there is none of
 * them. */
static sp_template marks_of(const char *text, size_t n)
{
    /* LLaMA-2's has Mistral's mark as well, so it is asked for first */
    static const struct {
        const char *mark;
        sp_template family;
    } marks[] = {{"<|start_header_id|>", SP_TMPL_LLAMA3},
                 {"<start_of_turn>", SP_TMPL_GEMMA},
                 {"<<SYS>>", SP_TMPL_LLAMA2},
                 {"[INST]", SP_TMPL_MISTRAL}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (memmem(text, n, marks[i].mark, strlen(marks[i].mark))) return marks[i].family;
    return SP_TMPL_AUTO;
}

/* Make text[0..n), of DIR/FILE, the template. 1, 0 for an empty text, or -1. */
static int parse(const char *dir, const char *file, const char *text, size_t n, sp_err *e)
{
    sp_err inner = {0};
    if (!n) return 0;
    sp_jinja *t = sp_jinja_parse(text, n, &inner);
    if (!t) return sp_fail(e, inner.code, "%s/%s: chat template, %s", dir, file, inner.msg);
    sp_jinja_free(own.jinja);
    own.jinja = t;
    own.marks = marks_of(text, n);
    return 1;
}

/* Find the template in `chat`, the value of "chat_template": the string itself, or that of the
 * entry named "default" in a list. Returns it borrowed, NULL when there is none. */
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

/* Do what sp_own_template_load does, with tokenizer_config.json alone. A file that is no JSON
 * object has no template: the tokenizer, which needs the file, complains of it. Integers are read
 * as real numbers because model_max_length may be 10^30. 1, 0 or -1. */
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

/* chat_template.jinja, where there is one that is not empty, takes precedence over the entry in
 * tokenizer_config.json. */
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
