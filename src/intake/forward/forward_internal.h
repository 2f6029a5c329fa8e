/* forward, inside: the steps of single transfers. Of one thread. */
#ifndef DASHSPOOL_FORWARD_INTERNAL_H
#define DASHSPOOL_FORWARD_INTERNAL_H

#include "dashspool/root.h"
#include "forward.h"

enum {
    HAND_MARKS = 64,   /* taken by the site, not marked here yet */
    HAND_CLEAR = 256,  /* to be cleared away together */
    HAND_EARLY = 1024, /* acknowledged before the site had them; those beyond go a day later */
    HAND_BAD = 64,     /* damaged; looked at again after HAND_BAD_US */
};
#define HAND_BAD_US (INT64_C(600) * 1000000)

struct hand_mark {
    int64_t key, lines; /* of its custody, that the site has */
};

struct hand {
    char *root;
    const struct forward_options *options;
    accept_stop_fn *stop;
    void *stop_arg;
    struct catalogue *catalogue; /* local; NULL: not open yet */
    struct raw *raw;
    struct root_id id;
    void *site; /* likewise */
    struct hand_mark mark[HAND_MARKS];
    size_t n_marks;
    int64_t clear[HAND_CLEAR], early[HAND_EARLY];
    size_t n_clear, n_early;
    struct {
        int64_t key, until_us;
    } bad[HAND_BAD];
    size_t n_bad;
    struct catalogue_transfer row; /* large */
};

struct hand_waiting {
    int64_t files, bytes, oldest_us;
};

int hand_open(struct hand *h, const char *root, const struct forward_options *options,
              accept_stop_fn *stop, void *stop_arg, struct err *err) DS_MUST_CHECK;
void hand_close(struct hand *h);

/* All is open. */
int hand_ready(struct hand *h, struct err *err) DS_MUST_CHECK;

/* Step 1 and 2. *taken false: there is nothing to do, or it is damaged. */
int hand_on(struct hand *h, int64_t key, bool *taken, struct err *err) DS_MUST_CHECK;

/* Step 3, of all that were taken. */
int hand_marks(struct hand *h, struct err *err) DS_MUST_CHECK;

/* Step 4: key is to go; all that are to go; what is old (*more: and there is more of it). */
int hand_heard(struct hand *h, int64_t key, struct err *err) DS_MUST_CHECK;
int hand_clear(struct hand *h, struct err *err) DS_MUST_CHECK;
int hand_clear_old(struct hand *h, bool *more, struct err *err) DS_MUST_CHECK;

/* The first of those that wait, and how much waits in all. */
int hand_list(struct hand *h, int64_t *keys, size_t room, size_t *n, struct hand_waiting *w,
              struct err *err) DS_MUST_CHECK;

#endif
