/* read_steps.c - see read_steps.h.
 *
 * An object is either one step, {"type": KIND, settings ...}, or {"type": "Sequence"} with a list
 * of such objects. Each kind is one row of a table: its name and the function that reads its
 * settings. A kind without a row is refused by name, and so is a setting that would change the
 * outcome and is not supported.
 */
#include "text/tok/read_steps.h"

#include "base/arith.h"
#include "base/utf8.h"

#include <string.h>

/* ---- settings ------------------------------------------------------------------------- */

/* Copy the string j[key], which must be there and, when `some`, not be empty. 0 or -1. */
static int get_text(const json_t *j, const char *key, bool some, tok_str *out, sp_err *e)
{
    const json_t *v = json_object_get(j, key);
    if (!json_is_string(v) || (some && !json_string_length(v)))
        return sp_fail(e, SP_EINPUT, "\"%s\" is not a %sstring", key, some ? "non-empty " : "");
    tok_str_free(out);
    *out = tok_str_make(json_string_value(v), json_string_length(v));
    return 0;
}

/* The truth value j[key], `def` when absent or null. 0, or -1 when it is something else. */
static int get_flag(const json_t *j, const char *key, bool def, bool *out, sp_err *e)
{
    const json_t *v = json_object_get(j, key);
    if (v && !json_is_null(v) && !json_is_boolean(v))
        return sp_fail(e, SP_EINPUT, "\"%s\" is not true or false", key);
    *out = json_is_boolean(v) ? json_is_true(v) : def;
    return 0;
}

/* Index of the string j[key] among `names` (NULL-terminated, case does not matter). 0 or -1. */
static int get_choice(const json_t *j, const char *key, const char *const *names, int *out,
                      sp_err *e)
{
    const char *s = json_string_value(json_object_get(j, key));
    for (int i = 0; s && names[i]; i++)
        if (!strcasecmp(s, names[i])) return *out = i, 0;
    return sp_fail(e, SP_EINPUT, "\"%s\" %s is not supported", key, s ? s : "(not a string)");
}

/* Is *s one character? 0 or -1. */
static int check_character(const tok_str *s, const char *key, sp_err *e)
{
    uint32_t c;
    if (!s->n || sp_utf8_next(s->p, s->n, &c) != s->n)
        return sp_fail(e, SP_EINPUT, "\"%s\" is not one character", key);
    return 0;
}

/* ---- kinds ---------------------------------------------------------------------------- */

/* Appends the steps of one object. 0 or -1. */
typedef int reader(tok_steps *s, const json_t *j, sp_err *e);

/* {"type": "Prepend", "prepend": "▁"} */
static int read_prepend(tok_steps *s, const json_t *j, sp_err *e)
{
    return get_text(j, "prepend", false, &tok_steps_add(s, TOK_PREPEND)->a, e);
}

/* {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}. The pattern must not be empty,
 * because an empty text is found everywhere; the content may be, to delete the pattern. */
static int read_replace(tok_steps *s, const json_t *j, sp_err *e)
{
    tok_step *step = tok_steps_add(s, TOK_REPLACE);
    const json_t *p = json_object_get(j, "pattern");
    if (json_object_get(p, "Regex"))
        return sp_fail(e, SP_EINPUT, "Replace by a regular expression is not supported");
    if (get_text(p, "String", true, &step->a, e)) return -1;
    return get_text(j, "content", false, &step->b, e);
}

/* Read prepend_scheme, or add_prefix_space in older files; the former decides where both are given.
 * The names are in the order of tok_scheme. 0 or -1. */
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

/* {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}: one step, as a decoder. As
 * a pre-tokenizer (next function) it may split as well. */
static int read_metaspace(tok_steps *s, const json_t *j, sp_err *e)
{
    tok_step *step = tok_steps_add(s, TOK_METASPACE);
    if (get_text(j, "replacement", true, &step->a, e)) return -1;
    if (check_character(&step->a, "replacement", e)) return -1;
    return read_scheme(j, &step->scheme, e);
}

/* The same, and a second step unless "split" is false: words begin with the sign for a space, so
 * the text is cut in front of each sign. */
static int read_metaspace_split(tok_steps *s, const json_t *j, sp_err *e)
{
    bool split = true;
    if (read_metaspace(s, j, e) || get_flag(j, "split", true, &split, e)) return -1;
    if (!split) return 0;
    tok_step *step = tok_steps_add(s, TOK_SPLIT);
    step->behaviour = TOK_WITH_NEXT;
    return get_text(j, "replacement", true, &step->a, e);
}

/* {"type": "Split", "pattern": {"Regex": "\\d"}, "behavior": "Isolated", "invert": false}. The
 * names are in the order of tok_behaviour. The pattern is a regular expression or a plain text
 * ("String"). */
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
    return (step->re = tok_regex_new(step->a.p, step->a.n, e)) ? 0 : -1;
}

/* GPT-2's own way to cut words, for ByteLevel with use_regex: English endings ('s, 'll), then
 * letters, digits or other signs, each with at most one space in front, then white space. A run of
 * spaces before a word leaves its last one to the word. */
static const char byte_level_words[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/* Up to three steps: a space in front, GPT-2's words, bytes to characters. The cut comes before the
 * bytes change, because the pattern is written for text. The behaviour is TOK_ISOLATED, which is
 * zero: every match becomes a part. */
static int read_byte_level_split(tok_steps *s, const json_t *j, sp_err *e)
{
    bool prefix = true, words = true;
    if (get_flag(j, "add_prefix_space", true, &prefix, e) ||
        get_flag(j, "use_regex", true, &words, e))
        return -1;
    if (prefix) tok_steps_add(s, TOK_PREFIX_SPACE);
    if (words) {
        tok_step *step = tok_steps_add(s, TOK_SPLIT);
        if (!(step->re = tok_regex_new(byte_level_words, sizeof byte_level_words - 1, e)))
            return -1;
    }
    tok_steps_add(s, TOK_BYTES);
    return 0;
}

/* {"type": "Strip", "content": " ", "start": 1, "stop": 0}. A count that is absent is 0. */
static int read_strip(tok_steps *s, const json_t *j, sp_err *e)
{
    tok_step *step = tok_steps_add(s, TOK_STRIP);
    step->start = json_integer_value(json_object_get(j, "start"));
    step->stop = json_integer_value(json_object_get(j, "stop"));
    if (get_text(j, "content", true, &step->a, e)) return -1;
    return check_character(&step->a, "content", e);
}

/* ---- which kinds each part knows ------------------------------------------------------ */

/* One of the three objects and the kinds that it may have. A row without a type ends the list of
 * kinds. */
typedef struct {
    const char *what, *list; /* name of the object, and of the list in its Sequence */
    struct {
        const char *type;
        reader *read; /* NULL: one step of `plain`, which has no settings */
        tok_kind plain;
    } kind[8];
} part;

/* clang-format off */
static const part normalizer = {"normalizer", "normalizers", {
    {"Prepend", .read = read_prepend},
    {"Replace", .read = read_replace}}};
static const part pre_tokenizer = {"pre_tokenizer", "pretokenizers", {
    {"Metaspace", .read = read_metaspace_split},
    {"Split", .read = read_split},
    {"ByteLevel", .read = read_byte_level_split}}};
static const part decoder = {"decoder", "decoders", {
    {"Replace", .read = read_replace},
    {"ByteFallback", .plain = TOK_BYTE_FALLBACK},
    {"Fuse", .plain = TOK_FUSE},
    {"Strip", .read = read_strip},
    {"Metaspace", .read = read_metaspace},
    {"ByteLevel", .plain = TOK_BYTES}}};
/* clang-format on */

/* Append the steps of object j, of which the kinds are those of part p. Calls itself for the
 * objects of a Sequence. The messages of the readers name only the setting; object and kind are put
 * in front of them here. 0 or -1. */
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
        if (!p->kind[i].read) tok_steps_add(s, p->kind[i].plain);
        else if (p->kind[i].read(s, j, &inner))
            return sp_fail(e, inner.code, "%s %s: %s", p->what, type, inner.msg);
        return 0;
    }
    return sp_fail(e, SP_EINPUT, "%s \"%s\" is not supported", p->what, type);
}

/* How many times longer a text may become in all steps together. The real tokenizers need 3: a
 * space becomes three bytes. */
#define MAX_GROWTH 100
#define MAX_STEPS  32

/* A hostile file must not turn a kilobyte into a terabyte. The factors of all steps are multiplied,
 * each the worst case for any text. Prepend adds bytes once and multiplies nothing, so only their
 * number is limited. 0 or -1. */
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

/* All of an object, and whether it is safe to run. 0 or -1. */
static int read(const part *p, tok_steps *s, const json_t *j, sp_err *e)
{
    return read_part(p, s, j, e) || check_growth(p, s, e) ? -1 : 0;
}

int tok_read_normalizer(tok_steps *s, const json_t *j, sp_err *e)
{
    return read(&normalizer, s, j, e);
}

int tok_read_pre_tokenizer(tok_steps *s, const json_t *j, sp_err *e)
{
    return read(&pre_tokenizer, s, j, e);
}

int tok_read_decoder(tok_steps *s, const json_t *j, sp_err *e) { return read(&decoder, s, j, e); }
