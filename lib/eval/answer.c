/* answer.c - see answer.h.
 *
 * A prompt becomes ids when it is added, so that a bad one is found before any answer is made. Its
 * JSON object, objs[i], and its generation, items[i], wait side by side until the answer is
 * written. The prompt's ids in items[i] belong to the list, although sp_generation only borrows
 * them.
 *
 * Answers finish in any order, lines keep the order of the prompts. `written` is the index of the
 * first answer that is not out. After prompts 0, 1 and 3 of five:
 *
 *     finished   1 1 0 1 0
 *     written    2               answer 3 waits for answer 2
 */
#include "eval/answer.h"

#include "text/json_out.h"
#include "text/row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TURNS 256 /* of a prompt */

/* ---- prompts to ids ------------------------------------------------------------------- */

/* Put `system` in front of the turns, of which there is at least one, with room for one more before
 * them. A turn of its own is made only where the template has system turns and the prompt has none;
 * otherwise the text is put before the first turn's. Returns the first turn. *made gets the joined
 * text if there is one: turns borrow it, the caller frees it after use. */
static sp_turn *say_first(const sp_answers *a, const char *system, sp_turn *turns, char **made)
{
    if (strcmp(turns->role, "system") && sp_chat_has_system(a->tok, a->tmpl)) {
        *--turns = (sp_turn){"system", system};
        return turns;
    }
    turns->text = *made = sp_xasprintf("%s\n\n%s", system, turns->text);
    return turns;
}

/* Append to ids a prompt given as turns, up to where the answer begins. system NULL = nothing is
 * put in front. 0 or -1. */
static int encode_chat(const sp_answers *a, const json_t *obj, const char *system, sp_ids *ids,
                       sp_err *e)
{
    sp_turn with_room[MAX_TURNS + 1], *turns = with_room + 1;
    char *made = NULL;
    int n = sp_turns_of(obj, false, turns, MAX_TURNS, e);
    /* a negative n has filled *e already, and sp_fail keeps the first error */
    if (n <= 0) return sp_fail(e, SP_EINPUT, "no turns");
    sp_turn *first = system ? say_first(a, system, turns, &made) : turns;
    int rc = sp_chat_encode(a->tok, a->tmpl, first, (size_t)(turns + n - first), ids, NULL, e);
    free(made);
    return rc;
}

/* Bytes of BOS, written out, that a text begins with. */
static size_t bos_before(const sp_tok *tok, const char *s, size_t n)
{
    int32_t bos = sp_tok_bos(tok);
    size_t len = 0;
    char *text = bos < 0 ? NULL : sp_tok_decode(tok, &bos, 1, false, &len);
    bool there = len && len <= n && !memcmp(s, text, len);
    free(text);
    return there ? len : 0;
}

/* Append to ids a text that goes without a template, with `system` and a blank line before it, or
 * NULL; a BOS that the text brings stays in front. The text is taken by its length, since it may
 * hold NUL characters; `system` is a C string and holds none. 0 or -1. */
static int encode_text(const sp_answers *a, const json_t *text, const char *system, sp_ids *ids,
                       sp_err *e)
{
    const char *s = json_string_value(text);
    size_t n = json_string_length(text), front = system ? bos_before(a->tok, s, n) : 0, size;
    char *whole;
    FILE *f = open_memstream(&whole, &size);
    if (!f) sp_die(SP_ESYSTEM, "out of memory");
    fwrite(s, 1, front, f);
    if (system) fprintf(f, "%s\n\n", system);
    fwrite(s + front, 1, n - front, f);
    fclose(f);
    int rc = sp_tok_encode(a->tok, whole, size, SP_TOK_SPECIAL | SP_TOK_ONCE, ids, e);
    free(whole);
    return rc;
}

/* The row's input_ids without what its mask leaves out. */
static int take_ids(const sp_answers *a, const json_t *obj, sp_ids *ids, sp_err *e)
{
    const json_t *list = json_object_get(obj, "input_ids");
    size_t from, to;
    if (sp_row_span(obj, json_array_size(list), &from, &to, e)) return -1;
    return sp_ids_from_json(list, from, to, a->m->cfg.vocab, ids, e);
}

/* Append to ids a prompt in any of its forms: "input_ids", "text", or turns. 0, or -1 for a form
 * that does not go with a system text or needs a tokenizer that is not there. */
static int encode(const sp_answers *a, const json_t *obj, const char *system, sp_ids *ids,
                  sp_err *e)
{
    sp_row_form form;
    const json_t *text = sp_row_get(obj, "text");
    if (sp_row_form_of(obj, &form, e)) return -1;
    if (form == SP_ROW_IDS && system)
        return sp_fail(e, SP_EINPUT, "a system text cannot be put before \"input_ids\"");
    if (form == SP_ROW_IDS) return take_ids(a, obj, ids, e);
    if (!a->tok)
        return sp_fail(e, SP_EINPUT, "the model has no tokenizer, so \"input_ids\" are needed");
    if (form == SP_ROW_TURNS) return encode_chat(a, obj, system, ids, e);
    if (!json_is_string(text)) return sp_fail(e, SP_EINPUT, "\"text\" is not a string");
    return encode_text(a, text, system, ids, e);
}

/* Is n a number of tokens that the model can continue? 0 or -1. */
static int check_length(const sp_answers *a, size_t n, sp_err *e)
{
    int64_t most = a->m->cfg.max_position - 1; /* one token of answer must fit */
    if (!n) return sp_fail(e, SP_EINPUT, "the prompt has no tokens");
    if ((int64_t)n > most)
        return sp_fail(e, SP_EINPUT, "a prompt of %zu tokens; the model takes up to %lld", n,
                       (long long)most);
    return 0;
}

int sp_answers_encode(const sp_answers *a, const json_t *obj, const char *system, sp_ids *ids,
                      sp_err *e)
{
    return encode(a, obj, system, ids, e) || check_length(a, ids->n, e) ? -1 : 0;
}

int sp_answers_add(sp_answers *a, json_t *obj, sp_err *e)
{
    sp_ids ids[2] = {{0}};
    int rc = 0;
    for (int c = 0; rc == 0 && c < 1 + a->two_prompts; c++)
        rc = sp_answers_encode(a, obj, a->system[c], &ids[c], e);
    if (rc < 0) {
        sp_ids_free(&ids[0]);
        sp_ids_free(&ids[1]);
        return -1;
    }
    /* Both arrays have the capacity a->cap. Each call of sp_xgrow must see the old value, so the
     * first one updates a copy. */
    size_t cap = a->cap; /* of both arrays */
    a->objs = sp_xgrow(a->objs, &cap, a->n + 1, sizeof *a->objs);
    a->items = sp_xgrow(a->items, &a->cap, a->n + 1, sizeof *a->items);
    a->objs[a->n] = obj;
    a->items[a->n++] = (sp_generation){.prompt = ids[0].ids,
                                       .n_prompt = (int64_t)ids[0].n,
                                       .other = ids[1].ids,
                                       .n_other = (int64_t)ids[1].n};
    return 0;
}

/* ---- answers to lines ----------------------------------------------------------------- */

/* Free the prompt's ids, which only the list of answers owns, and the answer's. */
static void free_item(sp_generation *it)
{
    free((void *)it->prompt);
    free((void *)it->other);
    sp_ids_free(&it->out);
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* Find where the answer proper begins in text[0..n). Models that think aloud write
 * "<think>...</think>" before they answer; some templates open the bracket already in the prompt,
 * so "</think>" alone counts. 0 = there are no thoughts; n = nothing but thoughts, cut short. */
static size_t answer_begins(const char *text, size_t n)
{
    static const char open[] = "<think>", close[] = "</think>";
    const size_t n_open = sizeof open - 1, n_close = sizeof close - 1;
    const char *end = memmem(text, n, close, n_close);
    size_t at = end ? (size_t)(end - text) + n_close : 0;
    while (at < n && blank(text[at])) at++;
    if (end) return at;
    return n - at >= n_open && !memcmp(text + at, open, n_open) ? n : 0;
}

/* Put the answer's text into obj, without the stop text that ended it and what came with its last
 * token; thoughts go into a field of their own. */
static void put_response(const sp_answers *a, json_t *obj, const sp_ids *out)
{
    size_t n;
    char *text = sp_tok_decode(a->tok, out->ids, out->n, true, &n);
    n = sp_ending_cut(&a->opt->ending, text, n);
    size_t from = answer_begins(text, n);
    if (from) json_object_set_new(obj, "thinking", sp_json_text(text, from));
    json_object_set_new(obj, "response", sp_json_text(text + from, n - from));
    free(text);
}

/* Add the answer to the prompt's object and write it as one line. New fields come in this order
 * behind those that the object has. Seconds are rounded to microseconds. */
static void write_answer(const sp_answers *a, json_t *obj, const sp_generation *it)
{
    if (a->tok) put_response(a, obj, &it->out);
    json_object_set_new(obj, "ids", sp_ids_to_json(it->out.ids, it->out.n));
    json_object_set_new(obj, "finish", json_string(it->stopped ? "stop" : "length"));
    json_object_set_new(obj, "tokens", json_integer((json_int_t)it->out.n));
    json_object_set_new(obj, "seconds", json_real(round(it->seconds * 1e6) / 1e6));
    sp_json_write_line(a->out, obj);
}

/* Mark answer i as finished (sp_generate's done), and write every answer that no unfinished one
 * precedes. What is written is freed at once, so that memory holds only answers that wait. */
static void answer_done(void *self, size_t i)
{
    sp_answers *a = self;
    a->finished[i] = true;
    sp_progress_at(&a->progress, (double)++a->n_finished);
    for (; a->written < a->n && a->finished[a->written]; a->written++) {
        sp_generation *it = &a->items[a->written];
        write_answer(a, a->objs[a->written], it);
        json_decref(a->objs[a->written]);
        free_item(it);
    }
}

int sp_answers_run(sp_answers *a, const sp_generate_opt *opt, FILE *out, sp_err *e)
{
    a->opt = opt;
    a->out = out;
    a->finished = sp_xcalloc(a->n, sizeof *a->finished);
    sp_progress_start(&a->progress, "generate", "answers", (double)a->n);
    int rc = sp_generate(a->m, a->items, a->n, opt, answer_done, a, e);
    sp_progress_end(&a->progress);
    /* after an error: prompts whose answers were never written */
    for (size_t i = a->written; i < a->n; i++) {
        json_decref(a->objs[i]);
        free_item(&a->items[i]);
    }
    free(a->objs);
    free(a->items);
    free(a->finished);
    return rc;
}
