/* state.h - a training run on disk, from which it goes on after any kill.
 *
 * DIR/state.safetensors holds the masters "w.NAME" (F32) and the moments "m.NAME" and
 * "v.NAME" (F32 or BF16), each as one flat array, and in __metadata__ the next step and
 * the run's fingerprint (options.h). A new state is written beside the old one and takes
 * its place by a rename, so that a kill at any moment leaves one whole state.
 */
#ifndef SP_STATE_H
#define SP_STATE_H

#include "train/masters.h"

typedef struct {
    char *path;              /* of the file, owned; NULL = no state is kept */
    const char *fingerprint; /* borrowed */
    sp_masters *masters;     /* borrowed */
} sp_state;

/* Make the directory `dir` if need be, check that two states fit on its disk, and read
 * the state in it, if there is one, into the masters. *step gets its next step, or 0.
 * With dir NULL nothing is done. Errors: no room, a damaged state, the state of another
 * run. 0 or -1; release with sp_state_close in either case. */
SP_MUST_CHECK int sp_state_open(sp_state *s, const char *dir, const char *fingerprint,
                                sp_masters *masters, int64_t *step, sp_err *e);
void sp_state_close(sp_state *s);

/* Replace the state by that of now; `step` is the next to do. 0 or -1. */
SP_MUST_CHECK int sp_state_save(const sp_state *s, int64_t step, sp_err *e);

#endif
