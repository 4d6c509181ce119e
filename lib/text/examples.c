/* examples.c - see examples.h. */
#include "text/examples.h"

#include "text/lines.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TURNS 1000

/* One example while it is put together: ids, and a label for each. */
typedef struct {
    sp_ids ids, labels;
} draft;

static int read_ints(const json_t *list, const char *key, int64_t lo, int64_t hi, sp_ids *out,
                     sp_err *e)
{
    const json_t *v;
    size_t i;
    if (!json_is_array(list)) return sp_fail(e, SP_EINPUT, "\"%s\" is not a list", key);
    json_array_foreach(list, i, v)
    {
        int64_t x = json_integer_value(v);
        bool none = lo < 0 && x == lo; /* -100: below every id, and nothing between */
        if (!json_is_integer(v) || !(none || (x >= 0 && x < hi)))
            return sp_fail(e, SP_EINPUT, "\"%s\"[%zu] is not %sbelow %lld", key, i,
                           lo < 0 ? "-100 or an id " : "an id ", (long long)hi);
        sp_ids_push(out, (int32_t)x);
    }
    return 0;
}

static int from_ids(draft *d, const json_t *obj, const sp_examples_opt *opt, sp_err *e)
{
    int64_t vocab = opt->vocab > 0 ? opt->vocab : INT32_MAX;
    const json_t *labels = json_object_get(obj, "labels");
    if (read_ints(json_object_get(obj, "input_ids"), "input_ids", 0, vocab, &d->ids, e)) return -1;
    if (read_ints(labels ? labels : json_object_get(obj, "input_ids"), "labels", -100, vocab,
                  &d->labels, e))
        return -1;
    if (d->ids.n == d->labels.n) return 0;
    return sp_fail(e, SP_EINPUT, "%zu labels for %zu input_ids", d->labels.n, d->ids.n);
}

/* Labels from the role of each token: its own id where that role is scored. */
static void score(draft *d, const sp_ids *roles, const sp_examples_opt *opt)
{
    for (size_t i = 0; i < d->ids.n; i++) {
        bool bos = i == 0 && d->ids.ids[0] == sp_tok_bos(opt->tok),
             all = !roles || opt->loss_on == SP_LOSS_ALL;
        bool on = all ? !bos : roles->ids[i] == (opt->loss_on == SP_LOSS_QUESTION ? 1 : 2);
        sp_ids_push(&d->labels, on ? d->ids.ids[i] : -100);
    }
}

static int from_text(draft *d, const json_t *obj, const sp_examples_opt *opt, sp_err *e)
{
    const json_t *text = json_object_get(obj, "text");
    if (!json_is_string(text)) return sp_fail(e, SP_EINPUT, "\"text\" is not a string");
    if (sp_tok_encode(opt->tok, json_string_value(text), json_string_length(text), SP_TOK_SPECIAL,
                      &d->ids, e))
        return -1;
    score(d, NULL, opt);
    return 0;
}

static int from_turns(draft *d, const json_t *obj, const sp_examples_opt *opt, sp_err *e)
{
    sp_turn turns[MAX_TURNS];
    sp_ids roles = {0};
    int n = sp_turns_of(obj, true, turns, MAX_TURNS, e);
    int rc = n < 0 ? -1 : sp_chat_encode(opt->tok, opt->tmpl, turns, (size_t)n, &d->ids, &roles, e);
    if (!rc) score(d, &roles, opt);
    sp_ids_free(&roles);
    return rc;
}

/* Cut to the maximum and check what is left. */
static int finish(draft *d, const sp_examples_opt *opt, sp_err *e)
{
    size_t scored = 0, n = opt->max_len > 0 ? SP_MIN(d->ids.n, (size_t)opt->max_len) : d->ids.n;
    const char *cut = n < d->ids.n ? " within --max-len" : "";
    d->ids.n = d->labels.n = n;
    for (size_t i = 0; i < n; i++) {
        if (opt->vocab > 0 && d->ids.ids[i] >= opt->vocab)
            return sp_fail(e, SP_EINPUT, "the tokenizer gives id %d, the model has %lld",
                           d->ids.ids[i], (long long)opt->vocab);
        scored += i > 0 && d->labels.ids[i] != -100; /* nothing predicts the first token */
    }
    return scored ? 0 : sp_fail(e, SP_EINPUT, "no scored token%s", cut);
}

static int read_example(sp_examples *data, const json_t *obj, const sp_examples_opt *opt, sp_err *e)
{
    draft d = {0};
    bool ids = json_object_get(obj, "input_ids"), text = json_object_get(obj, "text");
    int rc;
    if (ids) rc = from_ids(&d, obj, opt, e);
    else if (!opt->tok)
        rc = sp_fail(e, SP_EINPUT, "text, but the model directory has no tokenizer");
    else rc = text ? from_text(&d, obj, opt, e) : from_turns(&d, obj, opt, e);
    if (!rc) rc = finish(&d, opt, e);
    if (rc) {
        sp_ids_free(&d.ids);
        sp_ids_free(&d.labels);
        return -1;
    }
    if ((data->n & (data->n - 1)) == 0) /* a power of two: full */
        data->ex = sp_xrealloc(data->ex, SP_MAX(2 * data->n, 1) * sizeof *data->ex);
    data->ex[data->n++] = (sp_example){(int64_t)d.ids.n, d.ids.ids, d.labels.ids};
    return 0;
}

int sp_examples_load(sp_examples *d, const char *path, const sp_examples_opt *opt, sp_err *e)
{
    sp_lines *l = sp_lines_open(path, e);
    const char *name = strcmp(path, "-") ? path : "standard input";
    json_t *obj;
    int rc = -1;
    *d = (sp_examples){0};
    while (l && (rc = sp_lines_next(l, &obj, e)) > 0) {
        sp_err inner = {0};
        int bad = read_example(d, obj, opt, &inner);
        json_decref(obj);
        if (bad)
            rc = sp_fail(e, inner.code, "%s: line %zu: %s", name, sp_lines_number(l), inner.msg);
        if (bad) break;
    }
    if (rc == 0 && !d->n) rc = sp_fail(e, SP_EINPUT, "%s: no examples", name);
    if (l) d->digest = sp_lines_digest(l);
    if (rc) sp_examples_free(d);
    sp_lines_close(l);
    return rc;
}

void sp_examples_free(sp_examples *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->ex[i].ids);
        free(d->ex[i].labels);
    }
    free(d->ex);
    *d = (sp_examples){0};
}
