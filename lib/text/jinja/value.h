/* value.h - the values that a chat template computes with: those of Jinja2, that is of
 * Python.
 *
 * They lie in a heap (heap.h), so they are plain structs, copied freely and never freed.
 * Lists and dictionaries are shared by reference, as in Python. After an error every
 * function here does nothing and gives some value.
 */
#ifndef SP_TEXT_JINJA_VALUE_H
#define SP_TEXT_JINJA_VALUE_H

#include "text/jinja/heap.h"

#include <jansson.h>
#include <string.h>

typedef enum {
    JINJA_UNDEFINED, /* text = the name that has no value, for messages */
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INT,
    JINJA_FLOAT,
    JINJA_STRING, /* text, n: bytes of UTF-8 */
    JINJA_LIST,
    JINJA_TUPLE,    /* a list that prints with round brackets */
    JINJA_ITERATOR, /* what map, select, items ... give: it can be gone through, and is
                       true */
    JINJA_DICT,
    JINJA_NAMESPACE, /* a dictionary whose attributes can be set */
    JINJA_FUNCTION
} jinja_kind;

typedef struct jinja_list jinja_list;
typedef struct jinja_dict jinja_dict;
typedef struct jinja_function jinja_function;

typedef struct {
    jinja_kind kind;
    union {
        bool flag;
        int64_t integer;
        double real;
        const char *text;
        jinja_list *list; /* also of a tuple or iterator */
        jinja_dict *dict; /* also of a namespace */
        const jinja_function *function;
    };
    size_t n; /* bytes of a string */
} jinja_value;

struct jinja_list {
    jinja_value *at;
    size_t n, cap;
};

/* Entries in the order of insertion. */
struct jinja_dict {
    jinja_value *key, *value;
    size_t n, cap;
};

jinja_value jinja_undefined(const char *name);
jinja_value jinja_none(void);
jinja_value jinja_bool(bool b);
jinja_value jinja_int(int64_t i);
jinja_value jinja_float(double x);
/* A string that borrows its bytes, which must live as long as the heap. */
jinja_value jinja_text(const char *s, size_t n);
jinja_value jinja_cstr(const char *s);
/* A string of its own. */
jinja_value jinja_copy(jinja_heap *h, const char *s, size_t n);
jinja_value jinja_list_new(jinja_heap *h, jinja_kind list_or_tuple);
void jinja_append(jinja_heap *h, jinja_list *l, jinja_value v);
jinja_value jinja_dict_new(jinja_heap *h, jinja_kind dict_or_namespace);
void jinja_put(jinja_heap *h, jinja_dict *d, jinja_value key, jinja_value v);
/* The value of a key, or NULL. */
jinja_value *jinja_get(jinja_heap *h, const jinja_dict *d, jinja_value key);
jinja_value *jinja_get_name(jinja_heap *h, const jinja_dict *d, const char *name);
/* JSON as values. */
jinja_value jinja_from_json(jinja_heap *h, const json_t *j);

/* ---- what can be asked of every value ------------------------------------------------
 */

static inline bool jinja_is_number(jinja_value v)
{
    return v.kind == JINJA_INT || v.kind == JINJA_FLOAT || v.kind == JINJA_BOOL;
}
static inline bool jinja_is_list(jinja_value v)
{
    return v.kind == JINJA_LIST || v.kind == JINJA_TUPLE;
}
static inline bool jinja_is_dict(jinja_value v)
{
    return v.kind == JINJA_DICT || v.kind == JINJA_NAMESPACE;
}
static inline bool jinja_is(jinja_value v, const char *s)
{
    return v.kind == JINJA_STRING && v.n == strlen(s) && !memcmp(v.text, s, v.n);
}
/* "str", "int", ... as Python calls the type. */
const char *jinja_type(jinja_value v);
bool jinja_truth(jinja_value v);
double jinja_real(jinja_value number);
/* Python's ==; numbers compare by value, whatever their type. */
bool jinja_equal(jinja_heap *h, jinja_value a, jinja_value b);
/* Order of two numbers, strings or lists: < 0, 0, > 0. An error for anything else. */
int jinja_compare(jinja_heap *h, jinja_value a, jinja_value b);
/* Python's `a in b`. */
bool jinja_contains(jinja_heap *h, jinja_value b, jinja_value a);
/* Elements of a list, keys of a dictionary, characters of a string, as a list. */
jinja_value jinja_elements(jinja_heap *h, jinja_value v);
/* Elements, keys or characters: how many. */
int64_t jinja_length(jinja_heap *h, jinja_value v);

#endif
