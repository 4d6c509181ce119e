/* zio.h - byte streams: files and pipes, raw or zstd, told apart by their first bytes.
 *
 * Reading never takes end-of-file for the end of the data: the caller knows how many
 * bytes it wants and then asks for a clean end. Writing goes to a temporary file beside
 * the target and is renamed at the end; nothing is left behind on failure. zstd output is
 * cut into frames of 4 MiB of input, each with its content size and a checksum, which a
 * queue (queue.h) compresses in parallel and writes in order while the caller goes on:
 * the bytes do not depend on the number of threads.
 */
#ifndef SP_ZIO_H
#define SP_ZIO_H

#include "base/base.h"

#define SP_FRAME (4u << 20) /* bytes of input a frame */

typedef struct sp_in sp_in;

/* Open `path` ("-" = stdin) for sequential reading. NULL on error. A directory is an
 * error. */
sp_in *sp_in_open(const char *path, sp_err *e);
/* Read exactly n bytes. Returns 1; 0 when the data ended cleanly before the first of them
 * (n > 0); -1 on a read error, corrupt or truncated data, or an end in the middle of the
 * n bytes. */
int sp_in_read(sp_in *in, void *buf, size_t n, sp_err *e);
/* Read up to n bytes: the count, less than n only at a clean end, 0 = nothing left, -1.
 */
int64_t sp_in_some(sp_in *in, void *buf, size_t n, sp_err *e);
int sp_in_skip(sp_in *in, uint64_t n, sp_err *e);
/* Check that nothing follows: 0, or -1 ("longer than its header says", corrupt trailing
 * frame, ...). */
int sp_in_end(sp_in *in, sp_err *e);
const char *sp_in_name(const sp_in *in); /* for messages: the path, or "standard input" */
void sp_in_close(sp_in *in);

typedef struct sp_out sp_out;

/* Open `path` (NULL or "-" = stdout) for writing at zstd `level` (0 = raw). A terminal is
 * refused (SP_EUSAGE). The data go to a temporary name in the same directory until
 * sp_out_finish. */
sp_out *sp_out_open(const char *path, int level, sp_err *e);
/* 0 or -1; what fails while a frame is compressed or written shows in a later call, at
 * the latest in sp_out_finish. One caller at a time. */
int sp_out_write(sp_out *out, const void *buf, size_t n, sp_err *e);
/* Flush, close, check everything, rename. Frees `out` in every case. 0 or -1. */
int sp_out_finish(sp_out *out, sp_err *e);
void sp_out_abort(sp_out *out); /* remove the temporary file, free */

/* Text counterpart for JSON, tables and logs: a FILE* to `path` (NULL or "-" = stdout)
 * through a temporary name. sp_text_finish closes, checks and renames; it dies on
 * failure. */
typedef struct {
    FILE *f;
    char *path, *tmp;
} sp_text;
void sp_text_open(sp_text *t, const char *path);
void sp_text_finish(sp_text *t);

/* ---- shared by the readers -------------------------------------------------- */
bool sp_is_zstd(const void *p, size_t n); /* do these first bytes open a zstd frame? */
int sp_open_code(int err);                /* exit code for a failed open(2) of an input */

#endif
