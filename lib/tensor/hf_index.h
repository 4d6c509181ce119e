/* hf_index.h - model.safetensors.index.json: which file of a Hugging Face checkpoint
 * directory holds which tensor.
 *
 *     {"metadata": {"total_size": 40},
 *      "weight_map": {"a": "model-00001-of-00002.safetensors",
 *                     "b": "model-00002-of-00002.safetensors"}}
 */
#ifndef SP_HF_INDEX_H
#define SP_HF_INDEX_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

#define SP_HF_WEIGHTS "model.safetensors" /* where there is no index */
#define SP_HF_INDEX   "model.safetensors.index.json"

typedef struct {
    const char *tensor, *file; /* file: a plain name, without directory */
} sp_hf_entry;

typedef struct {
    json_t *json; /* owns the strings */
    size_t n, n_files;
    sp_hf_entry *entry; /* (n) the weight map, in its order */
    const char **file;  /* (n_files) its files, each once, sorted by name */
} sp_hf_index;

/* Read the index in the file `path` into *x. 0, and the caller frees it; or -1
 * (SP_EINPUT): it cannot be read, has more than 100 MB, is no JSON or has no weight map,
 * names a file with a directory, or more than 10000 files. */
SP_MUST_CHECK int sp_hf_index_load(sp_hf_index *x, const char *path, sp_err *e);
/* The file of a tensor, valid until the index is freed; NULL where it has none. */
const char *sp_hf_index_find(const sp_hf_index *x, const char *tensor);
void sp_hf_index_free(sp_hf_index *x);

#endif
