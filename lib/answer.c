/* answer.c - see answer.h. */
#include "answer.h"

#include "jsonl.h"

#include <math.h>
#include <stdlib.h>

#define MAX_TURNS 256

static int encode(const sp_answers *a, const json_t *obj, sp_ids *ids, sp_err *e)
{
    const json_t *given = json_object_get(obj, "input_ids"), *text = json_object_get(obj, "text");
    if (given) return sp_json_get_ids(given, a->m->cfg.vocab, ids, e);
    if (!a->tok) return sp_fail(e, SP_EINPUT, "the model has no tokenizer, so \"input_ids\" are needed");
    if (json_is_string(text))
        return sp_tok_encode(a->tok, json_string_value(text), json_string_length(text), SP_TOK_SPECIAL, ids, e);
    sp_turn turns[MAX_TURNS];
    int n = sp_turns_of(obj, false, turns, MAX_TURNS, e);
    return n < 0 ? -1 : sp_chat_encode(a->tok, a->tmpl, turns, (size_t)n, ids, NULL, e);
}

static int check_length(const sp_answers *a, size_t n, sp_err *e)
{
    int64_t most = a->m->cfg.max_position - 1; /* one token of answer must fit */
    if (!n) return sp_fail(e, SP_EINPUT, "the prompt has no tokens");
    if ((int64_t)n > most)
        return sp_fail(e, SP_EINPUT, "a prompt of %zu tokens; the model takes up to %lld", n, (long long)most);
    return 0;
}

int sp_answers_add(sp_answers *a, json_t *obj, sp_err *e)
{
    sp_ids ids = {0};
    if (encode(a, obj, &ids, e) < 0 || check_length(a, ids.n, e) < 0) {
        sp_ids_free(&ids);
        return -1;
    }
    if ((a->n & (a->n - 1)) == 0) {
        size_t cap = SP_MAX(2 * a->n, 1);
        a->objs = sp_xrealloc(a->objs, cap * sizeof *a->objs);
        a->items = sp_xrealloc(a->items, cap * sizeof *a->items);
    }
    a->objs[a->n] = obj;
    a->items[a->n++] = (sp_gen_item){.prompt = ids.ids, .n_prompt = (int64_t)ids.n};
    return 0;
}

static void put_response(const sp_answers *a, json_t *obj, const sp_ids *out)
{
    size_t n;
    char *text = sp_tok_decode(a->tok, out->ids, out->n, true, &n);
    json_object_set_new(obj, "response", sp_json_text(text, sp_gen_cut(text, n, a->gen->stop, a->gen->n_stop)));
    free(text);
}

static void write_answer(const sp_answers *a, json_t *obj, const sp_gen_item *it)
{
    if (a->tok) put_response(a, obj, &it->out);
    json_object_set_new(obj, "ids", sp_json_ids(it->out.ids, it->out.n));
    json_object_set_new(obj, "finish", json_string(it->stopped ? "stop" : "length"));
    json_object_set_new(obj, "tokens", json_integer((json_int_t)it->out.n));
    json_object_set_new(obj, "seconds", json_real(round(it->seconds * 1e6) / 1e6));
    sp_json_put(a->out, obj);
}

/* Answers finish in any order; those that no other waits for are written. */
static void answer_done(void *self, size_t i)
{
    sp_answers *a = self;
    a->finished[i] = true;
    sp_progress_at(&a->progress, (double)++a->n_finished);
    for (; a->written < a->n && a->finished[a->written]; a->written++) {
        sp_gen_item *it = &a->items[a->written];
        write_answer(a, a->objs[a->written], it);
        json_decref(a->objs[a->written]);
        free((void *)it->prompt);
        sp_ids_free(&it->out);
    }
}

int sp_answers_run(sp_answers *a, const sp_gen_opt *gen, FILE *out, sp_err *e)
{
    a->gen = gen;
    a->out = out;
    a->finished = sp_xcalloc(a->n, sizeof *a->finished);
    sp_progress_start(&a->progress, "generate", "answers", (double)a->n);
    int rc = sp_generate(a->m, a->items, a->n, gen, answer_done, a, e);
    sp_progress_end(&a->progress);
    for (size_t i = a->written; i < a->n; i++) {
        json_decref(a->objs[i]);
        free((void *)a->items[i].prompt);
        sp_ids_free(&a->items[i].out);
    }
    free(a->objs), free(a->items), free(a->finished);
    return rc;
}
