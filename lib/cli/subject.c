/* subject.c - see subject.h. */
#include "cli/subject.h"

#include "engine/checkpoint.h"
#include "engine/gemm.h"

#include <inttypes.h>
#include <omp.h>
#include <stdlib.h>
#include <unistd.h>

static bool has_file(const char *dir, const char *name)
{
    char *path = sp_xasprintf("%s/%s", dir, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

/* The tokenizer of the directory, or NULL where it has none. */
static sp_tok *open_tokenizer(const char *dir)
{
    sp_err e = {0};
    if (!has_file(dir, "tokenizer.json") && !has_file(dir, "tokenizer.model")) return NULL;
    sp_tok *tok = sp_tok_open(dir, &e);
    if (!tok) sp_die_err(&e);
    return tok;
}

static sp_template choose_template(const char *dir, const sp_subject_args *a)
{
    sp_err e = {0};
    if (a->template_file && sp_template_load(a->template_file, &e) < 0) sp_die_err(&e);
    if (a->template_file) return SP_TMPL_FILE;
    return a->template ? (sp_template)a->template : sp_template_auto(dir);
}

void sp_subject_open(sp_subject *s, const char *dir, const sp_subject_args *a)
{
    sp_err e = {0};
    *s = (sp_subject){.m = a->init_std > 0 ? sp_model_random(dir, a->init_std, a->seed, &e)
                                           : sp_model_open(dir, a->weights, &e)};
    if (!s->m) sp_die_err(&e);
    const sp_config *c = &s->m->cfg;
    s->tok = open_tokenizer(dir);
    s->opt = (sp_examples_opt){.tok = s->tok,
                               .tmpl = choose_template(dir, a),
                               .loss_on = (sp_loss_on)a->loss_on,
                               .max_len = a->max_len ? a->max_len : c->max_position,
                               .vocab = c->vocab};
    sp_note("%s: %s, %" PRId64 " layers, hidden %" PRId64 ", vocabulary %" PRId64
            ", template %s; OpenBLAS kernels %s, %d threads",
            dir, c->family, c->layers, c->hidden, c->vocab, sp_template_name(s->opt.tmpl),
            sp_gemm_kernel(), omp_get_max_threads());
}

void sp_subject_close(sp_subject *s)
{
    if (s->tok) sp_tok_close(s->tok);
    sp_model_close(s->m);
}

size_t sp_subject_end_ids(const sp_subject *s, int32_t *ids, size_t max)
{
    const sp_config *c = &s->m->cfg;
    size_t n = 0;
    while (n < (size_t)c->n_eos && n < max) ids[n] = c->eos[n], n++;
    return s->tok ? n + sp_chat_stops(s->tok, s->opt.tmpl, ids + n, max - n) : n;
}

void sp_subject_load(sp_examples *d, const sp_subject *s, const char *path, int64_t limit)
{
    sp_err e = {0};
    if (sp_examples_load(d, path, &s->opt, &e) < 0) sp_die_err(&e);
    for (; limit && d->n > (size_t)limit; d->n--) {
        free(d->ex[d->n - 1].ids);
        free(d->ex[d->n - 1].labels);
    }
}
