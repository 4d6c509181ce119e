/* restart.c - see restart.h.
 *
 * The environment itself says whether a restart is still to come: what is wanted is set before the
 * program is started anew, and a variable that is set is not wanted. So there is no second restart.
 */
#include "cli/restart.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static bool wanted; /* a variable has been set that this process's libraries have not seen */

void sp_restart_want(const char *name, const char *value)
{
    if (!value || getenv(name)) return;
    setenv(name, value, 1);
    wanted = true;
}

/* /proc/self/exe is this program, whatever argv[0] says. */
void sp_restart(char **argv)
{
    if (!wanted) return;
    wanted = false;
    execv("/proc/self/exe", argv);
}
