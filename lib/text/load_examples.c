/* load_examples.c - see load_examples.h.
 *
 * A line becomes a draft, ids and labels side by side, by one of three ways; then it is cut to
 * max_len and checked. Template mistral, --loss-on answer:
 *
 *     {"prompt": "Hi", "response": "Yes"}
 *     ids       <s>  ▁[   INST ]    ▁Hi  ▁[   /    INST ]    ▁Yes </s>
 *     roles     tmpl tmpl tmpl tmpl ques tmpl tmpl tmpl tmpl answ answ
 *     labels    -100 -100 -100 -100 -100 -100 -100 -100 -100 ▁Yes </s>
 */
#include "text/load_examples.h"

#include "text/lines.h"
#include "text/row.h"

#include "base/arith.h"

#include <string.h>

#define MAX_TURNS 1000

/* An example while it is put together. Each of the readers below fills both lists to the same
 * length. add_example frees them after an error, and otherwise hands both arrays over to the list
 * of examples. */
typedef struct {
    sp_ids ids, labels;
    bool cut;
} draft;

/* ---- the forms of a line -------------------------------------------------------------- */

/* Append elements [from, to) of a list of ids below vocab; of labels: each may be SP_UNSCORED
 * instead. 0 or -1. */
static int read_ids(const json_t *list, const char *key, size_t from, size_t to, int64_t vocab,
                    bool labels, sp_ids *out, sp_err *e)
{
    for (size_t i = from; i < to; i++) {
        const json_t *v = json_array_get(list, i);
        int64_t x = json_integer_value(v);
        bool ok = (x >= 0 && x < vocab) || (labels && x == SP_UNSCORED);
        if (!json_is_integer(v) || !ok)
            return sp_fail(e, SP_EINPUT, "\"%s\"[%zu] is not %sbelow %lld", key, i,
                           labels ? "-100 or an id " : "an id ", (long long)vocab);
        sp_ids_push(out, (int32_t)x);
    }
    return 0;
}

/* Ids, and labels or the ids once more, as they are in the line. 0 or -1. */
static int from_ids(draft *d, const json_t *obj, const sp_examples_opt *opt, sp_err *e)
{
    int64_t vocab = opt->vocab > 0 ? opt->vocab : INT32_MAX;
    const json_t *ids = sp_row_get(obj, "input_ids"), *labels = sp_row_get(obj, "labels");
    size_t n = json_array_size(ids), from, to;
    if (!json_is_array(ids)) return sp_fail(e, SP_EINPUT, "\"input_ids\" is not a list");
    if (!labels) labels = ids;
    if (!json_is_array(labels)) return sp_fail(e, SP_EINPUT, "\"labels\" is not a list");
    if (json_array_size(labels) != n)
        return sp_fail(e, SP_EINPUT, "%zu labels for %zu input_ids", json_array_size(labels), n);
    if (sp_row_span(obj, n, &from, &to, e)) return -1;
    if (read_ids(ids, "input_ids", from, to, vocab, false, &d->ids, e)) return -1;
    return read_ids(labels, "labels", from, to, vocab, true, &d->labels, e);
}

/* Give every token of d->ids a label: its own id where its role is scored, else SP_UNSCORED. roles
 * has one role (SP_ROLE_..., chat.h) for each token. Without roles (plain text), and with
 * SP_LOSS_ON_ALL, all tokens are scored except a BOS in front. */
static void label(draft *d, const sp_ids *roles, const sp_examples_opt *opt)
{
    int32_t scored = opt->loss_on == SP_LOSS_ON_QUESTION ? SP_ROLE_QUESTION : SP_ROLE_ANSWER;
    bool all = !roles || opt->loss_on == SP_LOSS_ON_ALL;
    for (size_t i = 0; i < d->ids.n; i++) {
        bool bos = i == 0 && d->ids.ids[0] == sp_tok_bos(opt->tok);
        bool on = all ? !bos : roles->ids[i] == scored;
        sp_ids_push(&d->labels, on ? d->ids.ids[i] : SP_UNSCORED);
    }
}

/* Plain text between the special tokens that the tokenizer puts around it (BOS, with some
 * tokenizers EOS). 0 or -1. */
static int from_text(draft *d, const json_t *obj, const sp_examples_opt *opt, sp_err *e)
{
    static const char *const wholes[] = {"text", "response"};
    const json_t *text = sp_row_get(obj, "text");
    if (sp_row_one_of(obj, wholes, 2, e)) return -1;
    if (!json_is_string(text)) return sp_fail(e, SP_EINPUT, "\"text\" is not a string");
    if (sp_tok_encode(opt->tok, json_string_value(text), json_string_length(text),
                      SP_TOK_SPECIAL | SP_TOK_ONCE, &d->ids, e))
        return -1;
    label(d, NULL, opt);
    return 0;
}

/* A conversation through the template. sp_chat_encode says which role each token has; the roles are
 * not needed after the labels have been set. 0 or -1. */
static int from_turns(draft *d, const json_t *obj, const sp_examples_opt *opt, sp_err *e)
{
    sp_turn turns[MAX_TURNS];
    sp_ids roles = {0};
    int n = sp_turns_of(obj, true, turns, MAX_TURNS, e);
    int rc = n < 0 ? -1 : sp_chat_encode(opt->tok, opt->tmpl, turns, (size_t)n, &d->ids, &roles, e);
    if (!rc) label(d, &roles, opt);
    sp_ids_free(&roles);
    return rc;
}

/* ---- lines to examples ---------------------------------------------------------------- */

/* Keep the first max_len tokens and check them. The ids behind the cut are not checked here,
 * because no model gets to see them. A scored token must be left: without one the example would
 * have no loss. 0 or -1. */
static int cut_and_check(draft *d, const sp_examples_opt *opt, sp_err *e)
{
    size_t scored = 0, n = opt->max_len > 0 ? SP_MIN(d->ids.n, (size_t)opt->max_len) : d->ids.n;
    d->cut = n < d->ids.n;
    d->ids.n = d->labels.n = n;
    for (size_t i = 0; i < n; i++) {
        if (opt->vocab > 0 && d->ids.ids[i] >= opt->vocab)
            return sp_fail(e, SP_EINPUT, "the tokenizer gives id %d, the model has %lld",
                           d->ids.ids[i], (long long)opt->vocab);
        scored += i > 0 && d->labels.ids[i] != SP_UNSCORED; /* nothing predicts the first token */
    }
    if (scored) return 0;
    return sp_fail(e, SP_EINPUT, "no scored token%s", d->cut ? " within --max-len" : "");
}

/* Whatever form the line has; input_ids come first, as only they need no tokenizer. 0 or -1. */
static int read_draft(draft *d, const json_t *obj, const sp_examples_opt *opt, sp_err *e)
{
    sp_row_form form;
    if (sp_row_form_of(obj, &form, e)) return -1;
    if (form == SP_ROW_IDS) return from_ids(d, obj, opt, e);
    if (!opt->tok) return sp_fail(e, SP_EINPUT, "text, but the model directory has no tokenizer");
    return form == SP_ROW_TEXT ? from_text(d, obj, opt, e) : from_turns(d, obj, opt, e);
}

/* Append the example of one line. 0 or -1. */
static int add_example(sp_examples *data, const json_t *obj, const sp_examples_opt *opt, sp_err *e)
{
    draft d = {0};
    if (read_draft(&d, obj, opt, e) || cut_and_check(&d, opt, e)) {
        sp_ids_free(&d.ids);
        sp_ids_free(&d.labels);
        return -1;
    }
    sp_examples_add(data, (sp_example){(int64_t)d.ids.n, d.ids.ids, d.labels.ids, d.cut});
    return 0;
}

/* Append the examples of all lines. Errors of the readers carry neither file nor line, both of
 * which are put in front here; errors of sp_lines_next have them already. 0 or -1. */
static int add_lines(sp_examples *d, sp_lines *l, const char *name, const sp_examples_opt *opt,
                     sp_err *e)
{
    json_t *obj;
    int rc;
    while ((rc = sp_lines_next(l, &obj, e)) > 0) {
        sp_err inner = {0};
        int bad = add_example(d, obj, opt, &inner);
        json_decref(obj);
        if (bad)
            return sp_fail(e, inner.code, "%s: line %zu: %s", name, sp_lines_number(l), inner.msg);
    }
    if (rc == 0 && !d->n) return sp_fail(e, SP_EINPUT, "%s: no examples", name);
    return rc;
}

/* The digest is taken when the last line has been read, so it covers the whole file. */
int sp_examples_load(sp_examples *d, const char *path, const sp_examples_opt *opt, sp_err *e)
{
    *d = (sp_examples){0};
    sp_lines *l = sp_lines_open(path, e);
    if (!l) return -1;
    int rc = add_lines(d, l, strcmp(path, "-") ? path : "standard input", opt, e);
    d->digest = sp_lines_digest(l);
    sp_lines_close(l);
    if (rc) sp_examples_free(d);
    return rc;
}
