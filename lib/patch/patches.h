/* patches.h - a merge of streams: BASE, the patches that are to be added to it, their
 * masks and their Fisher information.
 *
 *     sp_patches p = {.opt = ..., .n = ..., .patch = {{.path = ...}, ...}};
 *     sp_patches_open(&p, base, &e)       which also finds thresholds
 *     dst = ...                           names and shapes of base
 *     sp_patches_merge(&p, dst, &e)       proves the ends, finishes, closes all
 */
#ifndef SP_PATCHES_H
#define SP_PATCHES_H

#include "patch/merge.h"
#include "patch/walk.h"

#include <stdatomic.h>

typedef struct {
    /* by the caller */
    const char *path, *mask_path, *fisher_path; /* the last two may be NULL */
    double scale;
    /* by sp_patches_open */
    bool head_dropped;             /* it had a tied head, which has been left out */
    sp_src *src, *mask, *fisher;   /* the last two may be NULL */
    size_t in, mask_in, fisher_in; /* which of the inputs they are */
    sp_radix threshold;            /* of global trimming */
} sp_patch;

/* Work space that thinning needs: masks where a patch has none, sizes of numbers. */
typedef struct {
    uint8_t *keep[SP_MERGE_MAX];
    float *work;
    size_t n; /* elements that each has space for */
} sp_thinning;

typedef struct {
    /* by the caller */
    sp_merge_opt opt;
    bool allow_nonfinite; /* NaN and Inf are no error */
    bool tied;            /* BASE multiplies by the embedding instead of a head */
    int n;
    sp_patch patch[SP_MERGE_MAX];
    /* by sp_patches_open: all inputs, in[0] the base. A mask is read where its patch has
     * the tensor (sp_walk.with). */
    size_t n_in;
    sp_src *in[1 + 3 * SP_MERGE_MAX];
    size_t with[1 + 3 * SP_MERGE_MAX];
    sp_thinning thinning; /* where pieces come one after the other */
    bool head_dropped;    /* BASE's head has been left out: the embedding is patched */
    /* by sp_patches_merge, of outputs of 16 bits: elements with a change, and those that
     * round to what they were */
    atomic_ullong changed, lost;
} sp_patches;

/* Open the patches for BASE, which belongs to *p from here on. Each patch must fit into
 * BASE, its mask must cover it, Fisher information must be there for every tensor that
 * any patch has; for global trimming the threshold of each patch is found, which reads it
 * three times. Where BASE is tied and has an embedding, a head beside it would not follow
 * the embedding's change: patches and BASE lose it. 0, or -1 (SP_EINPUT); on failure what
 * is open stays so. */
SP_MUST_CHECK int sp_patches_open(sp_patches *p, sp_src *base, sp_err *e);

/* Write BASE with the patches added to dst, which has the tensors of BASE (p->in[0]) in
 * dtypes of its own; prove the end of all inputs, finish dst, close everything. Tensors
 * that no patch has go through bit for bit. 0 or -1. */
SP_MUST_CHECK int sp_patches_merge(sp_patches *p, sp_dst *dst, sp_err *e);

#endif
