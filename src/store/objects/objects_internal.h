/* objects, inside: one request and its answer, tried until it is known how it went. */
#ifndef OBJECTS_INTERNAL_H
#define OBJECTS_INTERNAL_H

#include "answer.h"
#include "dashspool/buf.h"
#include "dashspool/objects.h"
#include "sigv4.h"
#include <curl/curl.h>
#include <sys/types.h>

enum {
    AT_ONCE = 8,                /* exchanges of one handle */
    HEADERS_MAX = 12,           /* a caller's own */
    ANSWER_BYTES_MAX = 4 << 20, /* a thousand keys of 1 kB, with what stands around them */
    HEAD_BYTES_MAX = 64 * 1024, /* of all header lines of an attempt */
    CONNECT_MS = 5000,
    STALL_S = 30,          /* so long it may stand still … */
    STALL_BYTES_S = 1000,  /* … that is, be slower than this */
    BYTES_MS = 16,         /* what may be expected of a transfer: 16 kB/s */
    SMALL_BYTES = 1 << 20, /* is sent without asking first whether it would be taken */
};

/* What the head of an answer said. */
struct head {
    int64_t length;                /* -1: nothing */
    int64_t range_from, range_end; /* of Content-Range, end exclusive; -1: none */
    int64_t date_us;               /* the store's time; 0: nothing */
    int64_t modified_us, retain_until_us, retry_after_ms;
    char etag[130], version[1030], sha256[HASH_HEX_ROOM], region[64];
};

struct exchange {
    /* ---- asked; all borrowed until it is done ---- */
    const char *method; /* GET HEAD PUT DELETE */
    const char *key;    /* below the site's prefix; NULL: the bucket */
    struct sigv4_pair query[6], headers[HEADERS_MAX];
    size_t n_query, n_headers;
    /* the body of a PUT */
    int fd;
    int64_t body_from, body_n;
    const void *body;
    const char *body_sha256; /* NULL: there is none */
    /* A GET of an object: where its bytes go, from which on, and how many (-1: to its end). NULL:
     * the body is for us, and put into `answer`. */
    objects_sink_fn *sink;
    void *arg;
    int64_t from, n;

    /* ---- the answer ---- */
    int rc;
    struct err err;
    long status; /* 0: none */
    struct head head;
    struct buf answer;
    struct answer_error error;
    int64_t total; /* of a GET: bytes of the whole object, once it is known */

    /* ---- the attempts ---- */
    struct exchange *next; /* of those that are at work in the handle */
    bool done;
    CURL *easy; /* NULL: waits until again_us */
    struct curl_slist *lines;
    int tries;
    int64_t again_us, give_up_us, attempt_until_us;
    int64_t sent, got; /* of this attempt; of all */
    size_t head_bytes;
    bool head_ended;  /* by its empty line */
    bool judged;      /* the head was looked at before the first byte of the body */
    bool broke, slow; /* a callback ended it: err says why */
    bool skew_tried, region_tried, keys_tried;
    char etag[130]; /* of the first attempt: later ones must be of the same object */
};

struct objects {
    const struct site *site;
    struct objects *idle; /* the next one that waits to be taken */
    pid_t pid;            /* whose connections these are */
    char where[800];      /* endpoint, bucket and prefix */
    char base[400], host[330], region[64];
    bool at_aws;
    CURLM *multi;
    struct exchange *active;
    int64_t patience_ms;
    int64_t clock_ahead_us, clock_seen_us; /* the store's before ours: as we sign; as it says */
    objects_stop_fn *stop;
    void *stop_arg;

    struct site_keys keys;
    bool has_keys;
    int64_t keys_until_us; /* 0: they have no end */

    bool no_condition; /* If-None-Match: not implemented */
    bool versions_known, versions;
    bool lock_known, lock;
};

/* Begins it; then objects_turn() until it is done. It stays where it is until then. */
void exchange_begin(struct objects *o, struct exchange *x);
/* Waits for something to happen, and does it. */
void objects_turn(struct objects *o);
/* All of it. x->rc, too. */
int exchange_run(struct objects *o, struct exchange *x, struct err *err) DS_MUST_CHECK;
/* Frees what it holds; ends it, if it is at work. */
void exchange_clear(struct objects *o, struct exchange *x);

/* PREFIX/key; "" stands for the prefix itself, with its slash. */
void objects_full_key(const struct objects *o, const char *key, char out[OBJECTS_KEY_ROOM + 202]);

/* Makes sure that there are credentials, which will do for some minutes; anew: others than these,
 * which were refused. *changed may be NULL. */
int objects_need_keys(struct objects *o, bool anew, bool *changed, struct err *err) DS_MUST_CHECK;

/* Whether a request fits the head of the answer, of which the body is about to come. */
int exchange_judge_head(struct exchange *x, struct err *err) DS_MUST_CHECK;
/* A header line, without its end. */
void head_take(struct head *head, const char *line, size_t n);

#endif
