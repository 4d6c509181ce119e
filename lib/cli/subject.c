/* subject.c - see subject.h. */
#include "cli/subject.h"

#include "cli/opt.h"
#include "engine/gemm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static bool has_file(const char *dir, const char *name)
{
    char *path = sp_xasprintf("%s/%s", dir, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

void sp_subject_open(sp_subject *s, const char *dir, const sp_subject_args *a, double init_std)
{
    sp_err e = {0};
    *s = (sp_subject){.m = sp_model_open(dir, a->weights, init_std, (uint64_t)sp_args.seed, &e)};
    if (!s->m) sp_die_err(&e);
    if (has_file(dir, "tokenizer.json") || has_file(dir, "tokenizer.model")) {
        s->tok = sp_tok_open(dir, &e);
        if (!s->tok) sp_die_err(&e);
    }
    if (a->template_file && sp_template_load(a->template_file, &e) < 0) sp_die_err(&e);
    const sp_config *c = &s->m->cfg;
    s->opt = (sp_examples_opt){.tok = s->tok, .loss_on = (sp_loss_on)a->loss_on, .vocab = c->vocab};
    s->opt.tmpl = a->template_file ? SP_TMPL_FILE
                  : a->template    ? (sp_template)a->template
                                   : sp_template_auto(dir);
    s->opt.max_len = a->max_len ? a->max_len : c->max_position;
    sp_note("%s: %s, %" PRId64 " layers, hidden %" PRId64 ", vocabulary %" PRId64
            ", template %s; OpenBLAS kernels %s, %" PRId64 " threads",
            dir, c->family, c->layers, c->hidden, c->vocab, sp_template_name(s->opt.tmpl),
            sp_gemm_kernel(), sp_args.threads);
}

void sp_subject_close(sp_subject *s)
{
    if (s->tok) sp_tok_close(s->tok);
    sp_model_close(s->m);
}
