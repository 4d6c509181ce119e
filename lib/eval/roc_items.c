/* roc_items.c - see roc_items.h.
 *
 * The items of a side are a JSON object, because it is all in one that is needed: it keeps their
 * order, and finds an item of another file by its name. The name of an item says in words what it
 * is, so that it stands in messages as well:
 *
 *     set "lookalike", id 17              its id, as JSON
 *     set "lookalike", id 17, number 2    the second line with them
 *     set "lookalike", number 5           the fifth line of the set without an id
 */
#include "eval/roc_items.h"

#include "text/json_out.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FOUND 8 /* names of sets that a message lists */

static const char *const what[SP_SIDES] = {"harmful", "harmless"};

/* ---- lines ---------------------------------------------------------------------------- */

/* Is v, a string, one of these names? The length is compared as well, since v may hold NUL. */
static bool among(const sp_set_names *names, const json_t *v)
{
    for (size_t i = 0; i < names->n; i++)
        if (strlen(names->name[i]) == json_string_length(v) &&
            !memcmp(names->name[i], json_string_value(v), json_string_length(v)))
            return true;
    return false;
}

/* Remember the name of a set, unless it is known or there are enough. */
static void remember(json_t **found, json_t *set)
{
    if (!*found) *found = json_array();
    bool known = json_array_size(*found) == MAX_FOUND;
    for (size_t i = 0; i < json_array_size(*found); i++)
        known |= json_equal(json_array_get(*found, i), set);
    if (!known) json_array_append(*found, set);
}

/* The next number, from 1 on, for an item with that set and id. */
static int next_number(json_t **seen, const char *set_and_id)
{
    if (!*seen) *seen = json_object();
    int n = 1 + (int)json_integer_value(json_object_get(*seen, set_and_id));
    json_object_set_new(*seen, set_and_id, json_integer(n));
    return n;
}

/* The name of an item (roc_items.c, top), owned by the caller. `id` is NULL where there is none. As
 * JSON, set and id hold no quotation mark that ends them, so that no two items share a name. */
static char *name_item(json_t **seen, const json_t *set, const json_t *id)
{
    char *s = sp_json_line(set), *i = id ? sp_json_line(id) : NULL;
    char *name = sp_xasprintf("set %s%s%s", s, i ? ", id " : "", i ? i : "");
    int n = next_number(seen, name);
    if (!id || n > 1) {
        char *numbered = sp_xasprintf("%s, number %d", name, n);
        free(name);
        name = numbered;
    }
    free(s);
    free(i);
    return name;
}

/* Add an item to a side. */
static int add(sp_roc_items *m, int side, const json_t *obj, sp_err *e)
{
    const json_t *margin = json_object_get(obj, "margin"), *id = json_object_get(obj, "id");
    if (!margin) return sp_fail(e, SP_EINPUT, "no \"margin\"");
    if (!json_is_number(margin))
        return sp_fail(e, SP_EINPUT, "\"margin\" is no number; a finite number is expected");
    if (json_is_null(id)) id = NULL;
    if (id && !json_is_string(id) && !json_is_number(id))
        return sp_fail(e, SP_EINPUT, "\"id\" is neither a string nor a number");
    char *name = name_item(&m->seen, json_object_get(obj, "set"), id);
    if (!m->items[side]) m->items[side] = json_object();
    json_object_set_new(m->items[side], name, json_real(json_number_value(margin)));
    free(name);
    return 0;
}

int sp_roc_items_add(sp_roc_items *m, json_t *obj, sp_err *e)
{
    int rc = 0;
    json_t *set = json_object_get(obj, "set");
    if (!json_is_string(set)) rc = sp_fail(e, SP_EINPUT, "no \"set\", a string");
    else remember(&m->found, set);
    for (int s = 0; s < SP_SIDES && rc == 0; s++)
        if (among(&m->sets[s], set)) rc = add(m, s, obj, e);
    json_decref(obj);
    return rc;
}

/* ---- files ---------------------------------------------------------------------------- */

size_t sp_roc_items_count(const sp_roc_items *m, sp_side side)
{
    return json_object_size(m->items[side]);
}

/* The names as a JSON array. New reference. */
static json_t *names_json(const sp_set_names *names)
{
    json_t *a = json_array();
    for (size_t i = 0; i < names->n; i++)
        json_array_append_new(a, sp_json_text(names->name[i], strlen(names->name[i])));
    return a;
}

/* Say that a side has no item, with the names of the sets that were expected and found. */
static int refuse(const sp_roc_items *m, int side, sp_err *e)
{
    json_t *names = names_json(&m->sets[side]);
    char *expected = sp_json_line(names), *found = sp_json_line(m->found);
    sp_fail(e, SP_EINPUT, "%s: no line of a set of %s requests: found %s, expected %s", m->file,
            what[side], found, expected);
    json_decref(names);
    free(expected);
    free(found);
    return -1;
}

int sp_roc_items_check(const sp_roc_items *m, sp_err *e)
{
    for (int s = 0; s < SP_SIDES; s++)
        if (!sp_roc_items_count(m, (sp_side)s)) return refuse(m, s, e);
    return 0;
}

/* Check that `other` has all items that m has. */
static int check_same(const sp_roc_items *m, const sp_roc_items *other, sp_err *e)
{
    const char *name;
    json_t *v;
    for (int s = 0; s < SP_SIDES; s++) json_object_foreach(m->items[s], name, v)
        {
            if (!json_object_get(other->items[s], name))
                return sp_fail(e, SP_EINPUT, "%s: no item %s, which %s has", other->file, name,
                               m->file);
        }
    return 0;
}

/* The margins of a side of m in the order of `first`, which has the same items; owned by the
 * caller. */
static double *in_order(const sp_roc_items *m, const sp_roc_items *first, int side)
{
    size_t i = 0;
    const char *name;
    json_t *v;
    double *margin = sp_xarray(json_object_size(first->items[side]), sizeof *margin);
    json_object_foreach(first->items[side], name, v)
    {
        margin[i++] = json_real_value(json_object_get(m->items[side], name));
    }
    return margin;
}

int sp_roc_items_roc(const sp_roc_items *m, const sp_roc_items *first, sp_roc *r, sp_err *e)
{
    if (check_same(first, m, e) < 0 || check_same(m, first, e) < 0) return -1;
    double *margin[SP_SIDES];
    size_t n[SP_SIDES];
    for (int s = 0; s < SP_SIDES; s++) {
        margin[s] = in_order(m, first, s);
        n[s] = sp_roc_items_count(m, (sp_side)s);
    }
    sp_roc_init(r, margin, n);
    for (int s = 0; s < SP_SIDES; s++) free(margin[s]);
    return 0;
}

void sp_roc_items_free(sp_roc_items *m)
{
    for (int s = 0; s < SP_SIDES; s++) json_decref(m->items[s]);
    json_decref(m->seen);
    json_decref(m->found);
}
