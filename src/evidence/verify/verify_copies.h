/*
 * verify_copies: the masters of a package and what was made of each. verify_copies.c looks into
 * both kinds of film, verify_reproduce.c makes the copies again.
 */
#ifndef EXPORT_VERIFY_COPIES_H
#define EXPORT_VERIFY_COPIES_H

#include "dashspool/confine.h"
#include "dashspool/custody.h"
#include "verify_extract.h"

enum {
    CLIP_RECIPES_MAX = 8, /* ways in which the copies of one master were made */
    CLIP_WHY_ROOM = 400,
    CLIP_NAMES_ROOM = 600,
};

struct clip {
    char id[CUSTODY_ID_ROOM];
    struct file *master, *facts; /* NULL: it is not there; the facts are its .json */
    bool two_masters;
    bool partial; /* the master is <id>.partial.<…>, and so are its copies */

    /* same pictures */
    struct file *working;
    char master_slices[HASH_HEX_ROOM], working_slices[HASH_HEX_ROOM]; /* "" not read */
    int64_t pictures;

    /* reproduction; texts are "" where there is nothing to say */
    char *recipe[CLIP_RECIPES_MAX];
    int n_recipes;
    int64_t largest_bytes;       /* of the copies that have one */
    char why_not[CLIP_WHY_ROOM]; /* no recipe, or none that can be followed: why */
    char failed[CLIP_WHY_ROOM];  /* why one could not be followed, though it should */
    char excuse[CLIP_WHY_ROOM];  /* why other bytes are no wonder */
    char others[CLIP_NAMES_ROOM], excused[CLIP_NAMES_ROOM]; /* names of copies that differ */
    int n_copies, n_same, n_others, n_excused;
};

struct copies {
    struct verify *v;
    struct extract *extract;
    struct clip *clip; /* by id */
    size_t n;
};

/* The clip that a file belongs to by its name, data/<folder>/<id>.<…>; NULL: to none. */
struct clip *copies_clip(const struct copies *c, const char *name);

/* Waits for a child, as long as nobody stops us. */
int copies_wait(struct confine *child, struct err *err) DS_MUST_CHECK;

/* A child's error without the name of our private file in front. */
const char *copies_reason(const struct err *err, const char *path);

/* verify_reproduce.c: reads the recipes, one .json each; follows those of a master; tells. */
int reproduce_read_recipes(struct copies *c, struct err *err) DS_MUST_CHECK;
int reproduce_clip(struct copies *c, struct clip *clip, const char *path,
                   struct err *err) DS_MUST_CHECK;
void reproduce_tell(struct copies *c);

#endif
