/* subject.c - see subject.h.
 *
 * Parts are opened in the order in which they depend on each other: the model gives the vocabulary
 * and the context, the tokenizer the ids, and both together say how examples are to be read. A
 * directory without tokenizer is allowed, because examples may consist of ids.
 */
#include "cli/subject.h"

#include "engine/checkpoint.h"
#include "engine/gemm.h"
#include "text/own_template.h"
#include "text/rendered.h"

#include <inttypes.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int ignore_config(void *self, const char *name, const char *value, sp_err *e)
{
    (void)self, (void)name;
    return sp_config_ignore(value, e);
}
sp_opt_call sp_ignore_config = {ignore_config, NULL};

/* Is there a file of this name in the directory? */
static bool has_file(const char *dir, const char *name)
{
    struct stat st;
    char *path = sp_xasprintf("%s/%s", dir, name);
    bool there = lstat(path, &st) == 0; /* a link to nothing is refused when it is opened */
    free(path);
    return there;
}

/* Open the tokenizer of the directory, or return NULL where it has none. One that is there but
 * damaged is an error, not a missing one. */
static sp_tok *open_tokenizer(const char *dir)
{
    sp_err e = {0};
    if (!has_file(dir, "tokenizer.json") && !has_file(dir, "tokenizer.model")) return NULL;
    sp_tok *tok = sp_tok_open(dir, &e);
    if (!tok) sp_die_err(&e);
    return tok;
}

/* Die unless `date` is NULL or a day of the calendar in the form YYYY-MM-DD. timegm carries a 31st
 * of February over into March, so that such a day does not come back as it was. */
static void check_date(const char *date)
{
    struct tm t = {0};
    char back[64] = "no date";
    if (!date) return;
    if (sscanf(date, "%4d-%2d-%2d", &t.tm_year, &t.tm_mon, &t.tm_mday) == 3) {
        t.tm_year -= 1900;
        t.tm_mon -= 1;
        timegm(&t);
        strftime(back, sizeof back, "%Y-%m-%d", &t);
    }
    if (strcmp(back, date)) sp_die(SP_EUSAGE, "--date: '%s' is no date (YYYY-MM-DD)", date);
}

/* Choose the directory's own template, unless it leaves out what is said (some stand there as a
 * mark alone); then the built-in one with the same marks. What a template does with a conversation
 * is found out by rendering short ones. */
static sp_template check_own(const char *dir, const sp_tok *tok)
{
    sp_own_template own = sp_own_template_get();
    sp_renderer r = {own.jinja, tok, own.date, own.no_thinking};
    sp_render_traits traits = sp_render_look(&r);
    sp_template marks = sp_own_template_marks();
    if (!traits.shows && marks == SP_TMPL_AUTO)
        sp_die(SP_EINPUT, "%s: the chat template leaves out what is said; --template names another",
               dir);
    if (!traits.shows) {
        sp_warn("%s: the chat template leaves out what is said: --template %s is taken", dir,
                sp_template_name(marks));
        return marks;
    }
    if (!traits.continues)
        sp_warn("%s: the chat template wraps the conversation, as those of guard models do: "
                "MODEL answers with a verdict on it",
                dir);
    return SP_TMPL_OWN;
}

/* Choose the chat template: the user's own file, else the one that is named, else the directory's
 * own. A directory without any is taken for a base model, whose prompts are plain text; *none is
 * true then. The result is never SP_TMPL_AUTO. */
static sp_template choose_template(const char *dir, const sp_tok *tok, const sp_subject_args *a,
                                   bool *none)
{
    sp_err e = {0};
    check_date(a->date);
    sp_own_template_set(a->date, a->no_thinking);
    if (a->template_file && sp_template_load(a->template_file, &e) < 0) sp_die_err(&e);
    if (a->template_file) return SP_TMPL_FILE;
    if (a->template || !tok) return a->template ? (sp_template)a->template : SP_TMPL_PLAIN;
    int rc = sp_own_template_load(dir, &e);
    if (rc < 0) sp_die(e.code, "%s; --template names another", e.msg);
    if (rc > 0) return check_own(dir, tok);
    *none = true;
    return SP_TMPL_PLAIN;
}

void sp_subject_open(sp_subject *s, const char *dir, const sp_subject_args *a)
{
    sp_err e = {0};
    /* random weights need the configuration of the directory alone */
    *s = (sp_subject){.m = a->init_std > 0 ? sp_model_random(dir, a->init_std, a->seed, &e)
                                           : sp_model_open(dir, a->weights, &e)};
    if (!s->m) sp_die_err(&e);
    const sp_config *c = &s->m->cfg;
    s->dir = dir;
    s->tok = open_tokenizer(dir);
    s->opt = (sp_examples_opt){.tok = s->tok,
                               .tmpl = choose_template(dir, s->tok, a, &s->no_template),
                               .loss_on = (sp_loss_on)a->loss_on,
                               .max_len = a->max_len ? a->max_len : c->max_position,
                               .vocab = c->vocab};
    sp_note("%s: %s, %" PRId64 " layers, hidden %" PRId64 ", vocabulary %" PRId64
            ", template %s; OpenBLAS kernels %s, %d threads",
            dir, c->family, c->layers, c->hidden, c->vocab, sp_template_name(s->opt.tmpl),
            sp_gemm_kernel(), omp_get_max_threads());
    if (*c->passed)
        sp_note("%s/config.json: passed over, as they do not concern the forward pass: %s", dir,
                c->passed);
}

void sp_subject_close(sp_subject *s)
{
    if (s->tok) sp_tok_close(s->tok);
    sp_model_close(s->m);
}

/* Ids of the configuration come first. An id may appear twice, since the template can name it
 * too. */
size_t sp_subject_end_ids(const sp_subject *s, int32_t *ids, size_t max)
{
    const sp_config *c = &s->m->cfg;
    size_t n = 0;
    while (n < (size_t)c->n_eos && n < max) ids[n] = c->eos[n], n++;
    return s->tok ? n + sp_chat_stops(s->tok, s->opt.tmpl, ids + n, max - n) : n;
}

void sp_subject_warn(const sp_subject *s)
{
    static bool warned;
    if (warned || !s->no_template || !sp_chat_encoded()) return;
    sp_warn("%s: no chat template: --template plain is taken", s->dir);
    warned = true;
}

/* A model that is trained on what is left does not learn to stop, and a perplexity is that of a
 * beginning. */
static void warn_of_cuts(const sp_examples *d, const sp_subject *s, const char *path)
{
    size_t cut = 0;
    for (size_t i = 0; i < d->n; i++) cut += d->ex[i].cut;
    if (!cut) return;
    sp_warn("%s: %zu of %zu examples are longer than %" PRId64
            " tokens (%s) and have been cut: they have lost their ends",
            strcmp(path, "-") ? path : "standard input", cut, d->n, s->opt.max_len,
            s->opt.max_len != s->m->cfg.max_position ? "--max-len" : "the model's context");
}

/* The whole file is read before it is cut, so that a fault in a later line shows in any case. */
void sp_subject_load(sp_examples *d, const sp_subject *s, const char *path, int64_t limit)
{
    sp_err e = {0};
    if (sp_examples_load(d, path, &s->opt, &e) < 0) sp_die_err(&e);
    for (; limit && d->n > (size_t)limit; d->n--) {
        free(d->ex[d->n - 1].ids);
        free(d->ex[d->n - 1].labels);
    }
    sp_subject_warn(s);
    warn_of_cuts(d, s, path);
}
