/* need.h - what the mains of several tools need: the common options as the library wants
 * them.
 */
#ifndef SP_NEED_H
#define SP_NEED_H

#include "tensor/output.h"

/* The output that -o, -z and --no-pg ask for; what it is made from is for the tool to
 * add. */
sp_output sp_need_output(void);

#endif
