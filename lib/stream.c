/* stream.c - see stream.h. */
#include "stream.h"

#include "opt.h"
#include "zio.h"

#include <math.h>
#include <stdlib.h>

sp_src *sp_need_src(const char *path)
{
    sp_err e = {0};
    sp_src *s = sp_src_open(path, &e);
    if (!s) sp_die_err(&e);
    return s;
}

size_t sp_need_tensor(const sp_src *s, const sp_tinfo *want)
{
    int64_t i = sp_src_find(s, want->name);
    if (i < 0) sp_die(SP_EINPUT, "%s: tensor \"%s\": missing", sp_src_name(s), want->name);
    const sp_tinfo *t = sp_src_info(s, (size_t)i);
    if (sp_same_shape(t, want)) return (size_t)i;
    char have[200], need[200];
    sp_shape_str(t, have, sizeof have);
    sp_shape_str(want, need, sizeof need);
    sp_die(SP_EINPUT, "%s: tensor \"%s\": shape %s, expected %s", sp_src_name(s), t->name, have, need);
}

void sp_need_tensors(const sp_src *s, const sp_src *all)
{
    for (size_t i = 0; i < sp_src_count(all); i++) sp_need_tensor(s, sp_src_info(all, i));
}

void sp_need_part(sp_src *s, size_t i, uint64_t first, size_t n, void *buf)
{
    sp_err e = {0};
    if (sp_src_read_part(s, i, first, n, buf, &e) < 0) sp_die_err(&e);
}

static void need_dtype(const sp_src *s, size_t i, bool ok, const char *expected)
{
    const sp_tinfo *t = sp_src_info(s, i);
    if (!ok) sp_die(SP_EINPUT, "%s: tensor \"%s\": dtype %s, expected %s", sp_src_name(s), t->name, sp_dtype_name(t->dtype), expected);
}

void sp_need_float(const sp_src *s, size_t i) { need_dtype(s, i, sp_src_info(s, i)->dtype >= SP_F16, "floating point"); }
void sp_need_bool(const sp_src *s, size_t i) { need_dtype(s, i, sp_src_info(s, i)->dtype == SP_BOOL, "BOOL"); }

void sp_die_nonfinite(const sp_src *s, size_t i)
{
    sp_die(SP_EINPUT, "%s: tensor \"%s\": holds NaN or Inf (--allow-nonfinite lets it pass)", sp_src_name(s), sp_src_info(s, i)->name);
}

sp_dst *sp_dst_like(const sp_src *like, int dtype, sp_src *const *inputs, size_t n)
{
    sp_err e = {0};
    size_t count = sp_src_count(like);
    sp_tinfo *t = sp_xarray(count, sizeof *t);
    for (size_t i = 0; i < count; i++) {
        t[i] = *sp_src_info(like, i);
        if (dtype >= 0) t[i].dtype = (sp_dtype)dtype;
    }
    sp_meta meta = {0};
    sp_pg_append(&meta, inputs, n);
    sp_dst *d = sp_dst_open(sp_args.out, t, count, &meta, (int)sp_args.level, &e);
    if (!d) sp_die_err(&e);
    sp_meta_free(&meta);
    free(t);
    return d;
}

void sp_need_write(sp_dst *d, const void *buf, size_t nbytes)
{
    sp_err e = {0};
    if (sp_dst_write(d, buf, nbytes, &e) < 0) sp_die_err(&e);
}

void sp_close_streams(sp_dst *d, sp_src *const *inputs, size_t n)
{
    sp_err e = {0};
    for (size_t i = 0; i < n; i++)
        if (inputs[i] && sp_src_end(inputs[i], &e) < 0) sp_die_err(&e);
    if (d && sp_dst_finish(d, &e) < 0) sp_die_err(&e);
    for (size_t i = 0; i < n; i++) sp_src_close(inputs[i]);
}

sp_pair sp_pair_open(const char *a, const char *b)
{
    sp_pair p = {.in = {sp_need_src(a), b ? sp_need_src(b) : NULL}};
    if (b) sp_need_tensors(p.in[1], p.in[0]);
    for (int k = 0; k < 2; k++) p.buf[k] = sp_xfloats(2 * (size_t)SP_STEP); /* room for doubles */
    return p;
}

void sp_pair_each(sp_pair *p, size_t i, void (*fn)(sp_pair *p, size_t n, void *ctx), void *ctx)
{
    const sp_tinfo *t = sp_src_info(p->in[0], i);
    int inputs = p->in[1] ? 2 : 1;
    for (int k = 0; k < inputs; k++) {
        p->index[k] = k ? sp_need_tensor(p->in[k], t) : i;
        p->dtype[k] = sp_src_info(p->in[k], p->index[k])->dtype;
    }
    for (uint64_t at = 0; at < t->numel; at += SP_STEP) {
        size_t n = SP_MIN(t->numel - at, (uint64_t)SP_STEP);
        for (int k = 0; k < inputs; k++) sp_need_part(p->in[k], p->index[k], at, n, p->buf[k]);
        fn(p, n, ctx);
    }
}

void sp_pair_close(sp_pair *p, sp_dst *d)
{
    sp_close_streams(d, p->in, 2);
    for (int k = 0; k < 2; k++) free(p->buf[k]);
}

int sp_set_float_dtype(void *self, const char *name, const char *value, sp_err *e)
{
    (void)name;
    int d = sp_dtype_parse(value);
    if (d < SP_F16) return sp_fail(e, SP_EUSAGE, "'%s' is none of F64, F32, BF16, F16", value);
    *(int *)self = d;
    return 0;
}

json_t *sp_json_real(double x) { return isfinite(x) ? json_real(x) : json_null(); }

void sp_print_json(json_t *root)
{
    sp_text out;
    sp_text_open(&out, sp_args.out);
    json_dumpf(root, out.f, JSON_INDENT(1));
    fputc('\n', out.f);
    sp_text_finish(&out);
    json_decref(root);
}
