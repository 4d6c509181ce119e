/* src.h - where tensors come from: a safetensors file, raw or zstd, a pipe, or a Hugging
 * Face checkpoint directory, all behind one interface.
 *
 * Tensors are numbered in the order of their bytes; those of a directory by file, in the
 * order of the files' names. Functions that take no sp_err cannot fail.
 */
#ifndef SP_SRC_H
#define SP_SRC_H

#include "tensor/meta.h"
#include "tensor/tinfo.h"

typedef struct sp_src sp_src;

/* Open `path`, "-" for standard input. A directory must hold model.safetensors, or an
 * index and the files that it names (hf_index.h), which must tell the same story. Headers
 * are checked whole (header.h). The caller closes the result. NULL on error: SP_EINPUT,
 * or SP_ESYSTEM where the machine is at fault. */
SP_MUST_CHECK sp_src *sp_src_open(const char *path, sp_err *e);
void sp_src_close(sp_src *s); /* NULL is allowed */

/* Skip what was not read, comparing checksums where it is compressed, and prove the end.
 * Before that, nothing that was made from s may be trusted. 0 or -1. */
SP_MUST_CHECK int sp_src_end(sp_src *s, sp_err *e);

/* ---- what it holds ---- */
const char *sp_src_name(const sp_src *s); /* the path, or "standard input" */
size_t sp_src_count(const sp_src *s);     /* of tensors */
const sp_tinfo *sp_src_info(const sp_src *s, size_t i);
int64_t sp_src_find(const sp_src *s, const char *name); /* index of a tensor, or -1 */
/* Take tensor i out of the list, as if it were not stored; those after it move up. */
void sp_src_drop(sp_src *s, size_t i);
/* Call tensor i by another name, which no other has. Borrowed until close. */
void sp_src_rename(sp_src *s, size_t i, const char *name);
/* The metadata of all files; where two have the same key, the first one's value. */
const sp_meta *sp_src_meta(const sp_src *s);
/* Fingerprint of names, dtypes, shapes and metadata; not of the numbers. */
uint64_t sp_src_digest(const sp_src *s);
int sp_src_nshards(const sp_src *s); /* files of a directory, else 1 */
/* Name of a file, without directory: "model-00001-of-00002.safetensors". */
const char *sp_src_shard_name(const sp_src *s, int shard);

/* Can tensors be read in any order, and again? Not those of a pipe. */
bool sp_src_seekable(const sp_src *s);
/* Can several threads read at a time (and in any order)? */
bool sp_src_parallel(const sp_src *s);

/* ---- reading ---- */
/* Copy elements [first, first + n) of tensor i, as stored, to buf. From a pipe only what
 * lies ahead: the error for going back names the tensor expected and the one found. All
 * four: 0 or -1. */
SP_MUST_CHECK int sp_src_read_part(sp_src *s, size_t i, uint64_t first, size_t n,
                                   void *buf, sp_err *e);
/* All elements of tensor i, as stored. */
SP_MUST_CHECK int sp_src_read(sp_src *s, size_t i, void *buf, sp_err *e);
/* The same two widened to F32; BOOL becomes 0 and 1, other integers are an error. */
SP_MUST_CHECK int sp_src_read_f32_part(sp_src *s, size_t i, uint64_t first, size_t n,
                                       float *buf, sp_err *e);
SP_MUST_CHECK int sp_src_read_f32(sp_src *s, size_t i, float *buf, sp_err *e);

/* Tensor i as F32 into *x, an array of *cap floats (at first NULL and 0), replaced by a
 * larger one where needed; the caller frees it. On a pipe it grows as data come, whatever
 * size the header claims. 0 or -1. */
SP_MUST_CHECK int sp_src_load_f32(sp_src *s, size_t i, float **x, size_t *cap, sp_err *e);

/* The bytes of tensor i in memory, aligned for its dtype, where a raw file is mapped;
 * else NULL. Valid until close. */
const void *sp_src_map(const sp_src *s, size_t i);

#endif
