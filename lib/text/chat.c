/* chat.c - see chat.h.
 *
 * A conversation is encoded part by part, so that every token belongs to exactly one of them.
 * Example: template mistral, the turns "Hi" and "Yes":
 *
 *     part            ids            role
 *     {bos}           <s>            template
 *     "[INST]"        ▁[ INST ]      template
 *     " Hi"           ▁Hi            question
 *     " [/INST]"      ▁[ / INST ]    template
 *     " Yes"          ▁Yes           answer
 *     {eos}           </s>           answer
 *
 * The ids shall nevertheless be those of the whole text. For that,
 * - a space of the template in front of a turn is encoded with the turn, because tokens begin with
 *   their space (" Hi"); so text of the template is kept pending until it is known what follows;
 * - a part that goes on where another part ended is encoded as such (SP_TOK_JOINED), without the
 *   space that some tokenizers put first; behind an added token (<|eot_id|>, and "\n" with some
 *   tokenizers) text begins anew, as it does inside one text;
 * - the turns are trimmed, as the published templates do.
 * What can still differ are merges across "\n" and the like, where a turn is not trimmed and begins
 * or ends with such characters.
 *
 * The text of a turn never becomes a special token: "</s>" in the data stays four characters.
 *
 * All this is about templates of strings. The model's own template (SP_TMPL_OWN) makes one text of
 * the whole conversation, and rendered.c encodes that.
 */
#include "text/chat.h"

#include "base/memory.h"
#include "text/own_template.h"
#include "text/rendered.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const sp_tok *tok;
    const sp_template_form *t;
    sp_ids *ids, *roles; /* roles may be NULL */
    int32_t role;        /* of what is encoded at the moment */
    int place;           /* of the next part: 0 (begins), SP_TOK_INSIDE or SP_TOK_JOINED */
    char *pending;       /* (n_pending) text of the template that waits for what follows */
    size_t n_pending;
    bool said_system;   /* the last turn encoded was the system turn */
    const char *system; /* text of the system turn, NULL once it has been encoded */
    sp_err *e;
} writer;

/* ---- parts ---------------------------------------------------------------------------- */

/* The ids that were appended since there were `before` get the current role. */
static void mark(writer *w, size_t before)
{
    for (size_t i = before; w->roles && i < w->ids->n; i++) sp_ids_push(w->roles, w->role);
}

/* Encode s[0..n) as one part. 0 or -1. */
static int put_text(writer *w, const char *s, size_t n, int flags)
{
    size_t before = w->ids->n;
    if (!n) return 0;
    if (sp_tok_encode(w->tok, s, n, flags | w->place, w->ids, w->e)) return -1;
    mark(w, before);
    bool added = w->ids->n > before && sp_tok_is_added(w->tok, w->ids->ids[w->ids->n - 1]);
    w->place = added ? SP_TOK_INSIDE : SP_TOK_JOINED;
    return 0;
}

static void add_pending(writer *w, const char *s, size_t n)
{
    w->pending = sp_xrealloc(w->pending, w->n_pending + n + 1);
    if (n) memcpy(w->pending + w->n_pending, s, n);
    w->n_pending += n;
}

/* Encode what is pending; keep_space: except for a last space, which stays pending. 0 or -1. */
static int flush(writer *w, bool keep_space)
{
    bool space = keep_space && w->n_pending && w->pending[w->n_pending - 1] == ' ';
    int rc = put_text(w, w->pending, w->n_pending - space, 0);
    w->n_pending = 0;
    if (space) add_pending(w, " ", 1);
    return rc;
}

/* What comes from here on has another role; what is pending keeps the old one, except for a last
 * space. 0 or -1. */
static int set_role(writer *w, int32_t role)
{
    int rc = role == w->role ? 0 : flush(w, true);
    w->role = role;
    return rc;
}

/* Append a token of the template. The one that ends an answer is the answer's last. 0 or -1. */
static int put_id(writer *w, int32_t id)
{
    if (flush(w, false)) return -1;
    size_t before = w->ids->n;
    sp_ids_push(w->ids, id);
    mark(w, before);
    w->place = SP_TOK_INSIDE;
    if (w->role == SP_ROLE_ANSWER) w->role = SP_ROLE_TEMPLATE;
    return 0;
}

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/* Encode the text of a turn, with the space of the template in front of it. A turn is trimmed on
 * both sides; where the system turn is joined to the first request, the two are one text, of which
 * only the ends are trimmed: the system turn's front and the request's back. 0 or -1. */
static int put_turn(writer *w, const char *s, int32_t role)
{
    size_t n = strlen(s);
    bool system = role == SP_ROLE_TEMPLATE, joined = w->t->joined && w->said_system;
    bool front = !w->t->keep_space && !(joined && role != SP_ROLE_ANSWER);
    bool back = !w->t->keep_space && !(joined && system);
    while (front && n && is_space(*s)) s++, n--;
    while (back && n && is_space(s[n - 1])) n--;
    if (!system) w->said_system = false; /* it was joined to this turn */
    if (flush(w, true)) return -1;
    if (*s == ' ') w->n_pending = 0; /* the turn brings its own space */
    add_pending(w, s, n);
    int rc = put_text(w, w->pending, w->n_pending, SP_TOK_NO_LITERALS);
    w->n_pending = 0;
    return rc;
}

/* ---- the template's strings ----------------------------------------------------------- */

/* Length of a token that is written out at s: {bos}, {eos} or <piece>; 0 = there is none. Its id
 * goes to *id, -1 when the tokenizer has no BOS or EOS. */
static size_t token_at(const sp_tok *tok, const char *s, int32_t *id)
{
    char name[48];
    if (sp_template_holds(s, "bos")) return *id = sp_tok_bos(tok), strlen("{bos}");
    if (sp_template_holds(s, "eos")) return *id = sp_tok_eos(tok), strlen("{eos}");
    size_t n = *s == '<' ? strcspn(s, "> \n") : 0;
    if (!n || s[n] != '>' || n + 1 >= sizeof name) return 0;
    memcpy(name, s, n + 1);
    name[n + 1] = 0;
    *id = sp_tok_id(tok, name);
    return *id >= 0 ? n + 1 : 0;
}

/* Take up a stretch of the template without turns in it. 0 or -1. */
static int put_literal(writer *w, const char *s, const char *end)
{
    while (s < end) {
        int32_t id = -1;
        size_t n = token_at(w->tok, s, &id);
        if (id >= 0 && put_id(w, id)) return -1;
        if (!n) add_pending(w, s, 1);
        s += n ? n : 1;
    }
    return 0;
}

static int put_form(writer *w, const char *form, const char *key, const char *text, int32_t role);

/* The system turn, unless it has been encoded already or there is none. 0 or -1. */
static int put_system(writer *w)
{
    const char *text = w->system;
    w->system = NULL;
    w->said_system = text;
    return text ? put_form(w, w->t->system, "system", text, SP_ROLE_TEMPLATE) : 0;
}

/* Encode one of the template's strings, with `text` for {key}; without a text (NULL), only what
 * comes before {key}. {system} in another turn's string is where the system turn goes. 0 or -1. */
static int put_form(writer *w, const char *form, const char *key, const char *text, int32_t role)
{
    const char *at = form;
    if (set_role(w, SP_ROLE_TEMPLATE)) return -1;
    for (; *at && !sp_template_holds(at, key); at++) {
        if (!sp_template_holds(at, "system")) continue;
        if (put_literal(w, form, at) || put_system(w)) return -1;
        at += strlen("system}");
        form = at + 1;
    }
    if (put_literal(w, form, at)) return -1;
    if (!text) return 0;
    if (set_role(w, role) || put_turn(w, text, role)) return -1;
    if (role != SP_ROLE_ANSWER && set_role(w, SP_ROLE_TEMPLATE)) return -1;
    return put_literal(w, at + strlen(key) + 2, at + strlen(at));
}

/* ---- conversations -------------------------------------------------------------------- */

/* The turns must read: system or none, then user and assistant by turns. 0 or -1. */
static int check_turns(const sp_template_form *t, const sp_turn *turns, size_t n, sp_err *e)
{
    bool system = n && !strcmp(turns[0].role, "system");
    if (system && !t->system)
        return sp_fail(e, SP_EINPUT, "template %s has no system turn", t->name);
    if (n == system) return sp_fail(e, SP_EINPUT, "no user turn");
    for (size_t i = system; i < n; i++) {
        const char *want = (i - system) % 2 ? "assistant" : "user";
        if (strcmp(turns[i].role, want))
            return sp_fail(e, SP_EINPUT, "turn %zu is \"%s\", expected \"%s\"", i + 1,
                           turns[i].role, want);
    }
    return 0;
}

static int check_stops(const sp_template_form *t, const sp_tok *tok, sp_err *e)
{
    for (int i = 0; i < SP_MAX_STOPS && t->stop[i]; i++)
        if (strcmp(t->stop[i], "{eos}") && sp_tok_id(tok, t->stop[i]) < 0)
            return sp_fail(e, SP_EINPUT, "template %s: the tokenizer has no %s", t->name,
                           t->stop[i]);
    return 0;
}

/* What comes before the first turn: the template's start, and the system turn unless it goes into
 * the first user turn. 0 or -1. */
static int put_start(writer *w)
{
    const sp_template_form *t = w->t;
    if (put_literal(w, t->start, t->start + strlen(t->start))) return -1;
    /* where text of a turn comes first, it begins the input as any other text does */
    if (sp_template_holds(t->user, "system") || sp_template_holds(t->user, "user")) w->place = 0;
    return strstr(t->user, "{system}") ? 0 : put_system(w);
}

static int put_turns(writer *w, const sp_turn *turns, size_t n)
{
    const sp_template_form *t = w->t;
    bool system = !strcmp(turns[0].role, "system"), user = true;
    if (system) w->system = turns[0].text;
    if (put_start(w)) return -1;
    for (size_t i = system; i < n; i++) {
        user = turns[i].role[0] == 'u';
        int rc = user ? put_form(w, t->user, "user", turns[i].text, SP_ROLE_QUESTION)
                      : put_form(w, t->assistant, "assistant", turns[i].text, SP_ROLE_ANSWER);
        if (rc) return -1;
    }
    if (user && put_form(w, t->assistant, "assistant", NULL, SP_ROLE_ANSWER)) return -1;
    return flush(w, user); /* the space before an answer belongs to the answer */
}

/* What the model's own template is rendered with. Its member `template` is NULL unless `which` is
 * SP_TMPL_OWN and there is one. */
static sp_renderer renderer(const sp_tok *tok, sp_template which)
{
    sp_own_template own = sp_own_template_get();
    return (sp_renderer){which == SP_TMPL_OWN ? own.jinja : NULL, tok, own.date, own.no_thinking};
}

static size_t encoded; /* conversations, by this process */

size_t sp_chat_encoded(void) { return encoded; }

int sp_chat_encode(const sp_tok *tok, sp_template which, const sp_turn *turns, size_t n,
                   sp_ids *ids, sp_ids *roles, sp_err *e)
{
    encoded++;
    sp_renderer own = renderer(tok, which);
    if (own.template) return sp_render_turns(&own, turns, n, ids, roles, e);
    const sp_template_form *t = sp_template_get(which);
    if (!t) return sp_fail(e, SP_EUSAGE, "no chat template chosen");
    if (check_turns(t, turns, n, e) || check_stops(t, tok, e)) return -1;
    writer w = {.tok = tok, .t = t, .ids = ids, .roles = roles, .e = e};
    int rc = put_turns(&w, turns, n);
    free(w.pending);
    return rc;
}

/* Encode the answer's text, and what the template has behind it. *n_text gets how many ids the text
 * has; a blank one has none, even if the template puts a space in its place. What was encoded
 * before ends where an answer begins. 0 or -1. */
static int put_answer(writer *w, const char *text, size_t *n_text)
{
    const char *rest = w->t->assistant;
    while (!sp_template_holds(rest, "assistant")) rest++;
    rest += strlen("{assistant}");
    size_t before = w->ids->n;
    if (set_role(w, SP_ROLE_ANSWER) || put_turn(w, text, SP_ROLE_ANSWER)) return -1;
    *n_text = text[strspn(text, " \n\t\r")] ? w->ids->n - before : 0;
    return put_literal(w, rest, rest + strlen(rest)) || flush(w, false) ? -1 : 0;
}

/* The answer is encoded behind a question, as in a conversation, because its first id can depend on
 * the template's text in front of it. Which question that is makes no difference. */
int sp_chat_answer(const sp_tok *tok, sp_template which, const char *text, sp_ids *ids,
                   size_t *n_text, sp_err *e)
{
    static const sp_turn question = {"user", "?"};
    sp_renderer own = renderer(tok, which);
    if (own.template) return sp_render_answer(&own, text, ids, n_text, e);
    const sp_template_form *t = sp_template_get(which);
    if (!t) return sp_fail(e, SP_EUSAGE, "no chat template chosen");
    if (check_stops(t, tok, e)) return -1;
    sp_ids all = {0}, roles = {0};
    writer w = {.tok = tok, .t = t, .ids = &all, .roles = &roles, .e = e};
    int rc = put_turns(&w, &question, 1);
    size_t i = all.n;
    if (rc == 0) rc = put_answer(&w, text, n_text);
    /* the token that ends the answer has its role, too, and what follows has another */
    size_t end = i;
    while (end < all.n && roles.ids[end] == SP_ROLE_ANSWER) end++;
    if (end > i && w.role == SP_ROLE_TEMPLATE) end--;
    for (; i < end; i++) sp_ids_push(ids, all.ids[i]);
    free(w.pending);
    sp_ids_free(&all);
    sp_ids_free(&roles);
    return rc;
}

/* The model's own template tells one end token, by what it puts behind an answer. */
size_t sp_chat_stops(const sp_tok *tok, sp_template which, int32_t *ids, size_t max)
{
    const sp_template_form *t = sp_template_get(which);
    sp_renderer own = renderer(tok, which);
    size_t n = 0;
    if (own.template && max > 0 && (ids[0] = sp_render_look(&own).stop) >= 0) return 1;
    for (int i = 0; t && i < SP_MAX_STOPS && t->stop[i]; i++) {
        int32_t id = strcmp(t->stop[i], "{eos}") ? sp_tok_id(tok, t->stop[i]) : sp_tok_eos(tok);
        bool seen = id < 0;
        for (size_t k = 0; k < n; k++) seen = seen || ids[k] == id;
        if (!seen && n < max) ids[n++] = id;
    }
    return n;
}

bool sp_chat_has_system(const sp_tok *tok, sp_template which)
{
    sp_renderer own = renderer(tok, which);
    if (own.template) return sp_render_look(&own).has_system;
    const sp_template_form *t = sp_template_get(which);
    return t && t->system;
}
