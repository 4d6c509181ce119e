/* roc_items.h - the refusal margins of one model, from JSON lines, one a request, split
 * into those of harmful and those of harmless requests; and the same items found again
 * in the margins of another model.
 *
 * A line is {"margin": number, "set": name, "id"?: text or number, ...}. The name of the
 * set decides the side. Lines of other sets are passed over, whatever else they hold.
 *
 * Two models are compared on the same items. An item is known by its set and "id". Items
 * that have these in common, or have no "id", are told apart by their order.
 */
#ifndef SP_ROC_ITEMS_H
#define SP_ROC_ITEMS_H

#include "eval/roc.h"

#include <jansson.h>

#define SP_MAX_SETS 32

/* The sets of one side; the names are borrowed. */
typedef struct {
    const char *name[SP_MAX_SETS];
    size_t n;
} sp_set_names;

/* Starts as {.file, .sets}, both borrowed; release with sp_roc_items_free. */
typedef struct {
    const char *file;         /* for messages */
    const sp_set_names *sets; /* (SP_SIDES) */
    json_t *items[SP_SIDES];  /* objects, item to margin, in the order of the lines */
    json_t *seen;             /* object, set and id to how many items have them */
    json_t *found;            /* array, the first few names of sets */
} sp_roc_items;

/* Add a line; takes obj over, also on error. 0, or -1 where "set" is missing, or "margin"
 * is no number or "id" of another type in a line of these sets. */
SP_MUST_CHECK int sp_roc_items_add(sp_roc_items *m, json_t *obj, sp_err *e);

/* 0, or -1 where a side has no item: *e names the sets that were found. */
SP_MUST_CHECK int sp_roc_items_check(const sp_roc_items *m, sp_err *e);

/* Number of items of a side. */
size_t sp_roc_items_count(const sp_roc_items *m, sp_side side);

/* The ROC of m, which was checked, with the items in the order of those of `first` (which
 * may be m). Release with sp_roc_free. 0, or -1 where the items are not the same: *e
 * names both files and the first item that only one of them has. */
SP_MUST_CHECK int sp_roc_items_roc(const sp_roc_items *m, const sp_roc_items *first,
                                   sp_roc *r, sp_err *e);

void sp_roc_items_free(sp_roc_items *m);

#endif
