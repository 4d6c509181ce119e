/* hf_dir.h - a new Hugging Face checkpoint directory, made after another one: the same
 * files of weights, the same configuration and tokenizer.
 *
 * It is built under a temporary name beside the final one, dir.tmp-4711, and renamed when
 * it is complete: seen whole or not at all. This module makes everything but the weights;
 * dst.h writes those.
 */
#ifndef SP_HF_DIR_H
#define SP_HF_DIR_H

#include "tensor/tinfo.h"

typedef struct sp_hf_dir sp_hf_dir;

/* Begin the directory `dir` for tensors t[0..n), after base_dir: copy its other files (in
 * config.json the dtype follows that of the tensors, where it is one and another one than
 * before), write the index. Sets the shard of each tensor; where base_dir has no weights,
 * all go to model.safetensors. NULL on error:
 *   SP_EINPUT   `dir` exists and is not an empty directory; a tensor is not in base_dir,
 *               or comes in another order of files than there; a file of base_dir is bad
 *   SP_ESYSTEM  something cannot be written, or the disk has no room for the weights */
SP_MUST_CHECK sp_hf_dir *sp_hf_dir_open(const char *dir, const char *base_dir,
                                        sp_tinfo *t, size_t n, sp_err *e);
/* Where to write the file number `shard`: a new string. */
SP_MUST_CHECK char *sp_hf_dir_path(const sp_hf_dir *d, int shard);
/* Give the directory its name. Frees d in every case. 0, or -1 (SP_ESYSTEM): then nothing
 * is left. */
SP_MUST_CHECK int sp_hf_dir_finish(sp_hf_dir *d, sp_err *e);
void sp_hf_dir_abort(sp_hf_dir *d); /* remove what there is, free d; NULL is allowed */

#endif
