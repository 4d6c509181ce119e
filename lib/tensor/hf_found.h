/* hf_found.h - what a directory holds that was taken for a checkpoint and is none. */
#ifndef SP_HF_FOUND_H
#define SP_HF_FOUND_H

/* What `dir` holds instead of what was looked for in it, and what to do about it, to be
 * put behind a message: "; pytorch_model.bin is a checkpoint of PyTorch's (...)". The
 * caller frees it. "" where nothing is known.
 *
 *     snapshots/                     the folder of a model in the Hugging Face cache
 *     adapter_model.safetensors      a LoRA adapter, which is no model
 *     *.gguf, *.bin, *.pth, *.h5 ... weights in other formats
 *     *.safetensors                  shards without an index, weights by another name
 *     checkpoint-500/                what a trainer has left
 *     not a directory */
char *sp_hf_found(const char *dir);

#endif
