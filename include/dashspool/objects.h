/*
 * objects: the S3 store of a site: bytes by key.
 *
 * Keys are below the site's prefix, which no caller sees, of [a-z0-9/_.-]:
 *
 *     masters/<2 hex>/<sha256>         an original; what reindex needs of it is beside it, .json
 *     copies/<2 hex>/<sha256>          a copy
 *     packages/<name>
 *
 * The calls block. Each tries again, at growing intervals, what may go better the next time (no
 * answer, 5xx, 429, 408, 409), until its patience is over, and then fails as ERR_IO or ERR_BUSY:
 * temporary. What the store refuses for good fails at once: ERR_CONFIG (keys, rights, bucket),
 * ERR_NOTFOUND, ERR_MALFORMED (bytes that are not those of the hash; an answer that is none).
 * Whether a PUT that failed was done nobody knows: PUT it again, under the same key.
 *
 * Nothing in memory grows with an object. The store is not believed: answers are bounded, and no
 * redirect is followed. One handle is one thread's; it may be used in callbacks of its own only
 * where that is said.
 */
#ifndef DASHSPOOL_OBJECTS_H
#define DASHSPOOL_OBJECTS_H

#include "dashspool/err.h"
#include "dashspool/hash.h"
#include "dashspool/site.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OBJECTS_KEY_ROOM 512

struct objects;

/* Reads the credentials (site_keys(), else those of the instance, when the first request needs
 * them), connects to nothing. The site is borrowed until objects_close(). */
int objects_open(struct objects **out, const struct site *site, struct err *err) DS_MUST_CHECK;
void objects_close(struct objects **o);

/* One of site_used() that nobody uses just now, or a new one, for a call or two; then back with it:
 * its connections stay open. Any thread, any process. *o NULL is fine to give. */
int objects_take(struct objects **out, struct err *err) DS_MUST_CHECK;
void objects_give(struct objects **o);

/* How long a call may take until it gives up, besides what its bytes need at 16 kB/s: 60 s. */
void objects_patience(struct objects *o, int64_t ms);

/* Asked now and then while a call waits, and ends it as ERR_AGAIN if it says so. */
typedef bool objects_stop_fn(void *arg);
void objects_stop(struct objects *o, objects_stop_fn *stop, void *arg);

/* "<folder>/<2 hex>/<sha256>" and what comes behind it, "". ERR_MALFORMED: that is no hash. */
int objects_key(char out[OBJECTS_KEY_ROOM], const char *folder, const char *sha256,
                const char *suffix, struct err *err) DS_MUST_CHECK;
bool objects_key_ok(const char *key);

/* ---- to the store ---- */

struct objects_put {
    const char *key;
    int fd; /* n bytes from offset `from` on; read by pread(2) */
    int64_t from;
    const void *data; /* instead of fd, if it is not NULL */
    int64_t n;
    const char *sha256; /* of those bytes: the store refuses others */

    /* The key names these bytes: if it is there already, with the right length and hash, that is
     * fine and nothing is sent, where the store can do that. */
    bool by_content;
    int64_t retain_until_us; /* object lock, compliance; 0: none */

    /* How it went, with objects_put_all(). */
    int rc;
    struct err err;
};

int objects_put(struct objects *o, const struct objects_put *put, struct err *err) DS_MUST_CHECK;

/* Several at once, eight at a time; each has its rc and err. Returns the first that is not
 * ERR_OK. */
int objects_put_all(struct objects *o, struct objects_put *puts, size_t n,
                    struct err *err) DS_MUST_CHECK;

/* It is not deleted by anybody until then (object lock, compliance). ERR_UNSUPPORTED: the bucket
 * has no object lock. A later time may follow, an earlier one is refused. */
int objects_retain(struct objects *o, const char *key, int64_t until_us,
                   struct err *err) DS_MUST_CHECK;

/* Deletes it, where the bucket keeps versions all of them; one that is not there is fine. ERR_BUSY:
 * the store keeps it, by object lock. */
int objects_delete(struct objects *o, const char *key, struct err *err) DS_MUST_CHECK;

/* ---- from the store ---- */

struct objects_facts {
    int64_t bytes, modified_us;
    char sha256[HASH_HEX_ROOM]; /* what was said when it was put; "": nothing */
    int64_t retain_until_us;    /* 0: not retained, or the store does not tell */
};
int objects_head(struct objects *o, const char *key, struct objects_facts *out,
                 struct err *err) DS_MUST_CHECK;

/* Hands on n bytes from offset `from` on, in order and each once; n -1: to its end. What lies
 * behind the end is ERR_LIMIT. An error of the sink ends it, and is returned. The sink may not use
 * o. */
typedef int objects_sink_fn(void *arg, const void *data, size_t n, struct err *err);
int objects_get(struct objects *o, const char *key, int64_t from, int64_t n, objects_sink_fn *sink,
                void *arg, struct err *err) DS_MUST_CHECK;

/* The whole, to where fd stands. ERR_MALFORMED: it has another hash, and had it twice. */
int objects_get_file(struct objects *o, const char *key, int fd, const char *sha256,
                     struct err *err) DS_MUST_CHECK;

/* All keys that begin with prefix, behind `after` (""), in the order of their bytes; others' keys
 * that no caller could name are left out. fn may use o, and ends it by an error. */
typedef int objects_list_fn(void *arg, const char *key, int64_t bytes, int64_t modified_us,
                            struct err *err);
int objects_list(struct objects *o, const char *prefix, const char *after, objects_list_fn *fn,
                 void *arg, struct err *err) DS_MUST_CHECK;

/* ---- what it can do ---- */

enum objects_lock {
    OBJECTS_LOCK_NONE, /* refused: the bucket is not made for it */
    OBJECTS_LOCK_LIES, /* accepted, and then deleted all the same */
    OBJECTS_LOCK_WORKS,
};
struct objects_can {
    bool if_none_match;      /* a PUT that must not replace does not */
    bool refuses_wrong_hash; /* the store checks what arrives */
    bool keeps_versions;
    enum objects_lock lock;
    int64_t clock_ahead_ms; /* the store's, of ours; to the second */
};

/* Asks by trying, with objects of a few bytes in PREFIX/probe/, which it deletes; what is locked
 * goes the next time. ERR_*: it cannot even put, get, list and delete. */
int objects_probe(struct objects *o, struct objects_can *out, struct err *err) DS_MUST_CHECK;

#define OBJECTS_CAN_ROOM 400
/* As people read it, one sentence a line. Returns out. */
const char *objects_can_text(const struct objects_can *can, char out[OBJECTS_CAN_ROOM]);

#endif
