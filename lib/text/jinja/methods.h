/* methods.h - the methods of strings, lists and dictionaries, and the functions by name.
 */
#ifndef SP_TEXT_JINJA_METHODS_H
#define SP_TEXT_JINJA_METHODS_H

#include "text/jinja/call.h"

/* Does v have this method? */
bool jinja_has_method(jinja_value v, const char *name);
/* v.name(args); only for a method that it has. */
jinja_value jinja_method(jinja_heap *h, jinja_value v, const char *name,
                         const jinja_args *args);

/* range, dict, namespace, raise_exception: is it one of these? Then call it. */
bool jinja_has_global(const char *name);
jinja_value jinja_global(jinja_heap *h, const char *name, const jinja_args *args);

#endif
