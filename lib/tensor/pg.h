/* pg.h - provenance: which tools made a stream, from what.
 *
 * Metadata hold a chain of entries sp.pg.1, sp.pg.2 ..., oldest first, as samtools keeps
 * @PG lines. Each is a JSON text:
 *
 *     {"tool":"sp-diff","version":"0.1.0","command":"sp-diff tuned base",
 *      "inputs":[{"name":"tuned","digest":"8c6e3b2a90d1f457"}, ...]}
 */
#ifndef SP_PG_H
#define SP_PG_H

#include "tensor/src.h"

/* Copy to m what `from` says, except its chain: for output that stands in the place of an
 * input. */
void sp_pg_inherit(sp_meta *m, const sp_meta *from);
/* Append the chains of inputs[0..n) to m, equal entries once, and then an entry for the
 * running program. An input may be NULL: skipped. */
void sp_pg_append(sp_meta *m, sp_src *const *inputs, size_t n);

#endif
