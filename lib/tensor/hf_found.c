/* hf_found.c - see hf_found.h. The names in the directory are tried against the rows of a table,
 * whose first match decides: the plainest sign of what a directory is comes first. */
#include "tensor/hf_found.h"

#include "base/memory.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TORCH "; %s is in PyTorch's format (Transformers' save_pretrained makes safetensors of it)"

/* A pattern of fnmatch(3), and what a name that it matches means; %s is the name. */
static const struct {
    const char *pattern, *means;
} signs[] = {
    {"adapter_config.json", "; it holds a LoRA adapter, which must be merged into its model first"},
    {"adapter_model.*", "; %s is a LoRA adapter, which must be merged into its model first"},
    {"model-*-of-*.safetensors", "; there are shards like %s, but the index is missing"},
    {"*.safetensors", "; there is %s: weights by that name can be given with --weights"},
    {"*.gguf", "; %s is a GGUF file (the checkpoint that it was made from is needed)"},
    {"*.bin", TORCH},
    {"*.pth", TORCH},
    {"*.pt", TORCH},
    {"*.ckpt", TORCH},
    {"*.h5", "; %s is in TensorFlow's format (safetensors are needed)"},
    {"*.msgpack", "; %s is in Flax's format (safetensors are needed)"},
    {"*.onnx", "; %s is in ONNX's format (safetensors are needed)"},
    {"checkpoint-*", "; is the checkpoint in %s?"},
};

/* The first name in `dir`, in the order of strcmp, that matches. The caller frees it; NULL = none.
 */
static char *first_match(const char *dir, const char *pattern)
{
    DIR *dp = opendir(dir);
    char *first = NULL;
    for (struct dirent *e; dp && (e = readdir(dp));) {
        bool matches = *e->d_name != '.' && !fnmatch(pattern, e->d_name, 0);
        if (!matches || (first && strcmp(first, e->d_name) <= 0)) continue;
        free(first);
        first = sp_xstrdup(e->d_name);
    }
    if (dp) closedir(dp);
    return first;
}

/* models--owner--name holds blobs/, refs/ and snapshots/COMMIT/, and the last is a checkpoint. */
static char *found_cache(const char *dir)
{
    struct stat st;
    char *snapshots = sp_xasprintf("%s/snapshots", dir), *said = NULL;
    bool cache = stat(snapshots, &st) == 0 && S_ISDIR(st.st_mode);
    char *commit = cache ? first_match(snapshots, "*") : NULL;
    if (commit)
        said = sp_xasprintf("; it is a folder of the Hugging Face cache: the checkpoint is %s/%s",
                            snapshots, commit);
    else if (cache)
        said = sp_xstrdup("; it is a folder of the Hugging Face cache with nothing in snapshots/");
    free(snapshots);
    free(commit);
    return said;
}

/* Put the name into a row's text, which holds at most one %s. */
static char *insert(const char *means, const char *name)
{
    const char *at = strstr(means, "%s");
    if (!at) return sp_xstrdup(means);
    return sp_xasprintf("%.*s%s%s", (int)(at - means), means, name, at + 2);
}

char *sp_hf_found(const char *dir)
{
    struct stat st;
    if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode)) return sp_xstrdup("; it is not a directory");
    char *said = found_cache(dir);
    for (size_t i = 0; !said && i < sizeof signs / sizeof *signs; i++) {
        char *name = first_match(dir, signs[i].pattern);
        if (name) said = insert(signs[i].means, name);
        free(name);
    }
    return said ? said : sp_xstrdup("");
}
