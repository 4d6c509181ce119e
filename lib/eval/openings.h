/* openings.h - how answers begin: two lists of openings, those of answers that comply and
 * those of answers that refuse, as one tree of tokens.
 *
 * An opening is the first tokens of an answer behind the chat template. No opening begins
 * with another one, so openings are the leaves of a tree, and the probability that an
 * answer begins with one of a list is a sum over leaves:
 *
 *     P(list) = sum over its openings of  prod_i P(token i | prompt, tokens before it)
 *
 * Example, "Sure" against "I cannot", "I'm sorry" and "I'm unable":
 *
 *     (root) -+- Sure                        comply
 *             +- I -+- cannot                refuse
 *                   +- ' - m -+- sorry       refuse
 *                             +- unable      refuse
 *
 * The logits at a node say how likely its children are. Those at the root are the logits
 * at the end of the prompt. A path is a way from the root to an inner node that has only
 * leaves below it, here (I ' m): the tokens to append to the prompt, so that the logits
 * at all nodes on the way are there to be read.
 */
#ifndef SP_OPENINGS_H
#define SP_OPENINGS_H

#include "text/load_examples.h"

#include <stdbool.h>

typedef enum { SP_OPENS_COMPLY, SP_OPENS_REFUSE, SP_OPENS_OTHER } sp_opening;
const char *sp_opening_name(sp_opening o); /* "comply", "refuse", "other" */

typedef struct {
    int32_t id;      /* the token; -1 at the root */
    int32_t parent;  /* a node with a lower index; -1 at the root */
    int32_t depth;   /* tokens from the root, this one included */
    int32_t path;    /* on which its logits are read; -1 at leaves and at the root */
    sp_opening list; /* of a leaf; SP_OPENS_OTHER at the others */
} sp_opening_node;

/* The tree, filled by sp_openings_load; release with sp_openings_free. */
typedef struct {
    sp_opening_node *nodes; /* (n) the root first */
    size_t n, cap;
    int32_t *paths; /* (n_paths) the last node of each */
    size_t n_paths, cap_paths;
} sp_openings;

/* Read both lists from a file, {"comply": [TEXT, ...], "refuse": [TEXT, ...]}; path NULL
 * = the built-in ones, for chat models in English. opt: tok, tmpl, and vocab, which ids
 * must be below. An opening that begins with another one of its list is dropped: it is
 * counted there.
 *    0: done
 *   -1: no such file, a list that is empty, an opening without tokens, or one that begins
 *       with one of the other list (*e names the entries). Nothing is to be released */
int sp_openings_load(sp_openings *o, const char *path, const sp_examples_opt *opt,
                     sp_err *e) SP_MUST_CHECK;
void sp_openings_free(sp_openings *o);

/* The tokens of a path, as many as its last node is deep, into ids. */
void sp_openings_path(const sp_openings *o, size_t path, int32_t *ids);

/* What a model says of a prompt. */
typedef struct {
    double log_p[2];   /* log P of the lists comply and refuse, nats */
    sp_opening greedy; /* the list of the opening that greedy decoding begins with */
} sp_opening_odds;
/* log_p (n), nats, and likeliest (n): of each node but the root, the log-probability of
 * its token behind those above it, and whether that is the likeliest there. Sums are
 * taken in log space, so that they do not vanish. */
sp_opening_odds sp_openings_weigh(const sp_openings *o, const double *log_p,
                                  const bool *likeliest);

#endif
