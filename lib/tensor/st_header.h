/* st_header.h - the JSON header of a safetensors file, both ways. Internal to st*.c and
 * its fuzz tests. */
#ifndef SP_ST_HEADER_H
#define SP_ST_HEADER_H

#include "tensor/st.h"

/* Parse json[0..n) and prove it sound: known dtypes, rank, sizes that do not overflow,
 * unique names, offsets contiguous from 0. On success the tensors come in the order of
 * their bytes, *data_bytes is their total. `file` is for messages. 0 or -1. */
int sp_header_parse(const char *file, const char *json, size_t n, sp_tinfo **t,
                    size_t *count, sp_meta *meta, uint64_t *data_bytes, sp_err *e);

/* The header of t[0..n), padded with spaces to a multiple of 8, owned by the caller;
 * assigns numel, nbytes and offset. NULL on error. */
char *sp_header_format(sp_tinfo *t, size_t n, const sp_meta *meta, size_t *len,
                       sp_err *e);

/* numel and nbytes from shape and dtype; false on overflow. */
bool sp_tinfo_size(sp_tinfo *t);

void sp_tinfos_free(sp_tinfo *t, size_t n); /* the array and its names */

#endif
