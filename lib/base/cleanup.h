/* cleanup.h - temporary files and directories that must not outlive the program.
 *
 * A path is added before it is created and dropped after it has been renamed to its final
 * name. What is still listed is removed when the program dies (sp_die) or is ended by a
 * signal (sp_cleanup_on_signals). A directory goes with everything in it; symbolic links
 * in it are removed, not followed. Any thread may call these functions.
 */
#ifndef SP_CLEANUP_H
#define SP_CLEANUP_H

/* List a path (at most 64 at a time: dies with SP_ESYSTEM beyond that). */
void sp_cleanup_add(const char *path);
/* Forget a path; one that is not listed is ignored. */
void sp_cleanup_drop(const char *path);
/* Remove it from the disk now, and drop it. */
void sp_cleanup_remove(const char *path);
/* Remove everything listed. Safe in a signal handler. */
void sp_cleanup_run(void);

/* Let SIGINT, SIGTERM, SIGHUP and SIGPIPE remove what is listed before they end the
 * process. The parent still sees which signal it was. A signal that is ignored already
 * (nohup) stays ignored. */
void sp_cleanup_on_signals(void);

#endif
