/* header.c - see header.h.
 *
 * The text goes through jansson, which rejects names that come twice. It needs a multiple of the
 * text in memory, so that the number of values is bounded first. Every tensor is then checked by
 * itself (dtype, rank, shape, its own span of bytes), and all together once they are sorted by
 * offset: each must begin where the one before it ends.
 *
 * A header is formatted the other way round: tensors are laid out one behind the other in the order
 * of the list, and the text is padded with spaces. Length and text together are then a multiple of
 * 8 bytes long, so that the data section of a mapped file is aligned.
 */
#include "tensor/header.h"

#include "base/arith.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUES (8 << 20) /* in a header: some ten for each tensor */

/* ---- parsing -------------------------------------------------------------------------- */

/* Append the pairs of the object __metadata__ to m. Keys are unique: the parser has seen to it. 0
 * or -1 (SP_EINPUT); m then keeps the pairs before the bad one. */
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
        sp_meta_push(m, key, json_string_value(v));
    }
    return 0;
}

/* Set dtype, rank, shape, numel and nbytes of t from the JSON object v, whose "dtype" is known to
 * be a string and whose "shape" is known to be an array. 0 or -1 (SP_EINPUT). `file` and `name` are
 * for messages, here and below. */
static int parse_shape(const char *file, const char *name, const json_t *v, sp_tinfo *t, sp_err *e)
{
    const json_t *shape = json_object_get(v, "shape");
    const char *dtype = json_string_value(json_object_get(v, "dtype"));
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
    return 0;
}

/* Set the offset of t from `off`, an array of two: first byte and end, counted from the start of
 * the data section. They must span exactly t->nbytes, which parse_shape has set. 0 or -1
 * (SP_EINPUT). */
static int parse_offsets(const char *file, const char *name, const json_t *off, sp_tinfo *t,
                         sp_err *e)
{
    const json_t *begin = json_array_get(off, 0), *end = json_array_get(off, 1);
    if (!json_is_integer(begin) || !json_is_integer(end) || json_integer_value(begin) < 0 ||
        json_integer_value(end) < json_integer_value(begin))
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": bad data_offsets", file, name);
    t->offset = (uint64_t)json_integer_value(begin);
    uint64_t have = (uint64_t)json_integer_value(end) - t->offset;
    if (have != t->nbytes)
        return sp_fail(e, SP_EINPUT,
                       "%s: tensor \"%s\": data_offsets span %llu bytes, its shape needs %llu",
                       file, name, (unsigned long long)have, (unsigned long long)t->nbytes);
    return 0;
}

/* Fill t from v, the value of one key of the header, except the name. Checks the kinds of the three
 * members first, so that the functions above can rely on them. 0 or -1 (SP_EINPUT). */
static int parse_tensor(const char *file, const char *name, const json_t *v, sp_tinfo *t, sp_err *e)
{
    const json_t *off = json_object_get(v, "data_offsets");
    if (!json_is_string(json_object_get(v, "dtype")) ||
        !json_is_array(json_object_get(v, "shape")) || !json_is_array(off) ||
        json_array_size(off) != 2)
        return sp_fail(e, SP_EINPUT,
                       "%s: bad header: tensor \"%s\" needs dtype, shape and data_offsets", file,
                       name);
    if (parse_shape(file, name, v, t, e) < 0) return -1;
    return parse_offsets(file, name, off, t, e);
}

/* The order of tensors: by offset; an empty one before the one that begins at the same byte; then
 * by name. */
static int by_offset(const void *pa, const void *pb)
{
    const sp_tinfo *a = pa, *b = pb;
    if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
    if (a->nbytes != b->nbytes) return a->nbytes < b->nbytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Sort the tensors and prove that they cover the bytes from 0 to *end without gap or overlap. */
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

/* Make an array of the tensors in root, in the order of the text, and add the pairs of __metadata__
 * to meta. 0 or -1 (SP_EINPUT). Also on failure *t holds *count tensors with names of their own: a
 * name is set, and the tensor counted, only after everything else in it has proved good. */
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

/* The parser takes some hundred bytes for each value: a header of 100 MB that is nothing but
 * "[1,1,1,..." would take gigabytes. Every value but the first of the text follows one of , { [ ;
 * those inside strings do not count. */
static bool too_many_values(const char *json, size_t n)
{
    size_t values = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        /* skip the character behind a backslash: an escaped quote does not end the string */
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

/* The metadata as a new JSON object of strings. The caller owns it. */
static json_t *format_meta(const sp_meta *m)
{
    json_t *obj = json_object();
    for (size_t i = 0; i < m->n; i++)
        json_object_set_new(obj, m->pair[i].key, json_string(m->pair[i].value));
    return obj;
}

/* The value of one tensor's key, as a new object: {"dtype": ..., "shape": [...], "data_offsets":
 * [begin, end]}. numel, nbytes and offset must be set. json_pack takes over the array of the
 * shape. */
static json_t *format_tensor(const sp_tinfo *t)
{
    json_t *shape = json_array();
    for (int i = 0; i < t->rank; i++) json_array_append_new(shape, json_integer(t->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", sp_dtype_name(t->dtype), "shape", shape,
                     "data_offsets", (json_int_t)t->offset, (json_int_t)(t->offset + t->nbytes));
}

/* Lay the tensors out one behind the other, and add each to root. Sets numel, nbytes and offset of
 * each. 0 or -1 (SP_EINPUT). */
static int format_all(json_t *root, sp_tinfo *t, size_t n, sp_err *e)
{
    uint64_t end = 0;
    for (size_t i = 0; i < n; i++) {
        /* JSON integers are signed, so that no offset may exceed INT64_MAX */
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
    /* the first error wins: the message of format_all stays, and this one is for json_dumps
     * alone */
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
