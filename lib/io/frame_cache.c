/* frame_cache.c - see frame_cache.h.
 *
 * The cache is a handful of places. A place is empty, or being filled by one thread (ready =
 * false), or ready with any number of threads that copy from it (users). One lock guards all
 * places; it is given up while a frame is decompressed or copied. A place is reused only when
 * nobody copies from it and its frame is not among the next that are wanted.
 */
#include "io/frame_cache.h"

#include "base/base.h"

#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t frame; /* which frame; as many as there are frames = none */
    uint8_t *data;
    size_t cap;    /* bytes at data */
    bool ready;    /* nobody is filling it */
    int users;     /* threads that copy from it */
    uint64_t used; /* when it was last used: the clock of the cache */
} place;

struct sp_frame_cache {
    const sp_frames *frames;
    pthread_mutex_t lock;
    pthread_cond_t change; /* a place has become ready, or has lost a user */
    place *places;
    size_t n;
    uint64_t clock;
};

sp_frame_cache *sp_frame_cache_new(const sp_frames *f)
{
    sp_frame_cache *c = sp_xcalloc(1, sizeof *c);
    c->frames = f;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->change, NULL);
    c->n = (size_t)omp_get_max_threads() + 2;
    c->places = sp_xcalloc(c->n, sizeof *c->places);
    for (size_t k = 0; k < c->n; k++) c->places[k] = (place){.frame = f->n, .ready = true};
    return c;
}

void sp_frame_cache_free(sp_frame_cache *c)
{
    if (!c) return;
    for (size_t k = 0; k < c->n; k++) free(c->places[k].data);
    free(c->places);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->change);
    free(c);
}

/* ---- with the lock held --------------------------------------------------------------- */

/* The place that has frame i or is being filled with it; NULL if there is none. */
static place *find(sp_frame_cache *c, size_t i)
{
    for (size_t k = 0; k < c->n; k++)
        if (c->places[k].frame == i) return &c->places[k];
    return NULL;
}

/* Frames [i, reach(i)) are wanted next by threads that read frame i: all places but one may hold
 * them, so that there is always one for a thread that reads elsewhere. */
static size_t reach(const sp_frame_cache *c, size_t i)
{
    return SP_MIN(c->frames->n, i + c->n - 1);
}

/* The first frame after i, within reach, that no place has; as many as there are frames if all are
 * there. */
static size_t next_missing(sp_frame_cache *c, size_t i)
{
    size_t end = reach(c, i);
    while (++i < end)
        if (!find(c, i)) return i;
    return c->frames->n;
}

/* The place to fill for a thread that reads frame i: the one out of use for longest. NULL when all
 * are in use or will be soon. */
static place *free_place(sp_frame_cache *c, size_t i)
{
    place *best = NULL;
    for (place *p = c->places; p < c->places + c->n; p++) {
        bool wanted = p->frame >= i && p->frame < reach(c, i);
        if (p->ready && !p->users && !wanted && (!best || p->used < best->used)) best = p;
    }
    return best;
}

/* Decompress frame i into p. Gives up the lock meanwhile. False: it is corrupt, and p is empty. */
static bool fill(sp_frame_cache *c, place *p, size_t i)
{
    size_t size = sp_frame_size(c->frames, i);
    p->frame = i;
    p->ready = false;
    pthread_mutex_unlock(&c->lock);
    if (size > p->cap) {
        free(p->data);
        p->data = sp_xmalloc(p->cap = size);
    }
    bool ok = sp_frames_decode(c->frames, i, p->data);
    pthread_mutex_lock(&c->lock);
    if (!ok) p->frame = c->frames->n;
    p->ready = true;
    p->used = ++c->clock;
    pthread_cond_broadcast(&c->change);
    return ok;
}

/* The place of frame i, filled by this thread or another. A thread that would have to wait for
 * another to fill it fills a place with a later frame meanwhile, so that as many frames are
 * decompressed at a time as there are threads. NULL when frame i is corrupt; a later one that is
 * corrupt is left to those who read it. */
static place *get(sp_frame_cache *c, size_t i)
{
    for (;;) {
        place *p = find(c, i);
        if (p && p->ready) return p;
        size_t missing = p ? next_missing(c, i) : i;
        place *to = missing < c->frames->n ? free_place(c, i) : NULL;
        if (!to) pthread_cond_wait(&c->change, &c->lock);
        else if (!fill(c, to, missing) && missing == i) return NULL;
    }
}

/* ---- reading -------------------------------------------------------------------------- */

bool sp_frame_cache_read(sp_frame_cache *c, size_t i, size_t first, void *buf, size_t n)
{
    pthread_mutex_lock(&c->lock);
    place *p = get(c, i);
    if (p) {
        p->users++; /* so p stays while the lock is given up */
        pthread_mutex_unlock(&c->lock);
        memcpy(buf, p->data + first, n);
        pthread_mutex_lock(&c->lock);
        p->users--;
        p->used = ++c->clock;
        pthread_cond_broadcast(&c->change);
    }
    pthread_mutex_unlock(&c->lock);
    return p != NULL;
}
