/* fuzz_openings.c - a file of openings, read behind a template that the first byte picks.
 */
#include "fuzz.h"

#include "eval/openings.h"

#include <math.h>

/* What must hold of the tree: parents come first, leaves have a list and nothing below them, and
 * the path of an inner node goes through it. */
static void check_tree(const sp_openings *o)
{
    bool *has_child = sp_xcalloc(o->n, sizeof *has_child);
    for (size_t i = 1; i < o->n; i++) {
        const sp_opening_node *v = &o->nodes[i];
        MUST(v->parent >= 0 && (size_t)v->parent < i);
        MUST(v->id >= 0 && v->depth == o->nodes[v->parent].depth + 1);
        has_child[v->parent] = true;
    }
    for (size_t i = 1; i < o->n; i++) {
        const sp_opening_node *v = &o->nodes[i];
        MUST(has_child[i] == (v->list == SP_OPENS_OTHER) && has_child[i] == (v->path >= 0));
        if (v->path < 0) continue;
        MUST((size_t)v->path < o->n_paths);
        int32_t at = o->paths[v->path];
        while (at > (int32_t)i) at = o->nodes[at].parent;
        MUST(at == (int32_t)i);
    }
    free(has_child);
}

/* All leaves at probability e^-1 a token: both lists have one. */
static void check_odds(const sp_openings *o)
{
    double *log_p = sp_xarray(o->n, sizeof *log_p);
    bool *likeliest = sp_xcalloc(o->n, sizeof *likeliest);
    for (size_t i = 0; i < o->n; i++) log_p[i] = -1;
    sp_opening_odds odds = sp_openings_weigh(o, log_p, likeliest);
    MUST(isfinite(odds.log_p[0]) && isfinite(odds.log_p[1]) && odds.greedy == SP_OPENS_OTHER);
    free(log_p);
    free(likeliest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    static const sp_template templates[] = {SP_TMPL_LLAMA2, SP_TMPL_LLAMA3, SP_TMPL_PLAIN};
    const sp_examples_opt opt = {
        .tok = fuzz_chat_tok(), .tmpl = templates[data[0] % 3], .vocab = 264};
    sp_openings o;
    sp_err e = {0};
    char path[32];
    int fd = fuzz_file(data + 1, size - 1, path);
    if (sp_openings_load(&o, path, &opt, &e)) MUST(e.code && e.msg[0] && !o.nodes);
    else {
        check_tree(&o);
        check_odds(&o);
        sp_openings_free(&o);
    }
    close(fd);
    return 0;
}
