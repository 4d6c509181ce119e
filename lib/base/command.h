/* command.h - which program this is and how it was called: for messages, --version and
 * the provenance in what it writes. */
#ifndef SP_COMMAND_H
#define SP_COMMAND_H

#define SP_VERSION "0.1.0"

/* Keep a copy of the command line, and point sp_tool (error.h) at argv[0] without its
 * directories. argv must stay. For main. */
void sp_command_set(int argc, char **argv);
/* The command as typed, shell-quoted where needed: "sp-mask top 'a b'". Before
 * sp_command_set the tool's name. Valid until the next sp_command_set. */
const char *sp_command_line(void);

#endif
