/* st.h - tensor streams: safetensors files (raw or zstd), pipes, and Hugging Face
 * checkpoint directories behind one reader.
 *
 * The format is that of safetensors: u64 little-endian header length, a JSON object
 * {name: {dtype, shape, data_offsets}}, the bytes. A header is checked whole before any
 * use: length cap, known dtypes, checked multiply per dimension, unique names, offsets
 * contiguous from 0 without gap or overlap. Tensors are numbered in the order of their
 * bytes; a directory numbers its shards in the order of their file names.
 */
#ifndef SP_ST_H
#define SP_ST_H

#include "base/base.h"
#include "tensor/dtype.h"

#define SP_MAX_RANK   8
#define SP_MAX_HEADER (100u << 20)

typedef struct {
    char *name;
    sp_dtype dtype;
    int rank;
    int64_t shape[SP_MAX_RANK];
    uint64_t numel, nbytes;
    /* of the first byte, from the start of the data section of its file */
    uint64_t offset;
    int shard; /* index of the file it lies in; 0 for a single file */
} sp_tinfo;

void sp_shape_str(const sp_tinfo *t, char *buf, size_t n); /* "4096x11008", "scalar" */
bool sp_same_shape(const sp_tinfo *a, const sp_tinfo *b);

/* Key/value pairs of __metadata__. */
typedef struct {
    size_t n;
    char **key, **value;
} sp_meta;
/* copies both; replaces an old value */
void sp_meta_set(sp_meta *m, const char *key, const char *value);
const char *sp_meta_get(const sp_meta *m, const char *key); /* NULL if absent */
void sp_meta_free(sp_meta *m);

/* ---- reading ---------------------------------------------------------------- */
typedef struct sp_src sp_src;

/* Open a stream, a safetensors file, a checkpoint directory (model.safetensors, or
 * model.safetensors.index.json and its shards) or
 * "-". NULL on error. */
sp_src *sp_src_open(const char *path, sp_err *e);
const char *sp_src_name(const sp_src *s);
size_t sp_src_count(const sp_src *s);
const sp_tinfo *sp_src_info(const sp_src *s, size_t i);
int64_t sp_src_find(const sp_src *s, const char *name); /* index or -1 */
const sp_meta *sp_src_meta(const sp_src *s);
/* any order, any number of times */
bool sp_src_seekable(const sp_src *s);
/* that, and by several threads at a time */
bool sp_src_parallel(const sp_src *s);
/* files of a directory, 1 otherwise */
int sp_src_nshards(const sp_src *s);
/* file name without directory, e.g. model-00001-of-00002.safetensors */
const char *sp_src_shard_name(const sp_src *s, int shard);
/* The bytes of tensor i in place when the file is raw and mapped, else NULL. Valid until
 * close. */
const void *sp_src_map(const sp_src *s, size_t i);
/* Copy the bytes of tensor i. On a pipe only forward: the error for anything else names
 * the tensor found and the one expected. */
int sp_src_read(sp_src *s, size_t i, void *buf, sp_err *e);
/* The same widened to F32 (floating dtypes; BOOL becomes 0/1). */
int sp_src_read_f32(sp_src *s, size_t i, float *buf, sp_err *e);
/* Elements [first, first + n) of tensor i, raw or widened: for loops whose memory is
 * bounded by a chunk. */
int sp_src_read_part(sp_src *s, size_t i, uint64_t first, size_t n, void *buf, sp_err *e);
int sp_src_read_f32_part(sp_src *s, size_t i, uint64_t first, size_t n, float *buf,
                         sp_err *e);
/* Tensor i widened into *x, which has room for *cap floats (start with NULL and 0) and
 * grows where needed: on a pipe with the data, whatever the header claims. */
int sp_src_load_f32(sp_src *s, size_t i, float **x, size_t *cap, sp_err *e);
/* Skip what was not read (checking it where it is compressed) and prove the end. Call
 * before trusting an output made from s. 0 or -1. */
int sp_src_end(sp_src *s, sp_err *e);
void sp_src_close(sp_src *s);
/* fingerprint of names, shapes, dtypes and metadata */
uint64_t sp_src_digest(const sp_src *s);

/* ---- writing ---------------------------------------------------------------- */
typedef struct sp_dst sp_dst;

/* Write tensors[0..n) (offset and shard fields are ignored and assigned) in this order to
 * `path` (NULL/"-" = stdout). meta may be NULL. */
sp_dst *sp_dst_open(const char *path, const sp_tinfo *tensors, size_t n,
                    const sp_meta *meta, int level, sp_err *e);
/* The same as a Hugging Face directory: shards and tensor-to-shard map as `base` has
 * them, index with total_size, every other file of the base directory (config, tokenizer
 * ...) copied. Built in a temporary directory beside `dir` and renamed at the end. */
sp_dst *sp_dst_open_dir(const char *dir, const char *base_dir, const sp_tinfo *tensors,
                        size_t n, const sp_meta *meta, sp_err *e);
const sp_tinfo *sp_dst_info(const sp_dst *d, size_t i);
/* The next tensor's bytes; may be called several times for one tensor, the sum must be
 * its nbytes. */
int sp_dst_write(sp_dst *d, const void *buf, size_t nbytes, sp_err *e);
/* The next tensor whole, converted from F32 to its dtype (round to nearest even). */
int sp_dst_write_f32(sp_dst *d, const float *x, sp_err *e);
/* checks completeness, renames; frees d in every case */
int sp_dst_finish(sp_dst *d, sp_err *e);
void sp_dst_abort(sp_dst *d);

/* ---- provenance ------------------------------------------------------------- */
/* Copy what `from` says except its sp.pg chain: for output that stands in the place of an
 * input. */
void sp_meta_inherit(sp_meta *m, const sp_meta *from);
/* Append an `sp.pg.N` entry (JSON: tool, version, command, input digests) to m, after the
 * chains of the inputs have been copied into it (equal entries once). inputs may hold
 * NULLs. Does nothing under --no-pg. */
void sp_pg_append(sp_meta *m, sp_src *const *inputs, size_t n_inputs);

#endif
