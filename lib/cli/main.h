/* main.h - the first and the last call of every main. */
#ifndef SP_MAIN_H
#define SP_MAIN_H

#include "base/error.h"

/* Prepare the process: environment (may start the program anew, once, see restart.h),
 * memory allocator, name and command line (base/command.h), standard descriptors, removal
 * of temporary files on signals. */
void sp_start(int argc, char **argv);

/* Flush and check stdout: dies with SP_ESYSTEM where that fails. Report version, command,
 * wall and CPU time and peak resident memory at -v. Returns SP_OK. */
SP_MUST_CHECK int sp_finish(void);

#endif
