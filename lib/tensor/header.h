/* header.h - the header of a safetensors file, both ways.
 *
 * A file of two tensors, a (3 bytes) and b (2 F32):
 *
 *     bytes 0..7      112, little-endian: the length of the header
 *     bytes 8..119    {"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},
 *                      "b":{"dtype":"F32","shape":[2],"data_offsets":[3,11]}}, 5 spaces
 *     bytes 120..130  the data section: 3 bytes of a, 8 of b
 *
 * "__metadata__", if it is there, is an object of strings. Source:
 * https://github.com/huggingface/safetensors.
 */
#ifndef SP_HEADER_H
#define SP_HEADER_H

#include "tensor/meta.h"
#include "tensor/tinfo.h"

#define SP_MAX_HEADER (100u << 20) /* bytes; longer ones are refused */

/* Parse the n bytes at json and prove the header sound before anything is used: known
 * dtypes, rank at most SP_MAX_RANK, sizes that fit into 64 bits, unique names, offsets
 * that leave no gap and do not overlap.
 *   0   *t holds *count tensors in the order of their bytes (the caller frees it with
 *       sp_tinfos_free), *data_bytes is the sum of theirs; pairs were added to *meta
 *  -1   unsound (SP_EINPUT): *t is NULL, *count 0, *meta empty
 * `file` is for messages. */
SP_MUST_CHECK int sp_header_parse(const char *file, const char *json, size_t n,
                                  sp_tinfo **t, size_t *count, sp_meta *meta,
                                  uint64_t *data_bytes, sp_err *e);

/* The header of t[0..n), whose bytes will follow each other in this order: the JSON text,
 * padded with spaces so that *len, its length, is a multiple of 8. Sets numel, nbytes and
 * offset of each. meta may be NULL. NULL on error (SP_EINPUT: a size overflows, a name
 * comes twice or is not UTF-8). */
SP_MUST_CHECK char *sp_header_format(sp_tinfo *t, size_t n, const sp_meta *meta,
                                     size_t *len, sp_err *e);

#endif
