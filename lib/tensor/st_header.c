/* st_header.c - shapes, metadata, and the JSON header (st.h, st_header.h). */
#include "tensor/st_header.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUES (8 << 20) /* commas and brackets of a header: some ten for each tensor */

/* ---- shapes ---------------------------------------------------------------------------- */

void sp_shape_str(const sp_tinfo *t, char *buf, size_t n)
{
    size_t at = 0;
    snprintf(buf, n, "scalar");
    for (int i = 0; i < t->rank && at < n; i++)
        at += (size_t)snprintf(buf + at, n - at, "%s%lld", i ? "x" : "", (long long)t->shape[i]);
}

bool sp_same_shape(const sp_tinfo *a, const sp_tinfo *b)
{
    return a->rank == b->rank && !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape);
}

bool sp_tinfo_size(sp_tinfo *t)
{
    t->numel = 1;
    for (int i = 0; i < t->rank; i++)
        if (t->shape[i] < 0 || !sp_mul(t->numel, (uint64_t)t->shape[i], &t->numel)) return false;
    return sp_mul(t->numel, sp_dtype_size(t->dtype), &t->nbytes);
}

void sp_tinfos_free(sp_tinfo *t, size_t n)
{
    for (size_t i = 0; i < n; i++) free(t[i].name);
    free(t);
}

/* ---- metadata ------------------------------------------------------------------------- */

static char **meta_slot(const sp_meta *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->key[i], key)) return &m->value[i];
    return NULL;
}

static void meta_push(sp_meta *m, const char *key, const char *value)
{
    if ((m->n & (m->n - 1)) == 0) { /* full at every power of two */
        size_t cap = m->n ? 2 * m->n : 1;
        m->key = sp_xrealloc(m->key, cap * sizeof *m->key);
        m->value = sp_xrealloc(m->value, cap * sizeof *m->value);
    }
    m->key[m->n] = sp_xstrdup(key);
    m->value[m->n++] = sp_xstrdup(value);
}

void sp_meta_set(sp_meta *m, const char *key, const char *value)
{
    char **old = meta_slot(m, key);
    if (!old) {
        meta_push(m, key, value);
        return;
    }
    char *copy = sp_xstrdup(value);
    free(*old);
    *old = copy;
}

const char *sp_meta_get(const sp_meta *m, const char *key)
{
    char **slot = meta_slot(m, key);
    return slot ? *slot : NULL;
}

void sp_meta_free(sp_meta *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->key[i]);
        free(m->value[i]);
    }
    free(m->key);
    free(m->value);
    *m = (sp_meta){0};
}

/* ---- parsing -------------------------------------------------------------------------- */

static int parse_meta(const char *file, const json_t *obj, sp_meta *m, sp_err *e)
{
    const char *key;
    json_t *v;
    if (!json_is_object(obj))
        return sp_fail(e, SP_EINPUT, "%s: bad header: __metadata__ is not an object", file);
    json_object_foreach((json_t *)obj, key, v)
    {
        if (!json_is_string(v))
            return sp_fail(e, SP_EINPUT, "%s: bad header: __metadata__ \"%s\" is not a string",
                           file, key);
        /* keys are unique: the parser rejects duplicates */
        meta_push(m, key, json_string_value(v));
    }
    return 0;
}

static int parse_tensor(const char *file, const char *name, const json_t *v, sp_tinfo *t, sp_err *e)
{
    const json_t *shape = json_object_get(v, "shape"), *off = json_object_get(v, "data_offsets");
    const char *dtype = json_string_value(json_object_get(v, "dtype"));
    if (!dtype || !json_is_array(shape) || !json_is_array(off) || json_array_size(off) != 2)
        return sp_fail(e, SP_EINPUT,
                       "%s: bad header: tensor \"%s\" needs dtype, shape and data_offsets", file,
                       name);
    int d = sp_dtype_parse(dtype);
    if (d < 0)
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": dtype %.32s is not supported", file, name,
                       dtype);
    if (json_array_size(shape) > SP_MAX_RANK)
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": rank %zu, at most %d supported", file,
                       name, json_array_size(shape), SP_MAX_RANK);
    t->dtype = (sp_dtype)d;
    t->rank = (int)json_array_size(shape);
    for (int i = 0; i < t->rank; i++) {
        const json_t *dim = json_array_get(shape, (size_t)i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": bad dimension in its shape", file,
                           name);
        t->shape[i] = json_integer_value(dim);
    }
    if (!sp_tinfo_size(t))
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": its size overflows", file, name);
    const json_t *b = json_array_get(off, 0), *end = json_array_get(off, 1);
    if (!json_is_integer(b) || !json_is_integer(end) || json_integer_value(b) < 0 ||
        json_integer_value(end) < json_integer_value(b))
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": bad data_offsets", file, name);
    t->offset = (uint64_t)json_integer_value(b);
    uint64_t have = (uint64_t)json_integer_value(end) - t->offset;
    if (have != t->nbytes)
        return sp_fail(e, SP_EINPUT,
                       "%s: tensor \"%s\": data_offsets span %llu bytes, its shape needs %llu",
                       file, name, (unsigned long long)have, (unsigned long long)t->nbytes);
    return 0;
}

/* By offset; empty tensors before the one that begins where they lie; then by name. */
static int by_offset(const void *pa, const void *pb)
{
    const sp_tinfo *a = pa, *b = pb;
    if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
    if (a->nbytes != b->nbytes) return a->nbytes < b->nbytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int check_layout(const char *file, sp_tinfo *t, size_t n, uint64_t *end, sp_err *e)
{
    qsort(t, n, sizeof *t, by_offset);
    *end = 0;
    for (size_t i = 0; i < n; i++) {
        if (t[i].offset != *end)
            return sp_fail(e, SP_EINPUT,
                           "%s: tensor \"%s\": data begin at %llu, expected %llu (%s)", file,
                           t[i].name, (unsigned long long)t[i].offset, (unsigned long long)*end,
                           t[i].offset < *end ? "overlap" : "gap");
        *end += t[i].nbytes; /* cannot wrap: both offsets are below 2^63 */
    }
    return 0;
}

static int parse_root(const char *file, const json_t *root, sp_tinfo **t, size_t *count,
                      sp_meta *meta, sp_err *e)
{
    const char *name;
    json_t *v;
    *t = sp_xcalloc(json_object_size(root), sizeof **t);
    json_object_foreach((json_t *)root, name, v)
    {
        if (!strcmp(name, "__metadata__")) {
            if (parse_meta(file, v, meta, e) < 0) return -1;
            continue;
        }
        if (parse_tensor(file, name, v, &(*t)[*count], e) < 0) return -1;
        (*t)[(*count)++].name = sp_xstrdup(name);
    }
    return 0;
}

/* The parser needs some hundred bytes for each value: count them first. */
static bool too_many_values(const char *json, size_t n)
{
    size_t values = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        if (quoted && json[i] == '\\') i++;
        else if (json[i] == '"') quoted = !quoted;
        else values += !quoted && (json[i] == ',' || json[i] == '{' || json[i] == '[');
    }
    return values > MAX_VALUES;
}

int sp_header_parse(const char *file, const char *json, size_t n, sp_tinfo **t, size_t *count,
                    sp_meta *meta, uint64_t *data_bytes, sp_err *e)
{
    json_error_t je;
    *t = NULL;
    *count = 0;
    if (!n || json[0] != '{') return sp_fail(e, SP_EINPUT, "%s: not a safetensors file", file);
    if (too_many_values(json, n))
        return sp_fail(e, SP_EINPUT, "%s: bad header: more than %d values", file, MAX_VALUES);
    json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, &je);
    if (!root) return sp_fail(e, SP_EINPUT, "%s: bad header: %s", file, je.text);
    int rc = parse_root(file, root, t, count, meta, e);
    json_decref(root);
    if (rc == 0) rc = check_layout(file, *t, *count, data_bytes, e);
    if (rc < 0) {
        sp_tinfos_free(*t, *count);
        sp_meta_free(meta);
        *t = NULL;
        *count = 0;
    }
    return rc;
}

/* ---- formatting ----------------------------------------------------------------------- */

static json_t *format_meta(const sp_meta *m)
{
    json_t *obj = json_object();
    for (size_t i = 0; i < m->n; i++) json_object_set_new(obj, m->key[i], json_string(m->value[i]));
    return obj;
}

static json_t *format_tensor(const sp_tinfo *t)
{
    json_t *shape = json_array();
    for (int i = 0; i < t->rank; i++) json_array_append_new(shape, json_integer(t->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", sp_dtype_name(t->dtype), "shape", shape,
                     "data_offsets", (json_int_t)t->offset, (json_int_t)(t->offset + t->nbytes));
}

static int format_all(json_t *root, sp_tinfo *t, size_t n, sp_err *e)
{
    uint64_t end = 0;
    for (size_t i = 0; i < n; i++) {
        if (!sp_tinfo_size(&t[i]) || __builtin_add_overflow(end, t[i].nbytes, &end) ||
            end > INT64_MAX)
            return sp_fail(e, SP_EINPUT, "tensor \"%s\": its size overflows", t[i].name);
        t[i].offset = end - t[i].nbytes;
        if (json_object_get(root, t[i].name))
            return sp_fail(e, SP_EINPUT, "tensor \"%s\" appears twice", t[i].name);
        if (json_object_set_new(root, t[i].name, format_tensor(&t[i])) < 0)
            return sp_fail(e, SP_EINPUT, "tensor \"%s\": its name is not UTF-8", t[i].name);
    }
    return 0;
}

char *sp_header_format(sp_tinfo *t, size_t n, const sp_meta *meta, size_t *len, sp_err *e)
{
    json_t *root = json_object();
    if (meta && meta->n) json_object_set_new(root, "__metadata__", format_meta(meta));
    char *text = format_all(root, t, n, e) < 0 ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (!text) return sp_fail(e, SP_ESYSTEM, "out of memory"), NULL;
    size_t raw = strlen(text), padded = (raw + 7) / 8 * 8;
    char *out = sp_xmalloc(padded + 1);
    memcpy(out, text, raw);
    memset(out + raw, ' ', padded - raw);
    out[padded] = 0;
    free(text);
    *len = padded;
    return out;
}
