/* hf_index.c - see hf_index.h.
 *
 * The JSON tree is kept as long as the index: entries and file names are pointers to strings in it.
 * Looking a tensor up is a look-up in the tree's own hash table. The list of files is made from the
 * entries, sorted, with equal neighbours made one.
 */
#include "tensor/hf_index.h"

#include "base/memory.h"
#include "io/foreign.h"
#include "io/read_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILES 10000

/* Read `path` into x->json and check that it has a weight map. The size is looked at first, for the
 * parser takes several times as much memory. Names that come twice are refused. 0 or -1
 * (SP_EINPUT). */
static int load_json(sp_hf_index *x, const char *path, sp_err *e)
{
    int rc = sp_read_json(path, JSON_REJECT_DUPLICATES, &x->json, e);
    if (rc == 0) return sp_fail_open(e, path, ENOENT);
    if (rc < 0) return -1;
    if (!json_is_object(json_object_get(x->json, "weight_map")))
        return sp_fail(e, SP_EINPUT, "%s: no weight_map", path);
    return 0;
}

/* Is f a name without a directory? An index comes from strangers: it must not lead out of its
 * directory. */
static bool plain_file_name(const char *f)
{
    return *f && !strchr(f, '/') && strcmp(f, ".") && strcmp(f, "..");
}

/* Fill x->entry (n) from the weight map. Every value must be a plain file name. 0 or -1
 * (SP_EINPUT). */
static int list_entries(sp_hf_index *x, const char *path, sp_err *e)
{
    const char *tensor;
    json_t *map = json_object_get(x->json, "weight_map"), *v;
    x->entry = sp_xarray(json_object_size(map), sizeof *x->entry);
    json_object_foreach(map, tensor, v)
    {
        const char *f = json_string_value(v);
        if (!f || !plain_file_name(f))
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": bad file name", path, tensor);
        x->entry[x->n++] = (sp_hf_entry){tensor, f};
    }
    return 0;
}

/* Compare two char * for qsort. */
static int by_string(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Fill x->file (n_files) with the names in the entries, each once, sorted. The array is as long as
 * the list of entries; names that have come before are dropped in place. 0 or -1 (SP_EINPUT). */
static int list_files(sp_hf_index *x, const char *path, sp_err *e)
{
    x->file = sp_xarray(x->n, sizeof *x->file);
    for (size_t i = 0; i < x->n; i++) x->file[i] = x->entry[i].file;
    qsort(x->file, x->n, sizeof *x->file, by_string);
    for (size_t i = 0; i < x->n; i++)
        if (!i || strcmp(x->file[i], x->file[x->n_files - 1])) x->file[x->n_files++] = x->file[i];
    return x->n_files <= MAX_FILES
               ? 0
               : sp_fail(e, SP_EINPUT, "%s: more than %d files", path, MAX_FILES);
}

int sp_hf_index_load(sp_hf_index *x, const char *path, sp_err *e)
{
    *x = (sp_hf_index){0};
    if (load_json(x, path, e) == 0 && list_entries(x, path, e) == 0 && list_files(x, path, e) == 0)
        return 0;
    sp_hf_index_free(x);
    return -1;
}

const char *sp_hf_index_find(const sp_hf_index *x, const char *tensor)
{
    return json_string_value(json_object_get(json_object_get(x->json, "weight_map"), tensor));
}

void sp_hf_index_free(sp_hf_index *x)
{
    json_decref(x->json);
    free(x->entry);
    free(x->file);
    *x = (sp_hf_index){0};
}
