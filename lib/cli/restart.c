/* restart.c - see restart.h. */
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

void sp_restart(char **argv)
{
    if (!wanted) return;
    wanted = false;
    execv("/proc/self/exe", argv);
}
