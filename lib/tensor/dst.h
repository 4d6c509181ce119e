/* dst.h - where tensors go: a safetensors file, raw or zstd, a pipe, or a new Hugging
 * Face checkpoint directory, all behind one interface.
 *
 * What it will hold is said when it is opened, for the header comes first; then the
 * tensors' bytes follow in that order. It appears under its name complete or not at all.
 */
#ifndef SP_DST_H
#define SP_DST_H

#include "tensor/meta.h"
#include "tensor/tinfo.h"

typedef struct sp_dst sp_dst;

/* Open `path` (NULL or "-" = standard output) for tensors[0..n), of which name, dtype,
 * rank and shape count; zstd at `level`, 0 = raw. Copies tensors and meta (which may be
 * NULL). The result goes to sp_dst_finish or sp_dst_abort. NULL on error: SP_EINPUT for
 * tensors that make no header, SP_EUSAGE for a terminal, SP_ESYSTEM. */
SP_MUST_CHECK sp_dst *sp_dst_open(const char *path, const sp_tinfo *tensors, size_t n,
                                  const sp_meta *meta, int level, sp_err *e);
/* The same as a directory after base_dir (hf_dir.h), raw. Metadata get "format": "pt",
 * without which Transformers does not load the files. */
SP_MUST_CHECK sp_dst *sp_dst_open_dir(const char *dir, const char *base_dir,
                                      const sp_tinfo *tensors, size_t n,
                                      const sp_meta *meta, sp_err *e);

/* Tensor i as it will be written, with numel and nbytes. Valid until the end. */
const sp_tinfo *sp_dst_info(const sp_dst *d, size_t i);

/* Write the next nbytes bytes. A tensor may come in several calls, a call must not reach
 * beyond a tensor, empty tensors need none. 0 or -1 (SP_ESYSTEM). */
SP_MUST_CHECK int sp_dst_write(sp_dst *d, const void *buf, size_t nbytes, sp_err *e);
/* Write the next tensor whole, rounded from F32 to its dtype (to nearest even). 0 or -1
 * (SP_ESYSTEM). */
SP_MUST_CHECK int sp_dst_write_f32(sp_dst *d, const float *x, sp_err *e);

/* Check that everything has been written, close, rename. Frees d in every case. 0, or -1
 * (SP_ESYSTEM): then nothing is left. */
SP_MUST_CHECK int sp_dst_finish(sp_dst *d, sp_err *e);
/* Give up: remove what there is, free d (NULL is allowed). */
void sp_dst_abort(sp_dst *d);

#endif
