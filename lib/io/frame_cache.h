/* frame_cache.h - frames kept decompressed, shared by threads that each read a part of
 * them. Every frame is decompressed once as long as the threads read about the same
 * place.
 *
 * Say three threads read pieces of frame 5 at the same time. A finds that nobody has the
 * frame and decompresses it. B wants frame 5 too: instead of waiting for A it
 * decompresses frame 6, which somebody will want next, and C does frame 7. When A is
 * done, all three copy their pieces out of frame 5.
 */
#ifndef SP_FRAME_CACHE_H
#define SP_FRAME_CACHE_H

#include "io/frames.h"

typedef struct sp_frame_cache sp_frame_cache;

/* A cache with places for as many frames as OpenMP has threads, and two more. `f` is
 * borrowed and must outlive it. */
sp_frame_cache *sp_frame_cache_new(const sp_frames *f);
void sp_frame_cache_free(sp_frame_cache *c); /* NULL is allowed; nobody may be reading */

/* Copy n bytes of frame i to buf, from byte `first` of the frame on; they must lie in the
 * frame. Any number of threads at a time. False: the frame is corrupt. */
SP_MUST_CHECK bool sp_frame_cache_read(sp_frame_cache *c, size_t i, size_t first,
                                       void *buf, size_t n);

#endif
