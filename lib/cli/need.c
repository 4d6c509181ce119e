/* need.c - see need.h. */
#include "cli/need.h"

#include "cli/opt.h"

sp_output sp_need_output(void)
{
    return (sp_output){.path = sp_args.out, .level = (int)sp_args.level, .no_pg = sp_args.no_pg};
}
