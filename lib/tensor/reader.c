/* reader.c - see reader.h.
 *
 * A file in place is an sp_file, read at any byte. The other kinds are an sp_in that stands at byte
 * `pos`: forward it skips; backward it is opened again, if that can be done.
 *
 * A file is laid out as follows; `data` is known once the header has been read:
 *
 *     byte 0      8             data                           data + size
 *          length JSON text     bytes of t[0], t[1] ...        the end
 *
 * The header is read in the same way as the tensors. After that a pipe stands at `data`, the first
 * byte of t[0].
 */
#include "tensor/reader.h"

#include "base/arith.h"
#include "base/memory.h"
#include "io/file.h"
#include "io/foreign.h"
#include "io/in.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct sp_reader {
    char *path, *file;
    sp_file *in_place; /* NULL for the other kinds, which have: */
    sp_in *in;
    uint64_t pos; /* bytes that `in` has given */
    bool reopen;  /* `in` can be opened again */

    uint64_t data, size; /* where the data section begins, and its bytes as the header says */
    sp_tinfo *t;
    size_t n;
    sp_meta meta;
};

/* ---- bytes ---------------------------------------------------------------------------- */

/* Move the sequential input to byte `at` of the file, by skipping or by opening it again. 0 or -1.
 * Where it cannot be opened again, r->in becomes NULL, and every later read fails. */
static int seek_to(sp_reader *r, uint64_t at, sp_err *e)
{
    if (at < r->pos) {
        if (!r->reopen)
            return sp_fail(e, SP_EINPUT, "%s: byte %llu is already past", r->path,
                           (unsigned long long)at);
        sp_in_close(r->in);
        r->pos = 0;
        if (!(r->in = sp_in_open(r->path, e))) return -1;
    }
    if (at > r->pos && sp_in_skip(r->in, at - r->pos, e) < 0) return -1;
    r->pos = at;
    return 0;
}

/* Read n bytes from byte `at` of the file on into buf, from whichever kind of input it is. 0 or
 * -1. */
static int fetch(sp_reader *r, uint64_t at, void *buf, size_t n, sp_err *e)
{
    if (n == 0) return 0;
    if (r->in_place) return sp_file_read(r->in_place, at, buf, n, e);
    if (!r->in) return sp_fail(e, SP_ESYSTEM, "%s: cannot be read again", r->path);
    if (seek_to(r, at, e) < 0) return -1;
    int got = sp_in_read(r->in, buf, n, e);
    if (got == 0) return sp_fail(e, SP_EINPUT, "%s: %s", r->path, at ? "truncated" : "is empty");
    r->pos += n;
    return got < 0 ? -1 : 0;
}

/* ---- opening -------------------------------------------------------------------------- */

/* Has the file in place the size that its header describes? Only there is the size known
 * beforehand: of the other kinds, sp_reader_end proves it. 0 or -1 (SP_EINPUT). */
static int check_size(const sp_reader *r, sp_err *e)
{
    uint64_t have = sp_file_size(r->in_place), want = r->data + r->size;
    if (have == want) return 0;
    return sp_fail(e, SP_EINPUT, "%s: %s: %llu bytes, its header describes %llu", r->path,
                   have < want ? "truncated" : "longer than its header says",
                   (unsigned long long)have, (unsigned long long)want);
}

/* The file does not begin as it should: b, the length of a header, then "{". */
static int refuse_start(const sp_reader *r, const uint8_t b[8], uint64_t len, sp_err *e)
{
    const char *foreign = sp_foreign(b, SP_FOREIGN_BYTES);
    if (foreign)
        return sp_fail(e, SP_EINPUT, "%s: not a safetensors file but %s", r->path, foreign);
    if (len > SP_MAX_HEADER)
        return sp_fail(e, SP_EINPUT, "%s: not a safetensors file (a header of %llu bytes)", r->path,
                       (unsigned long long)len);
    return sp_fail(e, SP_EINPUT, "%s: not a safetensors file", r->path);
}

/* Read and parse the header: sets t, n, meta, size and data. Its length comes from the file and may
 * be anything, so that it is bounded before memory is asked for. 0 or -1 (SP_EINPUT). */
static int read_header(sp_reader *r, sp_err *e)
{
    uint8_t b[8];
    uint64_t len = 0;
    if (fetch(r, 0, b, sizeof b, e) < 0) return -1;
    for (int i = 7; i >= 0; i--) len = len << 8 | b[i];
    if (len > SP_MAX_HEADER) return refuse_start(r, b, len, e);
    char *json = sp_xmalloc(len + 1);
    int rc = len ? fetch(r, 8, json, 1, e) : 0;
    if (rc == 0 && len && *json != '{') rc = refuse_start(r, b, len, e);
    if (rc == 0 && len) rc = fetch(r, 9, json + 1, len - 1, e);
    if (rc == 0) rc = sp_header_parse(r->path, json, len, &r->t, &r->n, &r->meta, &r->size, e);
    free(json);
    r->data = 8 + len;
    return rc;
}

/* Open `path` as what it is: in place, or one of the other two kinds. sp_file_open looks first
 * whether the file can be read in place. in_place: the other kinds are an error. 0 or -1. */
static int open_input(sp_reader *r, const char *path, bool in_place, sp_err *e)
{
    struct stat st;
    int rc = sp_file_open(&r->in_place, path, e);
    if (rc < 0) return -1;
    if (rc == 1) return 0;
    if (in_place)
        return sp_fail(e, SP_EINPUT, "%s: is empty, not a regular file, or compressed in one piece",
                       path);
    if (!(r->in = sp_in_open(path, e))) return -1;
    r->reopen = strcmp(path, "-") && stat(path, &st) == 0 && S_ISREG(st.st_mode);
    return 0;
}

sp_reader *sp_reader_open(const char *path, bool in_place, sp_err *e)
{
    const char *slash = strrchr(path, '/');
    sp_reader *r = sp_xcalloc(1, sizeof *r);
    r->path = sp_xstrdup(!strcmp(path, "-") ? "standard input" : path);
    r->file = sp_xstrdup(slash ? slash + 1 : path);
    int rc = open_input(r, path, in_place, e);
    if (rc == 0) rc = read_header(r, e);
    if (rc == 0 && r->in_place) rc = check_size(r, e);
    if (rc == 0) return r;
    sp_reader_close(r);
    return NULL;
}

void sp_reader_close(sp_reader *r)
{
    if (!r) return;
    sp_file_close(r->in_place);
    sp_in_close(r->in);
    sp_tinfos_free(r->t, r->n);
    sp_meta_free(&r->meta);
    free(r->path);
    free(r->file);
    free(r);
}

/* ---- queries -------------------------------------------------------------------------- */

const char *sp_reader_file(const sp_reader *r) { return r->file; }
const sp_meta *sp_reader_meta(const sp_reader *r) { return &r->meta; }
bool sp_reader_seekable(const sp_reader *r) { return r->in_place || r->reopen; }
bool sp_reader_parallel(const sp_reader *r) { return r->in_place; }

const sp_tinfo *sp_reader_tensors(const sp_reader *r, size_t *n)
{
    *n = r->n;
    return r->t;
}

/* ---- tensors -------------------------------------------------------------------------- */

/* May byte `at` of the file, which lies in tensor t, be read, or is a pipe past it? 0, or -1
 * (SP_EINPUT); the error names the tensor in which the pipe stands. */
static int check_order(const sp_reader *r, const sp_tinfo *t, uint64_t at, sp_err *e)
{
    if (sp_reader_seekable(r) || at >= r->pos) return 0;
    uint64_t pos = r->pos - r->data;
    size_t i = 0;
    /* the first tensor that ends behind the pipe's place; the last one where all are read */
    while (i + 1 < r->n && r->t[i].offset + r->t[i].nbytes <= pos) i++;
    return sp_fail(e, SP_EINPUT,
                   "%s: tensor \"%s\" expected, but the pipe has gone on to \"%s\": tensors must "
                   "come in the order of the first input",
                   r->path, t->name, r->t[i].name);
}

int sp_reader_read(sp_reader *r, const sp_tinfo *t, uint64_t at, void *buf, size_t n, sp_err *e)
{
    uint64_t from = r->data + t->offset + at;
    if (n == 0) return 0;
    if (check_order(r, t, from, e) < 0) return -1;
    return fetch(r, from, buf, n, e);
}

const void *sp_reader_map(const sp_reader *r, const sp_tinfo *t)
{
    const uint8_t *file = r->in_place ? sp_file_map(r->in_place) : NULL;
    if (!file || t->nbytes == 0) return NULL;
    const uint8_t *p = file + r->data + t->offset;
    /* a header whose length is no multiple of 8 may leave numbers unaligned */
    return (uintptr_t)p % sp_dtype_size(t->dtype) ? NULL : p;
}

int sp_reader_end(sp_reader *r, sp_err *e)
{
    /* the size in place was compared when it was opened */
    if (r->in_place) return sp_file_verify(r->in_place, e);
    if (!r->in) return sp_fail(e, SP_ESYSTEM, "%s: cannot be read again", r->path);
    /* skipping decompresses what was not read, and with that compares its checksums */
    if (seek_to(r, SP_MAX(r->pos, r->data + r->size), e) < 0) return -1;
    return sp_in_end(r->in, e);
}
