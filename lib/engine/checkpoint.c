/* checkpoint.c - see checkpoint.h.
 *
 * Opening takes three steps:
 *   1. The configuration says which parameters there are (param.h).
 *   2. They are brought into the order of the checkpoint's tensors, each checked against its own:
 *      whatever walks the parameters then reads the files from front to back, and output in the
 *      order of the parameters has the order of the input.
 *   3. Each borrows its bytes from the mapped file, or holds a copy where the source cannot be
 *      mapped (a compressed stream, a pipe).
 *
 * For step 2 the parameters are sorted by name. Each tensor finds its parameter by bisection, and
 * the parameter is copied to the next place of a new array:
 *
 *     tensors of the checkpoint    b   d   a         params, sorted    a   b   c   d
 *     new array                    b   d   a                               ^ has no tensor: refused
 *
 * A model that fails half-way is closed by the function that made it: callers see all or nothing.
 */
#include "engine/checkpoint.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/philox.h"
#include "tensor/tied.h"

#include <stdlib.h>
#include <string.h>

/* ---- tensors to parameters ------------------------------------------------------------ */

/* Check that tensor t can be parameter p: its dtype is a float that products take, and its shape is
 * (rows, cols), or (rows) for a norm weight. 0, or -1 with a message that says what is expected. */
static int check_tensor(const sp_src *src, const sp_tinfo *t, const sp_param *p, sp_err *e)
{
    sp_tinfo want = {.rank = p->cols == 1 ? 1 : 2, .shape = {p->rows, p->cols}};
    if (t->dtype != SP_F32 && t->dtype != SP_F16 && t->dtype != SP_BF16)
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": dtype %s, expected F32, F16 or BF16",
                       sp_src_name(src), t->name, sp_dtype_name(t->dtype));
    if (sp_same_shape(t, &want)) return 0;
    char found[100], expected[100];
    sp_shape_str(t, found, sizeof found);
    sp_shape_str(&want, expected, sizeof expected);
    return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": shape %s, expected %s", sp_src_name(src),
                   t->name, found, expected);
}

/* The embedding of a tied model goes by the name that the checkpoint has for it. */
static void name_embedding(sp_model *m)
{
    if (!m->cfg.tied || !sp_has_head_alone(m->src)) return;
    free(m->embed->name);
    m->embed->name = sp_xstrdup(SP_HEAD_NAME);
}

/* Compare two sp_param by name, for qsort and bsearch. */
static int compare_names(const void *a, const void *b)
{
    return strcmp(((const sp_param *)a)->name, ((const sp_param *)b)->name);
}

/* Copy every parameter that has a tensor to `ordered` (room for m->n), in the order of the tensors,
 * and mark the original by negating its rows. *n, 0 on entry, gets their number. A parameter's
 * dtype becomes the tensor's. 0, or -1 with a message at a tensor that does not belong. */
static int order_params(sp_model *m, sp_param *ordered, size_t *n, sp_err *e)
{
    for (size_t i = 0; i < sp_src_count(m->src); i++) {
        const sp_tinfo *t = sp_src_info(m->src, i);
        sp_param *p = bsearch(&(sp_param){.name = t->name}, m->params, m->n, sizeof *m->params,
                              compare_names);
        if (!p && sp_idle_name(t->name, m->cfg.tied)) continue;
        if (!p)
            return sp_fail(e, SP_EINPUT,
                           "%s: tensor \"%s\" does not belong to a %s model of this configuration",
                           sp_src_name(m->src), t->name, m->cfg.family);
        if (check_tensor(m->src, t, p, e) < 0) return -1;
        p->dtype = t->dtype;
        ordered[(*n)++] = *p;
        p->rows = -p->rows;
    }
    return 0;
}

/* Bring params into the order of the checkpoint. Every tensor must be expected and every parameter
 * must have one. After -1 params is still a complete array, fit to be freed and nothing else: some
 * rows are negative. The model has to be indexed again. */
static int match_tensors(sp_model *m, sp_err *e)
{
    size_t n = 0;
    name_embedding(m);
    qsort(m->params, m->n, sizeof *m->params, compare_names); /* for bsearch */
    sp_param *ordered = sp_xcalloc(m->n, sizeof *ordered);
    int rc = order_params(m, ordered, &n, e);
    for (size_t i = 0; rc == 0 && n < m->n && i < m->n; i++)
        if (m->params[i].rows > 0)
            rc = sp_fail(e, SP_EINPUT, "%s: tensor \"%s\" is missing%s", sp_src_name(m->src),
                         m->params[i].name,
                         strcmp(m->params[i].name, SP_HEAD_NAME)
                             ? ""
                             : " (config.json does not tie the head to the embedding)");
    free(rc == 0 ? m->params : ordered); /* the names in them belong to whichever stays */
    if (rc == 0) m->params = ordered;
    return rc;
}

/* Point every parameter to its bytes; read to the end of the source, which proves it whole. Params
 * are in the order of the tensors here, so a stream is read forwards. */
static int attach_bytes(sp_model *m, sp_err *e)
{
    for (size_t i = 0; i < m->n; i++) {
        sp_param *p = &m->params[i];
        size_t at = (size_t)sp_src_find(m->src, p->name);
        p->data = sp_src_map(m->src, at);
        if (p->data) continue;
        p->data = p->copy = sp_xmalloc(sp_src_info(m->src, at)->nbytes);
        if (sp_src_read(m->src, at, p->copy, e) < 0) return -1;
    }
    return sp_src_end(m->src, e);
}

/* Draw every matrix from N(0, std^2) and set every norm weight to what multiplies by 1. A value
 * depends on the seed, the parameter's name and its place in it alone, not on the order of
 * parameters or the number of threads. */
static void draw_weights(sp_model *m, double std, uint64_t seed)
{
    float identity = m->cfg.norm_plus_one ? 0 : 1;
    for (size_t i = 0; i < m->n; i++) {
        sp_param *p = &m->params[i];
        uint64_t key = sp_hash(SP_HASH0, p->name, strlen(p->name));
        size_t n = sp_numel(p);
        p->own = sp_xfloats(n);
#pragma omp parallel for
        for (size_t j = 0; j < n; j++)
            p->own[j] = p->cols == 1 ? identity : (float)(std * sp_rand_normal(seed, key, j));
    }
}

/* ---- open and close ------------------------------------------------------------------- */

sp_model *sp_model_blank(const char *dir, sp_err *e)
{
    sp_model *m = sp_xcalloc(1, sizeof *m);
    if (sp_config_load(&m->cfg, dir, e) < 0) {
        sp_model_close(m);
        return NULL;
    }
    m->params = sp_param_list(&m->cfg, &m->n);
    sp_model_index(m);
    return m;
}

sp_model *sp_model_open(const char *dir, const char *weights, sp_err *e)
{
    sp_model *m = sp_model_blank(dir, e);
    if (!m) return NULL;
    m->src = sp_src_open(weights ? weights : dir, e);
    if (!m->src || match_tensors(m, e) < 0 || attach_bytes(m, e) < 0) {
        sp_model_close(m);
        return NULL;
    }
    sp_model_index(m);
    m->release_pages = true;
    return m;
}

sp_model *sp_model_random(const char *dir, double std, uint64_t seed, sp_err *e)
{
    sp_model *m = sp_model_blank(dir, e);
    if (m) draw_weights(m, std, seed);
    return m;
}

void sp_model_close(sp_model *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->n; i++) {
        free(m->params[i].name);
        if (!m->scratch) free(m->params[i].own);
        free(m->params[i].copy);
    }
    free(m->params);
    free(m->layer);
    sp_rope_free(&m->rope);
    if (m->src) sp_src_close(m->src);
    sp_scratch_close(m->scratch);
    free(m);
}
