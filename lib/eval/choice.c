/* choice.c - see choice.h.
 *
 * Each choice of an item is an example of its own (examples.h): the context's ids with the label
 * SP_UNSCORED, then the continuation's with themselves as labels. Examples of one item lie side by
 * side, in the order of the choices, so that the scores of item i are scores[first .. first+n-1].
 * An item of 3 choices and one of a single continuation:
 *
 *     items       0 (first 0, n 3)     1 (first 3, n 1)
 *     data.ex     0    1    2          3
 */
#include "eval/choice.h"

#include "base/utf8.h"
#include "text/row.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TURNS 256 /* of a prompt */

/* ---- items to examples ---------------------------------------------------------------- */

/* Add an example of these ids (copied), those from n_context on scored. */
static void add_example(sp_items *it, const sp_ids *ids, size_t n_context)
{
    sp_example x = {.n = (int64_t)ids->n,
                    .ids = sp_xarray(ids->n, sizeof(int32_t)),
                    .labels = sp_xarray(ids->n, sizeof(int32_t))};
    for (size_t i = 0; i < ids->n; i++) {
        x.ids[i] = ids->ids[i];
        x.labels[i] = i < n_context ? SP_UNSCORED : ids->ids[i];
    }
    sp_examples_add(&it->data, x);
}

/* Append to ids the prompt through the chat template, then the continuation. The continuation is
 * encoded alone, as the answer of a model is: its text cannot merge with the template's, and
 * literals of special tokens in it are plain text. Returns how many ids come before the
 * continuation, or -1. */
static int64_t encode_after_chat(const json_t *obj, const char *more, const sp_examples_opt *opt,
                                 sp_ids *ids, sp_err *e)
{
    sp_turn turns[MAX_TURNS];
    int n = sp_turns_of(obj, false, turns, MAX_TURNS, e);
    if (n < 0 || sp_chat_encode(opt->tok, opt->tmpl, turns, (size_t)n, ids, NULL, e) < 0) return -1;
    int64_t before = (int64_t)ids->n;
    int rc = sp_tok_encode(opt->tok, more, strlen(more), SP_TOK_NO_LITERALS, ids, e);
    return rc < 0 ? -1 : before;
}

/* Append to ids the context and the continuation, encoded as one text. How many of these ids belong
 * to the context is found by encoding it alone. Blanks at its end are left out there, since tokens
 * of the continuation begin with them:
 *
 *     context "The sky is ", continuation "blue"
 *     whole   The| sky| is| blue        4 ids
 *     alone   The| sky| is              3 of the context, so " blue" is scored
 *
 * Returns that number, or -1. */
static int64_t encode_after_text(const char *context, const char *more, const sp_examples_opt *opt,
                                 sp_ids *ids, sp_err *e)
{
    const int flags = SP_TOK_SPECIAL | SP_TOK_ONCE;
    sp_ids alone = {0};
    size_t n_context = strlen(context);
    while (n_context && isspace((unsigned char)context[n_context - 1])) n_context--;
    char *whole = sp_xasprintf("%s%s", context, more);
    int rc = sp_tok_encode(opt->tok, context, n_context, flags, &alone, e);
    if (rc == 0) rc = sp_tok_encode(opt->tok, whole, strlen(whole), flags, ids, e);
    /* a merge across the border can leave fewer ids in the whole than in the context alone */
    int64_t n = rc < 0 ? -1 : (int64_t)SP_MIN(alone.n, ids->n);
    sp_ids_free(&alone);
    free(whole);
    return n;
}

/* Can the continuation be scored, when `before` of n ids come before it? Its first token needs one
 * before it, from which it is predicted. 0 or -1. */
static int check_pair(size_t n, int64_t before, int64_t max_len, sp_err *e)
{
    if (before == 0) return sp_fail(e, SP_EINPUT, "nothing stands before the continuation");
    if ((size_t)before == n)
        return sp_fail(e, SP_EINPUT, "the continuation has no token of its own");
    if ((int64_t)n > max_len)
        return sp_fail(e, SP_EINPUT, "%zu tokens, but the model takes %lld", n, (long long)max_len);
    return 0;
}

/* Add the example of one continuation, `more`, to the list. obj holds the context or the prompt. 0,
 * or -1 with nothing added. */
static int add_pair(sp_items *it, const json_t *obj, const json_t *more, const sp_examples_opt *opt,
                    sp_err *e)
{
    if (!json_is_string(more))
        return sp_fail(e, SP_EINPUT, "no \"continuation\" and no \"choices\"");
    sp_ids ids = {0};
    const char *text = json_string_value(more),
               *context = json_string_value(json_object_get(obj, "context"));
    int64_t before = context ? encode_after_text(context, text, opt, &ids, e)
                             : encode_after_chat(obj, text, opt, &ids, e);
    int rc = before < 0 ? -1 : check_pair(ids.n, before, opt->max_len, e);
    if (rc == 0) add_example(it, &ids, (size_t)before);
    sp_ids_free(&ids);
    return rc;
}

int sp_items_add(sp_items *it, json_t *obj, const sp_examples_opt *opt, sp_err *e)
{
    /* the item is in the list before anything can fail: from here on sp_items_free releases obj */
    SP_PUSH(it->items, it->n, it->cap) = (sp_item){obj, it->data.n, 0};
    sp_item *item = &it->items[it->n - 1];
    static const char *const fronts[] = {"context", "prompt", "messages"};
    static const char *const mores[] = {"continuation", "choices"};
    static const char *const systems[] = {"context", "system"}; /* a context has no turns */
    const json_t *choices = sp_row_get(obj, "choices");
    size_t n = choices ? json_array_size(choices) : 1;
    if (!n) return sp_fail(e, SP_EINPUT, "\"choices\" is not an array of texts");
    if (sp_row_one_of(obj, fronts, 3, e) || sp_row_one_of(obj, mores, 2, e) ||
        sp_row_one_of(obj, systems, 2, e))
        return -1;
    for (; item->n < n; item->n++) {
        const json_t *more =
            choices ? json_array_get(choices, item->n) : json_object_get(obj, "continuation");
        if (add_pair(it, obj, more, opt, e) < 0) return -1;
    }
    return 0;
}

void sp_items_free(sp_items *it)
{
    for (size_t i = 0; i < it->n; i++) json_decref(it->items[i].obj);
    free(it->items);
    sp_examples_free(&it->data);
    *it = (sp_items){0};
}

/* ---- scores to items ------------------------------------------------------------------ */

/* Count the UTF-8 characters of s, at least 1: the length that acc_norm divides by. Characters do
 * not depend on the tokenizer, so models with different ones can be compared. */
static size_t characters(const char *s)
{
    size_t n = strlen(s), count = 0;
    uint32_t c;
    for (size_t i = 0; i < n; i += sp_utf8_next(s + i, n - i, &c)) count++;
    return SP_MAX(count, 1);
}

/* Index of the choice with the largest log-likelihood, as a sum or per character; the lowest of
 * equals. s[k] is the score of choices[k], which is a string. */
static size_t best(const json_t *choices, const sp_score *s, bool per_character)
{
    size_t pick = 0;
    double max = 0;
    for (size_t i = 0; i < json_array_size(choices); i++) {
        double x = -s[i].nll;
        if (per_character) x /= (double)characters(json_string_value(json_array_get(choices, i)));
        if (i == 0 || x > max) max = x, pick = i;
    }
    return pick;
}

/* Is choice `pick` the answer, which is given as an index or as the text of a choice? */
static bool is_answer(const json_t *answer, const json_t *choices, size_t pick)
{
    return json_is_integer(answer) ? json_integer_value(answer) == (json_int_t)pick
                                   : json_equal(answer, json_array_get(choices, pick));
}

/* Write the choice under pick_key, and under acc_key whether it is right; no acc_key where the item
 * has no "answer". */
static void put_pick(json_t *obj, const char *pick_key, const char *acc_key, size_t pick)
{
    const json_t *answer = json_object_get(obj, "answer");
    json_object_set_new(obj, pick_key, json_integer((json_int_t)pick));
    if (answer)
        json_object_set_new(obj, acc_key,
                            json_boolean(is_answer(answer, json_object_get(obj, "choices"), pick)));
}

void sp_items_report(sp_items *it, size_t i, const sp_score *scores)
{
    json_t *obj = it->items[i].obj, *choices = json_object_get(obj, "choices");
    const sp_score *s = scores + it->items[i].first;
    json_t *loglik = json_array(), *tokens = json_array(), *greedy = json_array();
    for (size_t k = 0; k < it->items[i].n; k++) {
        json_array_append_new(loglik, json_real(-s[k].nll));
        json_array_append_new(tokens, json_integer(s[k].tokens));
        json_array_append_new(greedy, json_boolean(s[k].greedy));
    }
    /* a single continuation gets the element itself instead of an array of one */
    json_object_set(obj, "loglik", choices ? loglik : json_array_get(loglik, 0));
    json_object_set(obj, "tokens", choices ? tokens : json_array_get(tokens, 0));
    json_object_set(obj, "greedy", choices ? greedy : json_array_get(greedy, 0));
    json_decref(loglik);
    json_decref(tokens);
    json_decref(greedy);
    if (!choices) return;
    put_pick(obj, "pick", "acc", best(choices, s, false));
    put_pick(obj, "pick_norm", "acc_norm", best(choices, s, true));
}
