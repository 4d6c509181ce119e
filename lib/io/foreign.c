/* foreign.c - see foreign.h. */
#include "io/foreign.h"

#include "io/input.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define TORCH " of PyTorch's (Transformers' save_pretrained makes safetensors of it)"

/* The first bytes of files that are met where safetensors, JSON or JSON lines are wanted. */
static const struct {
    const char *bytes;
    size_t n;
    const char *what;
} table[] = {
    {"version ", 8, "a Git LFS pointer ('git lfs pull' fetches the file itself)"},
    {"\x1f\x8b", 2, "a gzip file ('gunzip' unpacks it)"},
    {"BZh", 3, "a bzip2 file ('bunzip2' unpacks it)"},
    {"\xfd\x37zXZ", 6, "an xz file ('unxz' unpacks it)"},
    {"\x28\xb5\x2f\xfd", 4, "a zstd file ('unzstd' unpacks it)"},
    {"PK\3\4", 4, "a zip archive or a checkpoint" TORCH},
    {"\x80\2", 2, "a pickled checkpoint" TORCH},
    {"\x80\4", 2, "a pickled checkpoint" TORCH},
    {"GGUF", 4, "a GGUF file (the checkpoint that it was made from is needed)"},
    {"\x89HDF\r\n\x1a\n", 8, "an HDF5 file (safetensors are needed)"},
    {"PAR1", 4, "a Parquet file (it must be written as JSON lines first)"},
    {"\xff\xfe", 2, "text in UTF-16 (UTF-8 is needed)"},
    {"\xfe\xff", 2, "text in UTF-16 (UTF-8 is needed)"},
};

/* Web pages come in capitals or not. */
static const char *const pages[] = {"<!doctyp", "<html"};

const char *sp_foreign(const void *p, size_t n)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (n >= table[i].n && !memcmp(p, table[i].bytes, table[i].n)) return table[i].what;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (n >= strlen(pages[i]) && !strncasecmp(p, pages[i], strlen(pages[i])))
            return "a web page (the download has failed)";
    return NULL;
}

size_t sp_bom(const void *p, size_t n) { return n >= 3 && !memcmp(p, "\xef\xbb\xbf", 3) ? 3 : 0; }

int sp_fail_open(sp_err *e, const char *path, int err)
{
    char to[PATH_MAX];
    ssize_t n = err == ENOENT ? readlink(path, to, sizeof to) : -1;
    if (n > 0)
        return sp_fail(e, SP_EINPUT,
                       "%s: is a link to %.*s, which is not there (a download that has not been "
                       "finished?)",
                       path, (int)n, to);
    return sp_fail(e, sp_open_code(err), "%s: %s", path, strerror(err));
}
