/* rendered.c - see rendered.h.
 *
 * Roles are found in the text first, as cuts between its bytes, and carried over to the ids:
 *
 *     text   <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n
 *     cuts                     1   0                               2               0
 *
 * Where an answer begins and ends is seen by rendering the conversation up to it and with it: both
 * are beginnings of the whole text, as far as the template writes a turn without a look at later
 * ones. Where a question begins is seen by rendering another in its place.
 *
 * The ids in front of a cut are counted by encoding the text up to there: they are those of the
 * whole text, except for a last token or two that would have been merged with what follows.
 *
 * The text of turns is rendered and encoded like the template's own: a special token that is
 * spelled out in it becomes that token, as in Transformers.
 */
#include "text/rendered.h"

#include <stdlib.h>
#include <string.h>

/* From byte `at` on the text has this role. */
typedef struct {
    size_t at;
    int32_t role;
} cut;

typedef struct {
    const sp_renderer *r;
    const sp_turn *turns; /* (n) */
    size_t n;
    bool prompt;       /* the text ends where an answer begins */
    sp_rendered whole; /* all turns */
    cut *cuts;         /* (n_cuts) in order of `at` */
    size_t n_cuts;
    sp_err *e;
} conversation;

/* ---- text ------------------------------------------------------------------------------------ */

/* The text that stands for a token in the template, "" for -1; owned by the caller. */
static json_t *token_text(const sp_tok *tok, int32_t id)
{
    if (id < 0) return json_string("");
    size_t n;
    char *s = sp_tok_decode(tok, &id, 1, false, &n);
    json_t *j = json_stringn(s, n);
    free(s);
    return j ? j : json_string("");
}

/* What the template can see: the names are those of apply_chat_template in Transformers. Owned by
 * the caller. */
static json_t *variables(const sp_renderer *r, const sp_turn *turns, size_t n, bool prompt)
{
    json_t *vars = json_object(), *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "role", turns[i].role, "content", turns[i].text));
    json_object_set_new(vars, "messages", list);
    json_object_set_new(vars, "add_generation_prompt", json_boolean(prompt));
    json_object_set_new(vars, "bos_token", token_text(r->tok, sp_tok_bos(r->tok)));
    json_object_set_new(vars, "eos_token", token_text(r->tok, sp_tok_eos(r->tok)));
    if (r->no_thinking) json_object_set_new(vars, "enable_thinking", json_false());
    return vars;
}

/* Render turns[0..n), with the beginning of an answer behind them if `prompt`, into *out, which the
 * caller frees. jansson keeps only strings of valid UTF-8; others are refused here. 0 or -1. */
static int render(const sp_renderer *r, const sp_turn *turns, size_t n, bool prompt,
                  sp_rendered *out, sp_err *e)
{
    for (size_t i = 0; i < n; i++) {
        json_t *text = json_string(turns[i].text);
        json_decref(text);
        if (!text) return sp_fail(e, SP_EINPUT, "turn %zu is not valid UTF-8", i + 1);
    }
    sp_err inner = {0};
    json_t *vars = variables(r, turns, n, prompt);
    int rc = sp_jinja_render(r->template, vars, r->date, out, &inner);
    json_decref(vars);
    return rc ? sp_fail(e, inner.code, "chat template, %s", inner.msg) : 0;
}

static bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* s[0..*n) without the white space around it. */
static const char *trimmed(const char *s, size_t *n)
{
    while (*n && blank(*s)) s++, --*n;
    while (*n && blank(s[*n - 1])) --*n;
    return s;
}

/* Find the content of a turn in text[from..to), as it is or trimmed. Returns the place, and the
 * length in *n; -1 = nowhere. */
static int64_t find_content(const char *text, size_t from, size_t to, const char *content,
                            size_t *n)
{
    *n = strlen(content);
    const char *hit = memmem(text + from, to - from, content, *n);
    if (!hit) {
        content = trimmed(content, n);
        hit = memmem(text + from, to - from, content, *n);
    }
    return hit ? hit - text : -1;
}

/* Does the content of a turn stand at this place of the text, as it is or trimmed? Its length goes
 * to *n. */
static bool stands(const sp_rendered *r, size_t at, const char *content, size_t *n)
{
    *n = strlen(content);
    if (*n <= r->n - at && !memcmp(r->text + at, content, *n)) return true;
    content = trimmed(content, n);
    return *n <= r->n - at && !memcmp(r->text + at, content, *n);
}

/* Bytes that a and b have in common at their start. */
static size_t common(const sp_rendered *a, const sp_rendered *b)
{
    size_t i = 0;
    while (i < a->n && i < b->n && a->text[i] == b->text[i]) i++;
    return i;
}

/* ---- cuts ------------------------------------------------------------------------------------ */

static void add_cut(conversation *c, size_t at, int32_t role)
{
    c->cuts = sp_xrealloc(c->cuts, (c->n_cuts + 1) * sizeof *c->cuts);
    c->cuts[c->n_cuts++] = (cut){at, role};
}

/* Until its text is over an answer has SP_ROLE_ANSWER; then the next special token ends it: may, if
 * the end of the turn's text is known besides, or must. */
enum { MAY_END = -SP_ROLE_ANSWER, MUST_END = -SP_ROLE_ANSWER - 10 };
static int32_t role_of(int32_t r) { return r < 0 ? SP_ROLE_ANSWER : r; }

/* Cut out the answer of turn k. It begins behind what the conversation before it renders to, and
 * ends where the rendering up to and with it ends. A template that writes earlier answers in
 * another way than the last (without its thoughts) gives no such end; then a special token has to.
 * *at is where the search for what follows begins. 0 or -1. */
static int cut_answer(conversation *c, size_t k, size_t *at)
{
    sp_rendered before = {0}, with = {0};
    int rc = render(c->r, c->turns, k, true, &before, c->e);
    if (!rc) rc = render(c->r, c->turns, k + 1, false, &with, c->e);
    if (!rc && (common(&before, &c->whole) < before.n || before.n < *at))
        rc = sp_fail(c->e, SP_EINPUT,
                     "the chat template does not tell which text is the answer of turn %zu", k + 1);
    size_t from = before.n, n, end = rc ? 0 : SP_MAX(common(&with, &c->whole), from);
    int64_t content = rc ? -1 : find_content(c->whole.text, from, end, c->turns[k].text, &n);
    if (!rc) add_cut(c, from, SP_ROLE_ANSWER);
    if (!rc && content >= 0) {
        add_cut(c, (size_t)content + n, MAY_END);
        add_cut(c, *at = end, SP_ROLE_TEMPLATE);
    } else if (!rc) {
        add_cut(c, *at = from, MUST_END);
    }
    sp_rendered_free(&before);
    sp_rendered_free(&with);
    return rc;
}

/* Find where the text of turn k begins in the whole: where the whole differs from what is rendered
 * with a letter for that text, other than the one that it begins with. The words of the turn may
 * also be the template's ("user") or stand in another turn. 0 where the template refuses this. */
static size_t begins(const conversation *c, size_t k)
{
    sp_turn *turns = sp_xarray(c->n, sizeof *turns);
    const char *text = c->turns[k].text;
    sp_rendered other = {0};
    sp_err e = {0};
    memcpy(turns, c->turns, c->n * sizeof *turns);
    while (blank(*text)) text++;
    turns[k].text = *text == 'q' ? "z" : "q";
    size_t n = render(c->r, turns, c->n, c->prompt, &other, &e) ? 0 : common(&other, &c->whole);
    sp_rendered_free(&other);
    free(turns);
    return n;
}

/* Cut out the question of turn k. Where its text does not stand whole at the place where it begins
 * (the template changes it, or says it twice), the first such text behind *at counts. One that the
 * template leaves out has no cut. A space in front belongs to the question and one behind does not,
 * because tokens begin with their space (" Hi"). *at moves behind the question. */
static void cut_question(conversation *c, size_t k, size_t *at)
{
    const char *text = c->turns[k].text;
    const char *whole = c->whole.text;
    size_t n, from = begins(c, k);
    int64_t found = from;
    if (from < *at || !stands(&c->whole, from, text, &n))
        found = find_content(whole, *at, c->whole.n, text, &n);
    if (found < 0 || !n) return;
    size_t begin = (size_t)found, end = begin + n;
    if (begin > *at && whole[begin - 1] == ' ') begin--;
    while (end > begin && whole[end - 1] == ' ') end--;
    add_cut(c, begin, SP_ROLE_QUESTION);
    add_cut(c, *at = end, SP_ROLE_TEMPLATE);
}

/* Put the cut that was added last in its place; of two at the same place the end of a part is
 * first. */
static void sort_last(conversation *c)
{
    for (size_t i = c->n_cuts - 1; i > 0; i--) {
        cut *a = &c->cuts[i - 1], *b = &c->cuts[i], was = *a;
        if (a->at < b->at || (a->at == b->at && b->role != SP_ROLE_TEMPLATE)) return;
        *a = *b;
        *b = was;
    }
}

/* Cut by {% generation %}: its stretches are answers, whole. They come between the questions, which
 * have been cut before. */
static void cut_generated(conversation *c)
{
    for (size_t i = 0; i < c->whole.n_generated; i++) {
        sp_span s = c->whole.generated[i];
        if (s.from == s.to) continue;
        add_cut(c, s.from, SP_ROLE_ANSWER);
        sort_last(c);
        add_cut(c, s.to, SP_ROLE_TEMPLATE);
        sort_last(c);
    }
}

/* Find all cuts. Of answers, what {% generation %} marks goes before what rendering tells. 0 or
 * -1. */
static int cut_turns(conversation *c)
{
    size_t at = 0;
    int rc = 0;
    bool marked = c->whole.n_generated > 0;
    for (size_t k = 0; k < c->n && rc == 0; k++) {
        if (!strcmp(c->turns[k].role, "user")) cut_question(c, k, &at);
        if (!strcmp(c->turns[k].role, "assistant") && !marked) rc = cut_answer(c, k, &at);
    }
    if (marked) cut_generated(c);
    return rc;
}

/* ---- ids ------------------------------------------------------------------------------------- */

/* How many of ids[0..n), those of the whole text, begin before byte `at` of it. -1 on error. */
static int64_t ids_before(const conversation *c, const int32_t *ids, size_t n, size_t at)
{
    sp_ids part = {0};
    if (at && sp_tok_encode(c->r->tok, c->whole.text, at, 0, &part, c->e)) return -1;
    size_t k = 0;
    while (k < n && k < part.n && ids[k] == part.ids[k]) k++;
    k += k < part.n && k < n; /* a token that reaches over the cut begins before it */
    sp_ids_free(&part);
    return (int64_t)k;
}

/* Append the roles of ids[0..n) to `roles`. An answer ends with the first special token behind its
 * text. 0, or -1 where an answer must end so and does not. */
static int mark(const conversation *c, const int32_t *ids, size_t n, sp_ids *roles)
{
    int32_t role = SP_ROLE_TEMPLATE;
    size_t i = 0;
    for (size_t k = 0; k <= c->n_cuts; k++) {
        int64_t to = k < c->n_cuts ? ids_before(c, ids, n, c->cuts[k].at) : (int64_t)n;
        if (to < 0) return -1;
        for (; i < (size_t)to; i++) {
            sp_ids_push(roles, role_of(role));
            if (role < 0 && sp_tok_is_special(c->r->tok, ids[i])) role = SP_ROLE_TEMPLATE;
        }
        if (role == MUST_END && (k == c->n_cuts || c->cuts[k].at > c->cuts[k - 1].at))
            return sp_fail(c->e, SP_EINPUT, "the chat template does not tell where an answer ends");
        if (k < c->n_cuts) role = c->cuts[k].role;
    }
    return 0;
}

/* Render c's turns into c->whole and append its ids, and their roles (may be NULL). 0 or -1; c is
 * to be closed in any case. */
static int encode(conversation *c, sp_ids *ids, sp_ids *roles)
{
    size_t n = c->n, before = ids->n;
    c->prompt = !n || strcmp(c->turns[n - 1].role, "assistant");
    if (render(c->r, c->turns, n, c->prompt, &c->whole, c->e)) return -1;
    if (sp_tok_encode(c->r->tok, c->whole.text, c->whole.n, 0, ids, c->e)) return -1;
    if (!roles) return 0;
    return cut_turns(c) || mark(c, ids->ids + before, ids->n - before, roles) ? -1 : 0;
}

static void close(conversation *c)
{
    sp_rendered_free(&c->whole);
    free(c->cuts);
}

int sp_render_turns(const sp_renderer *r, const sp_turn *turns, size_t n, sp_ids *ids,
                    sp_ids *roles, sp_err *e)
{
    conversation c = {.r = r, .turns = turns, .n = n, .e = e};
    int rc = encode(&c, ids, roles);
    close(&c);
    return rc;
}

/* How many of the ids [i, end), those of an answer, its text has: up to where the content of the
 * turn ends, if the template leaves it as it is, and otherwise all. 0 or -1. */
static int count_text(const conversation *c, const sp_ids *all, size_t i, size_t end,
                      const char *text, size_t *n_text)
{
    size_t n, k = 0;
    while (k < c->n_cuts && c->cuts[k].role != SP_ROLE_ANSWER) k++;
    size_t from = k < c->n_cuts ? c->cuts[k].at : c->whole.n;
    int64_t at = find_content(c->whole.text, from, c->whole.n, text, &n), to = (int64_t)end;
    if (at >= 0) to = ids_before(c, all->ids, all->n, (size_t)at + n);
    if (to < 0) return -1;
    *n_text = n ? SP_MAX((size_t)to, i) - i : 0;
    return 0;
}

int sp_render_answer(const sp_renderer *r, const char *text, sp_ids *ids, size_t *n_text, sp_err *e)
{
    const sp_turn turns[] = {{"user", "?"}, {"assistant", text}};
    conversation c = {.r = r, .turns = turns, .n = 2, .e = e};
    sp_ids all = {0}, roles = {0};
    int rc = encode(&c, &all, &roles);
    size_t i = 0, end;
    while (i < roles.n && roles.ids[i] != SP_ROLE_ANSWER) i++;
    for (end = i; end < roles.n && roles.ids[end] == SP_ROLE_ANSWER; end++) {}
    if (end > i && sp_tok_is_special(r->tok, all.ids[end - 1])) end--;
    if (rc == 0) rc = count_text(&c, &all, i, end, text, n_text);
    for (; !rc && i < end; i++) sp_ids_push(ids, all.ids[i]);
    sp_ids_free(&all);
    sp_ids_free(&roles);
    close(&c);
    return rc;
}

/* ---- what a template is like ----------------------------------------------------------------- */

/* Does `text`, of one of the turns, show in the rendering of all? A refusal counts as no. */
static bool shows(const sp_renderer *r, const sp_turn *turns, size_t n, const char *text)
{
    sp_rendered out = {0};
    sp_err e = {0};
    bool found = !render(r, turns, n, true, &out, &e) && strstr(out.text, text);
    sp_rendered_free(&out);
    return found;
}

/* The word "qzq" is one that no template has of its own. */
sp_render_traits sp_render_look(const sp_renderer *r)
{
    static const sp_turn talk[] = {{"user", "qzq"}, {"assistant", "b"}};
    static const sp_turn told[] = {{"system", "qzq"}, {"user", "a"}};
    sp_render_traits t = {.stop = -1};
    sp_ids ids = {0}, roles = {0};
    sp_err e = {0};
    t.shows = shows(r, talk, 1, talk[0].text);
    t.has_system = shows(r, told, 2, told[0].text);
    t.continues = !sp_render_turns(r, talk, 2, &ids, &roles, &e);
    for (size_t i = 0; t.continues && i < ids.n; i++)
        if (roles.ids[i] == SP_ROLE_ANSWER && sp_tok_is_special(r->tok, ids.ids[i]))
            t.stop = ids.ids[i];
    sp_ids_free(&ids);
    sp_ids_free(&roles);
    return t;
}
