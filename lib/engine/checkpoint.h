/* checkpoint.h - models from files: a Hugging Face checkpoint opened, or one of its shape
 * with random weights.
 *
 * All three give a model that the caller closes, or NULL with a message.
 */
#ifndef SP_CHECKPOINT_H
#define SP_CHECKPOINT_H

#include "engine/model.h"

/* Open DIR's configuration and weights; `weights` (may be NULL) is a stream that replaces
 * the weights. Every tensor the family needs must be there with the right shape and a
 * dtype of F32, F16 or BF16, and nothing unknown besides (tensor/idle.h); a tied
 * embedding may go by the head's name, which then is its parameter's. Parameters come in
 * the order of the checkpoint's tensors. */
SP_MUST_CHECK sp_model *sp_model_open(const char *dir, const char *weights, sp_err *e);

/* A model of DIR's configuration whose matrices are drawn from N(0, std^2) with `seed`;
 * norm weights are such that they multiply by 1. The values of a parameter depend on seed
 * and name alone. Canonical order. */
SP_MUST_CHECK sp_model *sp_model_random(const char *dir, double std, uint64_t seed,
                                        sp_err *e);

/* The configuration and the parameters with their shapes, without values. Canonical
 * order. */
SP_MUST_CHECK sp_model *sp_model_blank(const char *dir, sp_err *e);

/* Free a model and everything that it owns. NULL is allowed. */
void sp_model_close(sp_model *m);

#endif
