/* tok_steps.c - the normalizer, pre_tokenizer and decoder objects of a tokenizer.json, as lists of
 * steps.
 *
 * Each kind is one row of a table: its name and the function that reads its settings. A kind
 * without a row is refused by name, and so is a setting that would change the outcome and is not
 * supported.
 */
#include "text/tok/tok_int.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

tok_step *tok_steps_add(tok_steps *s, tok_kind kind)
{
    s->v = sp_xrealloc(s->v, (s->n + 1) * sizeof *s->v);
    s->v[s->n] = (tok_step){.kind = kind};
    return &s->v[s->n++];
}

void tok_steps_free(tok_steps *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->v[i].a.p);
        free(s->v[i].b.p);
        pcre2_code_free(s->v[i].re);
    }
    free(s->v);
}

/* ---- settings ------------------------------------------------------------------------- */

/* A string that must be there and, when `some`, not be empty. */
static int get_text(const json_t *j, const char *key, bool some, tok_str *out, sp_err *e)
{
    const json_t *v = json_object_get(j, key);
    if (!json_is_string(v) || (some && !json_string_length(v)))
        return sp_fail(e, SP_EINPUT, "\"%s\" is not a %sstring", key, some ? "non-empty " : "");
    free(out->p);
    *out = tok_str_make(json_string_value(v), json_string_length(v));
    return 0;
}

static int get_flag(const json_t *j, const char *key, bool def, bool *out, sp_err *e)
{
    const json_t *v = json_object_get(j, key);
    if (v && !json_is_null(v) && !json_is_boolean(v))
        return sp_fail(e, SP_EINPUT, "\"%s\" is not true or false", key);
    *out = json_is_boolean(v) ? json_is_true(v) : def;
    return 0;
}

/* One of `names` (NULL-terminated) by its index. */
static int get_choice(const json_t *j, const char *key, const char *const *names, int *out,
                      sp_err *e)
{
    const char *s = json_string_value(json_object_get(j, key));
    for (int i = 0; s && names[i]; i++)
        if (!strcasecmp(s, names[i])) return *out = i, 0;
    return sp_fail(e, SP_EINPUT, "\"%s\" %s is not supported", key, s ? s : "(not a string)");
}

static int one_character(const tok_str *s, const char *key, sp_err *e)
{
    uint32_t c;
    if (!s->n || sp_utf8_next(s->p, s->n, &c) != s->n)
        return sp_fail(e, SP_EINPUT, "\"%s\" is not one character", key);
    return 0;
}

/* ---- normaliser and pre-tokenizer kinds ----------------------------------------------- */

typedef int reader(tok_steps *s, const json_t *j, sp_err *e);

static int read_prepend(tok_steps *s, const json_t *j, sp_err *e)
{
    return get_text(j, "prepend", false, &tok_steps_add(s, TOK_PREPEND)->a, e);
}

static int read_replace(tok_steps *s, const json_t *j, sp_err *e)
{
    tok_step *step = tok_steps_add(s, TOK_REPLACE);
    const json_t *p = json_object_get(j, "pattern");
    if (json_object_get(p, "Regex"))
        return sp_fail(e, SP_EINPUT, "Replace by a regular expression is not supported");
    return get_text(p, "String", true, &step->a, e) || get_text(j, "content", false, &step->b, e)
               ? -1
               : 0;
}

/* prepend_scheme, or add_prefix_space in older files. */
static int read_scheme(const json_t *j, tok_scheme *out, sp_err *e)
{
    static const char *const names[] = {"always", "first", "never", NULL};
    bool prefix = true;
    int i = 0;
    if (get_flag(j, "add_prefix_space", true, &prefix, e)) return -1;
    *out = prefix ? TOK_ALWAYS : TOK_NEVER;
    if (!json_object_get(j, "prepend_scheme")) return 0;
    if (get_choice(j, "prepend_scheme", names, &i, e)) return -1;
    *out = (tok_scheme)i;
    return 0;
}

/* The decoder's form; the pre-tokenizer may split as well. */
static int read_metaspace(tok_steps *s, const json_t *j, sp_err *e)
{
    tok_step *step = tok_steps_add(s, TOK_METASPACE);
    return get_text(j, "replacement", true, &step->a, e) ||
                   one_character(&step->a, "replacement", e) || read_scheme(j, &step->scheme, e)
               ? -1
               : 0;
}

static int read_metaspace_split(tok_steps *s, const json_t *j, sp_err *e)
{
    bool split = true;
    if (read_metaspace(s, j, e) || get_flag(j, "split", true, &split, e)) return -1;
    if (!split) return 0;
    tok_step *step = tok_steps_add(s, TOK_SPLIT);
    step->behaviour = TOK_WITH_NEXT;
    return get_text(j, "replacement", true, &step->a, e);
}

static int read_split(tok_steps *s, const json_t *j, sp_err *e)
{
    static const char *const names[] = {"Isolated",       "Removed",    "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous", NULL};
    tok_step *step = tok_steps_add(s, TOK_SPLIT);
    const json_t *p = json_object_get(j, "pattern"), *re = json_object_get(p, "Regex");
    int how = 0;
    if (get_choice(j, "behavior", names, &how, e) || get_flag(j, "invert", false, &step->invert, e))
        return -1;
    step->behaviour = (tok_behaviour)how;
    if (get_text(p, re ? "Regex" : "String", true, &step->a, e)) return -1;
    if (!re) return 0;
    return (step->re = tok_regex(step->a.p, step->a.n, e)) ? 0 : -1;
}

/* GPT-2's own way to cut words, when ByteLevel is asked to. */
static const char byte_level_words[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static int read_byte_level_split(tok_steps *s, const json_t *j, sp_err *e)
{
    bool prefix = true, words = true;
    if (get_flag(j, "add_prefix_space", true, &prefix, e) ||
        get_flag(j, "use_regex", true, &words, e))
        return -1;
    if (prefix) tok_steps_add(s, TOK_PREFIX_SPACE);
    if (words) {
        tok_step *step = tok_steps_add(s, TOK_SPLIT);
        if (!(step->re = tok_regex(byte_level_words, sizeof byte_level_words - 1, e))) return -1;
    }
    tok_steps_add(s, TOK_BYTES);
    return 0;
}

/* ---- decoder kinds -------------------------------------------------------------------- */

static int read_byte_level(tok_steps *s, const json_t *j, sp_err *e)
{
    (void)j, (void)e;
    tok_steps_add(s, TOK_BYTES);
    return 0;
}

static int read_byte_fallback(tok_steps *s, const json_t *j, sp_err *e)
{
    (void)j, (void)e;
    tok_steps_add(s, TOK_BYTE_FALLBACK);
    return 0;
}

static int read_fuse(tok_steps *s, const json_t *j, sp_err *e)
{
    (void)j, (void)e;
    tok_steps_add(s, TOK_FUSE);
    return 0;
}

static int read_strip(tok_steps *s, const json_t *j, sp_err *e)
{
    tok_step *step = tok_steps_add(s, TOK_STRIP);
    step->start = json_integer_value(json_object_get(j, "start"));
    step->stop = json_integer_value(json_object_get(j, "stop"));
    return get_text(j, "content", true, &step->a, e) || one_character(&step->a, "content", e) ? -1
                                                                                              : 0;
}

/* ---- tables --------------------------------------------------------------------------- */

typedef struct {
    const char *what, *list; /* of the object, and of the array in its Sequence */
    struct {
        const char *type;
        reader *read;
    } kind[8];
} part;

static const part normalizer = {
    "normalizer", "normalizers", {{"Prepend", read_prepend}, {"Replace", read_replace}}};
static const part pre_tokenizer = {"pre_tokenizer",
                                   "pretokenizers",
                                   {{"Metaspace", read_metaspace_split},
                                    {"Split", read_split},
                                    {"ByteLevel", read_byte_level_split}}};
static const part decoder = {"decoder",
                             "decoders",
                             {{"Replace", read_replace},
                              {"ByteFallback", read_byte_fallback},
                              {"Fuse", read_fuse},
                              {"Strip", read_strip},
                              {"Metaspace", read_metaspace},
                              {"ByteLevel", read_byte_level}}};

static int read_part(const part *p, tok_steps *s, const json_t *j, sp_err *e)
{
    if (!j || json_is_null(j)) return 0;
    const char *type = json_string_value(json_object_get(j, "type"));
    if (!type) return sp_fail(e, SP_EINPUT, "%s without a type", p->what);
    if (!strcmp(type, "Sequence")) {
        const json_t *list = json_object_get(j, p->list), *v;
        size_t i;
        if (!json_is_array(list))
            return sp_fail(e, SP_EINPUT, "%s: Sequence without \"%s\"", p->what, p->list);
        json_array_foreach(list, i, v) if (read_part(p, s, v, e)) return -1;
        return 0;
    }
    for (size_t i = 0; p->kind[i].type; i++) {
        sp_err inner = {0};
        if (strcmp(type, p->kind[i].type)) continue;
        return p->kind[i].read(s, j, &inner)
                   ? sp_fail(e, inner.code, "%s %s: %s", p->what, type, inner.msg)
                   : 0;
    }
    return sp_fail(e, SP_EINPUT, "%s \"%s\" is not supported", p->what, type);
}

/* Times a text may grow from step to step, all together; the real ones need 3 (a space becomes
 * three bytes). */
#define MAX_GROWTH 100
#define MAX_STEPS  32

/* A hostile file must not turn a kilobyte into a terabyte. */
static int check_growth(const part *p, const tok_steps *s, sp_err *e)
{
    double growth = 1;
    for (size_t i = 0; i < s->n; i++) {
        const tok_step *step = &s->v[i];
        size_t to = step->kind == TOK_PREPEND ? step->a.n : step->b.n;
        if (to > MAX_GROWTH)
            return sp_fail(e, SP_EINPUT, "%s: a replacement of %zu bytes", p->what, to);
        if (step->kind == TOK_REPLACE) growth *= SP_MAX(1.0, (double)step->b.n / (double)step->a.n);
        if (step->kind == TOK_METASPACE)
            growth *= 5; /* at most four bytes for a space, and a sign in front of each part */
        if (step->kind == TOK_BYTES || step->kind == TOK_PREFIX_SPACE) growth *= 2;
    }
    return growth <= MAX_GROWTH && s->n <= MAX_STEPS
               ? 0
               : sp_fail(e, SP_EINPUT, "%s: too many steps (%zu), or steps that blow up the text",
                         p->what, s->n);
}

static int parse(const part *p, tok_steps *s, const json_t *j, sp_err *e)
{
    return read_part(p, s, j, e) || check_growth(p, s, e) ? -1 : 0;
}

int tok_parse_normalizer(sp_tok *t, const json_t *j, sp_err *e)
{
    return parse(&normalizer, &t->normalizer, j, e);
}
int tok_parse_pre(sp_tok *t, const json_t *j, sp_err *e)
{
    return parse(&pre_tokenizer, &t->pre, j, e);
}

int tok_parse_decoder(sp_tok *t, const json_t *j, sp_err *e)
{
    t->join_spaces = !j || json_is_null(j);
    return parse(&decoder, &t->decoder, j, e);
}
