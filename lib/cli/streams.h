/* streams.h - what the mains of tools that read and write tensors share. Dies with a
 * message where something is wrong: for mains only.
 */
#ifndef SP_STREAMS_H
#define SP_STREAMS_H

#include "patch/walk.h"
#include "tensor/output.h"

#include <jansson.h>

/* The output that -o, -z and --no-pg ask for. What it is made from is for the tool to
 * add. */
sp_output sp_args_output(void);

/* Open an input; the caller closes it. */
sp_src *sp_must_src(const char *path);

/* Open the output, with the tensors of w->in[0] in dtype `dtype` (-1 = that of each), run
 * the walk that makes it, and close all. */
void sp_must_make(sp_walk *w, int dtype);

/* A JSON number, or null where x is NaN or Inf; owned by the caller. */
json_t *sp_json_real(double x);
/* Print a report to -o, indented; takes root over. */
void sp_must_report(json_t *root);

/* Say how many of the `changed` weights are `lost`, that is round to what they were in
 * dtype `dtype`: a warning if these are most of them, else a note at -v. `wide`: what
 * keeps them. */
void sp_say_rounding(uint64_t changed, uint64_t lost, const char *dtype,
                     const char *wide);

/* For an SP_CALL option whose self is an int *: a floating dtype by name, as sp_dtype. */
int sp_set_float_dtype(void *self, const char *name, const char *value, sp_err *e);

#endif
