/* jinja.c - see jinja.h: runs the tree of a template.
 *
 * Variables live in a chain of scopes. The template has one; each round of a loop, each call of a
 * macro, each block that is captured or wrapped has one of its own on top. `set` writes into the
 * innermost scope, so what a loop sets is gone after the round; a namespace is how templates carry
 * a value out of it. `if` opens no scope.
 *
 * Printed text goes to the current buffer: the output, or that of a block whose text is wanted as
 * a value (macro, set block, filter block).
 */
#include "text/jinja/jinja.h"

#include "text/jinja/filters.h"
#include "text/jinja/lexer.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/parser.h"
#include "text/jinja/print.h"
#include "text/jinja/tests.h"

#include <stdlib.h>
#include <time.h>

#define MAX_ARGUMENTS 32

/* The tree lies in the heap, so both live and go together. */
struct sp_jinja {
    jinja_heap heap;
    sp_err error;
    jinja_node *root;
};

typedef struct scope scope;
struct scope {
    scope *outer;
    jinja_dict vars;
};

typedef enum { NORMAL, BREAK, CONTINUE } flow;

typedef struct {
    jinja_heap *h;
    scope *global, *inner;
    jinja_buffer *out, main; /* out == &main unless text is captured */
    sp_span *span;
    size_t n_spans, cap_spans;
    const char *date;
} machine;

/* A function value: of the template (macro, the caller of a {% call %} block), a bound method, or
 * one known by name. */
struct jinja_function {
    enum { MACRO, METHOD, GLOBAL, STRFTIME, CYCLE, CHANGED } kind;
    const char *name;
    jinja_value self;         /* METHOD, CYCLE and CHANGED: the loop */
    const jinja_node *params; /* MACRO */
    const jinja_node *body;
    scope *outer; /* MACRO: what it sees */
};

static jinja_value eval(machine *m, const jinja_node *n);
static flow run(machine *m, const jinja_node *n);

/* ---- scopes ---------------------------------------------------------------------------------- */

/* A new scope on top of `outer`. After an error one that nobody reads. */
static scope *open_scope(machine *m, scope *outer)
{
    static scope lost;
    scope *s = jinja_take(m->h, sizeof *s);
    if (!s) return &lost;
    s->outer = outer;
    return s;
}

/* The innermost variable of that name, or NULL. */
static jinja_value *find(machine *m, const char *name)
{
    for (scope *s = m->inner; s; s = s->outer) {
        jinja_value *v = jinja_get_name(m->h, &s->vars, name);
        if (v) return v;
    }
    return NULL;
}

/* A function value, its description in the heap. */
static jinja_value function(machine *m, jinja_function f)
{
    jinja_function *p = jinja_take(m->h, sizeof *p);
    if (!p) return jinja_none();
    *p = f;
    return (jinja_value){.kind = JINJA_FUNCTION, .function = p};
}

/* A name: a variable, else a function, else undefined. Templates may give a variable the name of a
 * function. */
static jinja_value lookup(machine *m, const char *name)
{
    const jinja_value *v = find(m, name);
    if (v) return *v;
    if (!strcmp(name, "strftime_now"))
        return function(m, (jinja_function){.kind = STRFTIME, .name = name});
    if (jinja_has_global(name)) return function(m, (jinja_function){.kind = GLOBAL, .name = name});
    return jinja_undefined(name);
}

/* Set a name, an attribute of a namespace, or several of them to the elements of v. */
static void assign_value(machine *m, const jinja_node *target, jinja_value v)
{
    if (target->kind == JINJA_N_NAME) {
        jinja_put(m->h, &m->inner->vars, jinja_cstr(target->name), v);
        return;
    }
    if (target->kind == JINJA_N_ATTR) {
        jinja_value object = eval(m, target->a);
        if (object.kind != JINJA_NAMESPACE)
            jinja_error(m->h, "only attributes of a namespace can be set, '%s' is %s",
                        target->a->name, jinja_type(object));
        else jinja_put(m->h, object.dict, jinja_cstr(target->name), v);
        return;
    }
    jinja_value parts = jinja_elements(m->h, v);
    size_t i = 0, wanted = 0;
    for (const jinja_node *t = target->a; t; t = t->next) wanted++;
    if (parts.list->n != wanted)
        jinja_error(m->h, "%zu values for %zu names", parts.list->n, wanted);
    for (const jinja_node *t = target->a; t && !jinja_failed(m->h); t = t->next)
        assign_value(m, t, parts.list->at[i++]);
}

/* ---- capture --------------------------------------------------------------------------------- */

/* Run statements in a scope of their own (on top of `outer`) and give their text as a value. */
static jinja_value captured(machine *m, const jinja_node *body, scope *inner)
{
    jinja_buffer *out = m->out, b = {0};
    scope *was = m->inner;
    m->out = &b;
    m->inner = inner;
    run(m, body);
    m->out = out;
    m->inner = was;
    return jinja_string_of(&b);
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* Run a macro in a scope of its own, on top of that in which it was defined. Defaults are evaluated
 * there, so they see the parameters before them. `caller`, if it is a function, is the body of a
 * {% call %} block. */
static jinja_value call_macro(machine *m, const jinja_function *f, const jinja_args *args,
                              jinja_value caller)
{
    scope *inner = open_scope(m, f->outer), *was = m->inner;
    size_t i = 0, used = 0;
    for (const jinja_node *p = f->params; p && !jinja_failed(m->h); p = p->next, i++) {
        jinja_value v = jinja_undefined(p->name);
        bool given = i < args->n;
        if (given) v = args->at[i];
        for (size_t k = 0; k < args->n_named; k++)
            if (!strcmp(args->name[k], p->name)) v = args->named[k], given = true, used++;
        m->inner = inner;
        if (!given && p->a) v = eval(m, p->a);
        m->inner = was;
        jinja_put(m->h, &inner->vars, jinja_cstr(p->name), v);
    }
    if (args->n > i) jinja_error(m->h, "the macro '%s' takes %zu arguments", f->name, i);
    if (args->n_named > used) jinja_error(m->h, "the macro '%s' has no such argument", f->name);
    if (caller.kind == JINJA_FUNCTION) jinja_put(m->h, &inner->vars, jinja_cstr("caller"), caller);
    return captured(m, f->body, inner);
}

/* The date is the machine's own, never that of the clock. A text longer than the buffer, which no
 * format of a date is, becomes empty. */
static jinja_value strftime_now(machine *m, const jinja_args *args)
{
    struct tm t = {0};
    char out[256];
    if (args->n != 1 || args->at[0].kind != JINJA_STRING || !args->at[0].n) {
        jinja_error(m->h, "strftime_now needs a format");
        return jinja_none();
    }
    if (!m->date || sscanf(m->date, "%d-%d-%d", &t.tm_year, &t.tm_mon, &t.tm_mday) != 3) {
        jinja_error(m->h, "strftime_now: there is no date");
        return jinja_none();
    }
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    timegm(&t); /* fills in the day of the week and of the year */
    const char *format = jinja_copy(m->h, args->at[0].text, args->at[0].n).text;
    size_t n = strftime(out, sizeof out, format, &t);
    return jinja_copy(m->h, out, n);
}

/* loop.cycle(a, b ...): the argument whose turn it is. loop.changed(v): other than last time? */
static jinja_value loop_function(machine *m, const jinja_function *f, const jinja_args *args)
{
    jinja_dict *loop = f->self.dict;
    if (!args->n) {
        jinja_error(m->h, "loop.%s needs a value", f->name);
        return jinja_none();
    }
    if (f->kind == CYCLE) {
        const jinja_value *at = jinja_get_name(m->h, loop, "index0");
        return at ? args->at[(size_t)at->integer % args->n] : jinja_none();
    }
    jinja_value now = jinja_list_new(m->h, JINJA_LIST);
    for (size_t i = 0; i < args->n; i++) jinja_append(m->h, now.list, args->at[i]);
    const jinja_value *last = jinja_get_name(m->h, loop, " changed");
    bool same = last && jinja_equal(m->h, *last, now);
    jinja_put(m->h, loop, jinja_cstr(" changed"), now);
    return jinja_bool(!same);
}

/* Call f, whatever kind of function it is. */
static jinja_value call_function(machine *m, jinja_value f, const jinja_args *args,
                                 jinja_value caller)
{
    switch (f.function->kind) {
    case MACRO: return call_macro(m, f.function, args, caller);
    case METHOD: return jinja_method(m->h, f.function->self, f.function->name, args);
    case GLOBAL: return jinja_global(m->h, f.function->name, args);
    case STRFTIME: return strftime_now(m, args);
    case CYCLE:
    case CHANGED: return loop_function(m, f.function, args);
    }
    return jinja_none();
}

/* Arguments of one call, while it is made. */
typedef struct {
    jinja_value at[MAX_ARGUMENTS], named[MAX_ARGUMENTS];
    const char *name[MAX_ARGUMENTS];
    jinja_args args;
} argument_space;

/* Evaluate arguments in the order they stand in. */
static void arguments(machine *m, const jinja_node *n, argument_space *s)
{
    s->args = (jinja_args){.at = s->at, .name = s->name, .named = s->named};
    for (; n && !jinja_failed(m->h); n = n->next) {
        bool keyword = n->kind == JINJA_N_KEYWORD;
        if ((keyword ? s->args.n_named : s->args.n) == MAX_ARGUMENTS) {
            jinja_error(m->h, "more than %d arguments", MAX_ARGUMENTS);
            return;
        }
        jinja_value v = eval(m, keyword ? n->a : n);
        if (keyword) {
            s->name[s->args.n_named] = n->name;
            s->named[s->args.n_named++] = v;
        } else {
            s->at[s->args.n++] = v;
        }
    }
}

/* Evaluate what is called, then the arguments, then call. */
static jinja_value call(machine *m, const jinja_node *n, jinja_value caller)
{
    argument_space s;
    jinja_value f = eval(m, n->a);
    if (jinja_failed(m->h)) return jinja_none();
    if (f.kind != JINJA_FUNCTION) {
        if (f.kind == JINJA_UNDEFINED)
            jinja_error(m->h, "the function '%.60s' is not known", f.text ? f.text : "?");
        else jinja_error(m->h, "%s cannot be called", jinja_type(f));
        return jinja_none();
    }
    arguments(m, n->b, &s);
    return jinja_failed(m->h) ? jinja_none() : call_function(m, f, &s.args, caller);
}

/* ---- expressions ----------------------------------------------------------------------------- */

/* a.name. Methods come before keys, as getattr comes before indexing in Jinja2; entries of a
 * namespace are its attributes. */
static jinja_value attribute(machine *m, const jinja_node *n)
{
    jinja_value v = eval(m, n->a);
    if (v.kind != JINJA_NAMESPACE && jinja_has_method(v, n->name))
        return function(m, (jinja_function){.kind = METHOD, .name = n->name, .self = v});
    return jinja_item(m->h, v, jinja_cstr(n->name));
}

static jinja_value elements(machine *m, const jinja_node *n, jinja_kind kind)
{
    jinja_value out = jinja_list_new(m->h, kind);
    for (; n && !jinja_failed(m->h); n = n->next) jinja_append(m->h, out.list, eval(m, n));
    return out;
}

/* {key: value, ...}: of equal keys the last value counts. */
static jinja_value dictionary(machine *m, const jinja_node *n)
{
    jinja_value out = jinja_dict_new(m->h, JINJA_DICT);
    for (; n && !jinja_failed(m->h); n = n->next) {
        jinja_value key = eval(m, n->a);
        jinja_put(m->h, out.dict, key, eval(m, n->b));
    }
    return out;
}

/* Each operand is evaluated once, and none behind the first relation that does not hold. */
static jinja_value comparison(machine *m, const jinja_node *n)
{
    jinja_value a = eval(m, n->a);
    for (const jinja_node *o = n->b; o && !jinja_failed(m->h); o = o->next) {
        jinja_value b = eval(m, o->a);
        if (!jinja_relation(m->h, o->op, a, b)) return jinja_bool(false);
        a = b;
    }
    return jinja_bool(true);
}

/* An end or the step of a slice; none where it is left out. */
static jinja_value part(machine *m, const jinja_node *n) { return n ? eval(m, n) : jinja_none(); }

/* a[from:to:step] */
static jinja_value slice(machine *m, const jinja_node *n)
{
    jinja_value of = eval(m, n->a), from = part(m, n->b), to = part(m, n->c);
    return jinja_slice(m->h, of, from, to, part(m, n->d));
}

/* b if a else c; without an else undefined. */
static jinja_value choice(machine *m, const jinja_node *n)
{
    if (jinja_truth(eval(m, n->a))) return eval(m, n->b);
    return n->c ? eval(m, n->c) : jinja_undefined("value");
}

/* A filter (of v) or a test. */
static jinja_value applied(machine *m, const jinja_node *n, jinja_value v)
{
    argument_space s;
    arguments(m, n->b, &s);
    if (jinja_failed(m->h)) return jinja_none();
    if (n->kind == JINJA_N_FILTER) return jinja_filter(m->h, n->name, v, &s.args);
    return jinja_bool(jinja_test(m->h, n->name, v, &s.args));
}

/* The left operand is evaluated before the right one. `and` and `or` give one of their operands,
 * not true or false, and evaluate the second only if the first does not decide. */
static jinja_value eval_node(machine *m, const jinja_node *n)
{
    jinja_value a;
    switch (n->kind) {
    case JINJA_N_CONST: return n->value;
    case JINJA_N_NAME: return lookup(m, n->name);
    case JINJA_N_LIST: return elements(m, n->a, JINJA_LIST);
    case JINJA_N_TUPLE: return elements(m, n->a, JINJA_TUPLE);
    case JINJA_N_DICT: return dictionary(m, n->a);
    case JINJA_N_BINARY: a = eval(m, n->a); return jinja_binary(m->h, n->op, a, eval(m, n->b));
    case JINJA_N_NEGATE: return jinja_signed(m->h, eval(m, n->a), true);
    case JINJA_N_PLUS: return jinja_signed(m->h, eval(m, n->a), false);
    case JINJA_N_NOT: return jinja_bool(!jinja_truth(eval(m, n->a)));
    case JINJA_N_AND: a = eval(m, n->a); return jinja_truth(a) ? eval(m, n->b) : a;
    case JINJA_N_OR: a = eval(m, n->a); return jinja_truth(a) ? a : eval(m, n->b);
    case JINJA_N_COMPARE: return comparison(m, n);
    case JINJA_N_CHOICE: return choice(m, n);
    case JINJA_N_ATTR: return attribute(m, n);
    case JINJA_N_ITEM: a = eval(m, n->a); return jinja_item(m->h, a, eval(m, n->b));
    case JINJA_N_SLICE: return slice(m, n);
    case JINJA_N_CALL: return call(m, n, jinja_none());
    case JINJA_N_FILTER:
    case JINJA_N_TEST: return applied(m, n, eval(m, n->a));
    default: jinja_error(m->h, "a statement where a value is wanted"); return jinja_none();
    }
}

/* Every value costs a step and a level of depth. */
static jinja_value eval(machine *m, const jinja_node *n)
{
    if (!jinja_spend(m->h, 1) || !jinja_enter(m->h)) return jinja_none();
    m->h->line = n->line;
    jinja_value v = eval_node(m, n);
    jinja_leave(m->h);
    return jinja_failed(m->h) ? jinja_none() : v;
}

/* ---- statements ------------------------------------------------------------------------------ */

/* `loop` of a round: the same dictionary for the whole loop, its entries set anew. */
static void set_loop(machine *m, jinja_dict *loop, const jinja_list *of, size_t i)
{
    jinja_heap *h = m->h;
    int64_t at = (int64_t)i, n = (int64_t)of->n;
    jinja_put(h, loop, jinja_cstr("index"), jinja_int(at + 1));
    jinja_put(h, loop, jinja_cstr("index0"), jinja_int(at));
    jinja_put(h, loop, jinja_cstr("first"), jinja_bool(at == 0));
    jinja_put(h, loop, jinja_cstr("last"), jinja_bool(at == n - 1));
    jinja_put(h, loop, jinja_cstr("length"), jinja_int(n));
    jinja_put(h, loop, jinja_cstr("revindex"), jinja_int(n - at));
    jinja_put(h, loop, jinja_cstr("revindex0"), jinja_int(n - at - 1));
    jinja_put(h, loop, jinja_cstr("previtem"), i ? of->at[i - 1] : jinja_undefined("previtem"));
    jinja_put(h, loop, jinja_cstr("nextitem"),
              i + 1 < of->n ? of->at[i + 1] : jinja_undefined("nextitem"));
}

/* The elements that pass the loop's condition. */
static jinja_value filtered(machine *m, const jinja_node *n, jinja_value of)
{
    if (!n->d) return of;
    jinja_value out = jinja_list_new(m->h, JINJA_LIST);
    scope *was = m->inner;
    for (size_t i = 0; i < of.list->n && !jinja_failed(m->h); i++) {
        m->inner = open_scope(m, was);
        assign_value(m, n->a, of.list->at[i]);
        if (jinja_truth(eval(m, n->d))) jinja_append(m->h, out.list, of.list->at[i]);
        m->inner = was;
    }
    return out;
}

/* Go through a list, each round in a scope of its own. A break or continue in the body ends its
 * round; the flow ends here. */
static void run_for(machine *m, const jinja_node *n)
{
    jinja_value of = jinja_elements(m->h, eval(m, n->b));
    if (jinja_failed(m->h)) return;
    of = filtered(m, n, of);
    jinja_value loop = jinja_dict_new(m->h, JINJA_NAMESPACE);
    jinja_function cycle = {.kind = CYCLE, .name = "cycle", .self = loop};
    jinja_function changed = {.kind = CHANGED, .name = "changed", .self = loop};
    jinja_put(m->h, loop.dict, jinja_cstr("cycle"), function(m, cycle));
    jinja_put(m->h, loop.dict, jinja_cstr("changed"), function(m, changed));
    scope *was = m->inner;
    flow f = NORMAL;
    for (size_t i = 0; i < of.list->n && f != BREAK && !jinja_failed(m->h); i++) {
        m->inner = open_scope(m, was);
        set_loop(m, loop.dict, of.list, i);
        jinja_put(m->h, &m->inner->vars, jinja_cstr("loop"), loop);
        assign_value(m, n->a, of.list->at[i]);
        f = run(m, n->body);
        m->inner = was;
    }
    if (!of.list->n && n->c) run(m, n->c);
}

/* v through the filters of a block, the one written first (the innermost) first. */
static jinja_value through(machine *m, const jinja_node *filters, jinja_value v)
{
    if (!filters || !jinja_enter(m->h)) return v;
    v = applied(m, filters, through(m, filters->a, v));
    jinja_leave(m->h);
    return v;
}

/* The value is complete before it is assigned: a block that is captured does not see it. */
static void run_set(machine *m, const jinja_node *n)
{
    jinja_value v =
        n->b ? eval(m, n->b) : through(m, n->d, captured(m, n->body, open_scope(m, m->inner)));
    if (!jinja_failed(m->h)) assign_value(m, n->a, v);
}

/* The values are evaluated outside, so they do not see one another. */
static void run_with(machine *m, const jinja_node *n)
{
    scope *was = m->inner, *inner = open_scope(m, was);
    for (const jinja_node *s = n->a; s && !jinja_failed(m->h); s = s->next) {
        jinja_value v = eval(m, s->b);
        jinja_put(m->h, &inner->vars, jinja_cstr(s->a->name), v);
    }
    m->inner = inner;
    run(m, n->body);
    m->inner = was;
}

/* Note where the text of the body stands in the output. In captured text the place would not be
 * known, so it is refused there. */
static void run_generation(machine *m, const jinja_node *n)
{
    if (m->out != &m->main) {
        jinja_error(m->h, "{%% generation %%} inside a macro or a captured block");
        return;
    }
    size_t from = m->main.n;
    run(m, n->body);
    if (m->n_spans == m->cap_spans) {
        size_t cap = SP_MAX(2 * m->cap_spans, (size_t)8);
        sp_span *span = jinja_take(m->h, cap * sizeof *span);
        if (!span) return;
        if (m->n_spans) memcpy(span, m->span, m->n_spans * sizeof *span);
        m->span = span;
        m->cap_spans = cap;
    }
    m->span[m->n_spans++] = (sp_span){from, m->main.n};
}

/* A function value whose body is that of n. */
static jinja_value macro(machine *m, const jinja_node *n, const jinja_node *params, scope *outer)
{
    return function(m, (jinja_function){.kind = MACRO,
                                        .name = n->name ? n->name : "caller",
                                        .params = params,
                                        .body = n->body,
                                        .outer = outer});
}

/* Run one statement. Only if hands a break or continue on to its loop. */
static flow run_statement(machine *m, const jinja_node *n)
{
    jinja_value v;
    switch (n->kind) {
    case JINJA_N_TEXT: jinja_add_str(m->h, m->out, n->value); break;
    case JINJA_N_PRINT:
        v = eval(m, n->a);
        jinja_add_str(m->h, m->out, v);
        break;
    case JINJA_N_IF: return run(m, jinja_truth(eval(m, n->a)) ? n->b : n->c);
    case JINJA_N_FOR: run_for(m, n); break;
    case JINJA_N_SET: run_set(m, n); break;
    case JINJA_N_MACRO:
        v = macro(m, n, n->a, m->inner);
        jinja_put(m->h, &m->inner->vars, jinja_cstr(n->name), v);
        break;
    case JINJA_N_CALL_BLOCK:
        v = call(m, n->a, macro(m, n, n->b, m->inner));
        jinja_add_str(m->h, m->out, v);
        break;
    case JINJA_N_FILTER_BLOCK:
        v = captured(m, n->body, open_scope(m, m->inner));
        jinja_add_str(m->h, m->out, through(m, n->d, v));
        break;
    case JINJA_N_WITH: run_with(m, n); break;
    case JINJA_N_GENERATION: run_generation(m, n); break;
    case JINJA_N_BREAK: return BREAK;
    case JINJA_N_CONTINUE: return CONTINUE;
    default: jinja_error(m->h, "a value where a statement is wanted");
    }
    return NORMAL;
}

/* Run statements until one breaks out of them. */
static flow run(machine *m, const jinja_node *n)
{
    if (!jinja_enter(m->h)) return NORMAL;
    flow f = NORMAL;
    for (; n && f == NORMAL && jinja_spend(m->h, 1); n = n->next) {
        m->h->line = n->line;
        f = run_statement(m, n);
    }
    jinja_leave(m->h);
    return f;
}

/* ---- interface ------------------------------------------------------------------------------- */

/* The parser's errors are kept with the heap first, since the first one counts there; the caller's
 * *e may be filled already. */
sp_jinja *sp_jinja_parse(const char *text, size_t n, sp_err *e)
{
    sp_jinja *t = sp_xcalloc(1, sizeof *t);
    jinja_heap_open(&t->heap, &t->error);
    const jinja_token *tokens = jinja_tokens(&t->heap, text, n);
    if (tokens) t->root = jinja_parse(&t->heap, tokens);
    if (!jinja_failed(&t->heap)) return t;
    sp_err_set(e, t->error.code, "%s", t->error.msg);
    sp_jinja_free(t);
    return NULL;
}

void sp_jinja_free(sp_jinja *t)
{
    if (!t) return;
    jinja_heap_close(&t->heap);
    free(t);
}

/* A copy outside the heap, with a NUL behind it. */
static char *own(const void *p, size_t n)
{
    char *copy = sp_xmalloc(n + 1);
    if (n) memcpy(copy, p, n);
    copy[n] = 0;
    return copy;
}

/* Each rendering has a heap of its own; the tree is only read, so renderings of one template do not
 * disturb each other. */
int sp_jinja_render(const sp_jinja *t, const json_t *vars, const char *date, sp_rendered *out,
                    sp_err *e)
{
    jinja_heap heap;
    sp_err error = {0};
    jinja_heap_open(&heap, &error);
    machine m = {.h = &heap, .date = date};
    m.out = &m.main;
    m.global = m.inner = open_scope(&m, NULL);
    jinja_value values = jinja_from_json(&heap, vars);
    if (values.kind == JINJA_DICT) m.global->vars = *values.dict;
    run(&m, t->root);
    bool failed = jinja_failed(&heap);
    if (!failed) {
        *out = (sp_rendered){.text = own(m.main.p, m.main.n), .n = m.main.n};
        out->generated = (sp_span *)(void *)own(m.span, m.n_spans * sizeof *m.span);
        out->n_generated = m.n_spans;
    }
    jinja_heap_close(&heap);
    if (failed) sp_err_set(e, error.code, "%s", error.msg);
    return failed ? -1 : 0;
}

/* Leaves *r empty, so that freeing it again does no harm. */
void sp_rendered_free(sp_rendered *r)
{
    free(r->text);
    free(r->generated);
    *r = (sp_rendered){0};
}
