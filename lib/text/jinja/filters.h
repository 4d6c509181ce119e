/* filters.h - the filters (value | name) of chat templates. */
#ifndef SP_TEXT_JINJA_FILTERS_H
#define SP_TEXT_JINJA_FILTERS_H

#include "text/jinja/call.h"

/* v | name(args). A name that is not known is an error. */
jinja_value jinja_filter(jinja_heap *h, const char *name, jinja_value v,
                         const jinja_args *args);

#endif
