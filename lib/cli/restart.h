/* restart.h - environment variables for libraries that read them when they are loaded,
 * before main: the program sets them all and starts itself anew, at most once.
 *
 *     sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
 *     sp_restart_want("GOMP_SPINCOUNT", "1000");
 *     sp_restart(argv); // returns in the process that has both
 */
#ifndef SP_RESTART_H
#define SP_RESTART_H

/* Set `name` to `value` for the next start, unless the environment has `name` already
 * (the user's value stands, and so does that of an earlier start) or value is NULL. */
void sp_restart_want(const char *name, const char *value);

/* Start the program again with the same arguments if sp_restart_want has set anything;
 * it then does not return. Everything is in the environment after that, so the second
 * start goes on from here. Where the program cannot be started again it goes on without,
 * too. */
void sp_restart(char **argv);

#endif
