#include "dashspool/objects.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "objects_internal.h"
#include <libxml/parser.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static int check_key(const char *key, struct err *err)
{
    return objects_key_ok(key)
               ? ERR_OK
               : err_set(err, ERR_MALFORMED, "'%.200s' is no key: a-z 0-9 / _ . - only", key);
}

/* ---- the handle ---- */

static pthread_once_t libraries = PTHREAD_ONCE_INIT;
static bool has_libraries;

static void init_libraries(void)
{
    xmlInitParser();
    has_libraries = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

int objects_open(struct objects **out, const struct site *site, struct err *err)
{
    const char *endpoint = site_endpoint(site), *host = strstr(endpoint, "://");
    *out = NULL;
    pthread_once(&libraries, init_libraries);
    struct objects *o = has_libraries ? calloc(1, sizeof *o) : NULL;
    if (!o)
        return err_nomem(err, "the S3 store");
    o->site = site;
    o->patience_ms = PATIENCE_MS;
    o->multi = curl_multi_init();
    snprintf(o->region, sizeof o->region, "%s", site_region(site));
    o->at_aws = !host;
    if (o->at_aws) { /* the bucket is in the name of the host, and its certificate is for that */
        snprintf(o->host, sizeof o->host, "%s.s3.%s.amazonaws.com", site_bucket(site), o->region);
        snprintf(o->base, sizeof o->base, "https://%s", o->host);
    } else { /* a port that goes without saying is not said in the header Host, either */
        bool secure = strncmp(endpoint, "https:", 6) == 0;
        const char *usual = secure ? ":443" : ":80";
        snprintf(o->host, sizeof o->host, "%s", host + 3);
        size_t n = strlen(o->host), m = strlen(usual);
        if (n > m && strcmp(o->host + n - m, usual) == 0)
            o->host[n - m] = '\0';
        snprintf(o->base, sizeof o->base, "%s://%s", secure ? "https" : "http", o->host);
    }
    if (!o->multi) {
        objects_close(&o);
        return err_nomem(err, "the S3 store");
    }
    *out = o;
    return ERR_OK;
}

void objects_close(struct objects **o)
{
    if (!*o)
        return;
    curl_multi_cleanup((*o)->multi);
    free(*o);
    *o = NULL;
}

void objects_patience(struct objects *o, int64_t ms)
{
    o->patience_ms = ms;
}

void objects_stop(struct objects *o, objects_stop_fn *stop, void *arg)
{
    o->stop = stop;
    o->stop_arg = arg;
}

/* ---- to the store ---- */

static void add_header(struct exchange *x, const char *name, const char *value)
{
    x->headers[x->n_headers++] = (struct sigv4_pair){name, value};
}

/* One object on its way: PUT, and where it was there already, a look at it. */
struct putting {
    struct objects_put *put; /* NULL: free */
    struct exchange x;
    bool conditional, looks;
    char until[CLOCK_TEXT_ROOM], checksum[48];
};

/* What it must have: base64 of the digest. A store wants it, or an MD5, where retention is set. */
static void base64_of_hex(const char *hex, char out[48])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char hexes[] = "0123456789abcdef";
    uint8_t b[HASH_BYTES + 1] = {0};
    for (int i = 0; i < HASH_BYTES; i++)
        b[i] = (uint8_t)((strchr(hexes, hex[2 * i]) - hexes) * 16 +
                         (strchr(hexes, hex[2 * i + 1]) - hexes));
    for (int i = 0, k = 0; i < HASH_BYTES + 1; i += 3) {
        unsigned v =
            (unsigned)b[i] << 16 | (unsigned)b[i + 1] << 8 | (i + 2 < HASH_BYTES ? b[i + 2] : 0u);
        out[k++] = digits[v >> 18];
        out[k++] = digits[v >> 12 & 63];
        out[k++] = digits[v >> 6 & 63];
        out[k++] = digits[v & 63];
        out[k] = '\0';
    }
    out[43] = '=';
}

static void begin_put(struct objects *o, struct putting *p, bool conditional)
{
    const struct objects_put *put = p->put;
    p->conditional = conditional;
    p->looks = false;
    p->x = (struct exchange){.method = "PUT",
                             .key = put->key,
                             .fd = put->fd,
                             .body_from = put->from,
                             .body_n = put->n,
                             .body = put->data,
                             .body_sha256 = put->sha256};
    add_header(&p->x, "x-amz-meta-sha256", put->sha256);
    if (conditional)
        add_header(&p->x, "if-none-match", "*");
    if (put->retain_until_us) {
        clock_rfc3339(put->retain_until_us, 0, p->until);
        base64_of_hex(put->sha256, p->checksum);
        add_header(&p->x, "x-amz-object-lock-mode", "COMPLIANCE");
        add_header(&p->x, "x-amz-object-lock-retain-until-date", p->until);
        add_header(&p->x, "x-amz-checksum-sha256", p->checksum);
    }
    exchange_begin(o, &p->x);
}

/* What came of it, or the next step. */
static void step_put(struct objects *o, struct putting *p)
{
    struct objects_put *put = p->put;
    struct exchange *x = &p->x;
    bool again = false;
    if (p->looks) {
        /* There, but not these bytes: one that was cut off, or damaged. Its key says what it must
         * be. */
        again =
            x->rc == ERR_NOTFOUND ||
            (x->rc == ERR_OK && (x->head.length != put->n || strcmp(x->head.sha256, put->sha256)));
    } else if (p->conditional && x->status == 412) {
        exchange_clear(o, x);
        p->looks = true;
        *x = (struct exchange){.method = "HEAD", .key = put->key};
        exchange_begin(o, x);
        return;
    } else if (p->conditional && x->rc == ERR_UNSUPPORTED) {
        o->no_condition = again = true;
    }
    put->rc = x->rc;
    put->err = x->err;
    exchange_clear(o, x);
    if (again)
        begin_put(o, p, false);
    else
        p->put = NULL;
}

static int check_put(const struct objects_put *put, struct err *err)
{
    char unimportant[OBJECTS_KEY_ROOM];
    int rc = check_key(put->key, err);
    if (rc == ERR_OK)
        rc = objects_key(unimportant, "x", put->sha256, "", err);
    if (rc == ERR_OK && put->n < 0)
        rc = err_set(err, ERR_MALFORMED, "%s: %lld bytes", put->key, (long long)put->n);
    return rc;
}

int objects_put_all(struct objects *o, struct objects_put *puts, size_t n, struct err *err)
{
    struct putting *p = calloc(AT_ONCE, sizeof *p);
    size_t next = 0, at_work;
    if (!p)
        return err_nomem(err, "storing %zu objects", n);
    do {
        at_work = 0;
        for (size_t i = 0; i < AT_ONCE; i++) {
            if (p[i].put && p[i].x.done)
                step_put(o, &p[i]);
            while (!p[i].put && next < n) {
                struct objects_put *put = &puts[next++];
                put->err = (struct err){0};
                if ((put->rc = check_put(put, &put->err)) < 0)
                    continue;
                p[i].put = put;
                begin_put(o, &p[i], put->by_content && !put->retain_until_us && !o->no_condition);
            }
            at_work += p[i].put != NULL;
        }
        if (at_work > 0)
            objects_turn(o);
    } while (at_work > 0);
    free(p);
    for (size_t i = 0; i < n; i++)
        if (puts[i].rc < 0) {
            *err = puts[i].err;
            return puts[i].rc;
        }
    return ERR_OK;
}

int objects_put(struct objects *o, const struct objects_put *put, struct err *err)
{
    struct objects_put one = *put;
    return objects_put_all(o, &one, 1, err);
}

/* Asked once a handle. A store that knows nothing of it may take PUT ?retention for a PUT of the
 * object, and has the question in its place then (Swift's s3api). */
static int must_have_lock(struct objects *o, struct err *err)
{
    struct exchange x = {.method = "GET", .query = {{"object-lock", ""}}, .n_query = 1};
    int rc = ERR_OK;
    if (!o->lock_known) {
        rc = exchange_run(o, &x, err);
        o->lock = rc == ERR_OK && answer_has_lock(buf_data(&x.answer), x.answer.used);
        if (rc == ERR_UNSUPPORTED || rc == ERR_NOTFOUND)
            rc = ERR_OK;
        exchange_clear(o, &x);
        o->lock_known = rc == ERR_OK;
    }
    if (rc == ERR_OK && !o->lock)
        rc = err_set(err, ERR_UNSUPPORTED, "S3 store %s: the bucket %s has no object lock", o->host,
                     site_bucket(o->site));
    return rc;
}

int objects_retain(struct objects *o, const char *key, int64_t until_us, struct err *err)
{
    char until[CLOCK_TEXT_ROOM], body[300], hex[HASH_HEX_ROOM], checksum[48];
    clock_rfc3339(until_us, 0, until);
    snprintf(body, sizeof body,
             "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
             "<Mode>COMPLIANCE</Mode><RetainUntilDate>%s</RetainUntilDate></Retention>",
             until);
    int rc = check_key(key, err);
    if (rc == ERR_OK)
        rc = must_have_lock(o, err);
    if (rc == ERR_OK)
        rc = hash_text(body, strlen(body), hex, err);
    if (rc < 0)
        return rc;
    base64_of_hex(hex, checksum);
    struct exchange x = {.method = "PUT",
                         .key = key,
                         .query = {{"retention", ""}},
                         .n_query = 1,
                         .body = body,
                         .body_n = (int64_t)strlen(body),
                         .body_sha256 = hex};
    add_header(&x, "x-amz-checksum-sha256", checksum);
    rc = exchange_run(o, &x, err);
    exchange_clear(o, &x);
    return rc;
}

/* ---- from the store ---- */

int objects_head(struct objects *o, const char *key, struct objects_facts *out, struct err *err)
{
    struct exchange x = {.method = "HEAD", .key = key};
    *out = (struct objects_facts){0};
    int rc = check_key(key, err);
    if (rc < 0)
        return rc;
    rc = exchange_run(o, &x, err);
    if (rc == ERR_OK && x.head.length < 0)
        rc = err_set(err, ERR_MALFORMED, "the store does not say how long %s is", key);
    if (rc == ERR_OK)
        *out = (struct objects_facts){.bytes = x.head.length,
                                      .modified_us = x.head.modified_us,
                                      .retain_until_us = x.head.retain_until_us};
    if (rc == ERR_OK)
        memcpy(out->sha256, x.head.sha256, sizeof out->sha256);
    exchange_clear(o, &x);
    return rc;
}

int objects_get(struct objects *o, const char *key, int64_t from, int64_t n, objects_sink_fn *sink,
                void *arg, struct err *err)
{
    struct exchange x = {
        .method = "GET", .key = key, .sink = sink, .arg = arg, .from = from, .n = n};
    int rc = check_key(key, err);
    if (rc < 0 || n == 0)
        return rc;
    rc = exchange_run(o, &x, err);
    exchange_clear(o, &x);
    return rc;
}

struct filing {
    int fd;
    struct hash *hash;
};

static int to_file(void *arg, const void *data, size_t n, struct err *err)
{
    const struct filing *f = arg;
    hash_update(f->hash, data, n);
    return fsx_write_all(f->fd, data, n, err);
}

int objects_get_file(struct objects *o, const char *key, int fd, const char *sha256,
                     struct err *err)
{
    struct filing f = {fd, NULL};
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM] = "";
    off_t begin = lseek(fd, 0, SEEK_CUR);
    if (begin < 0)
        return err_sys(err, "fetch %s", key);
    int rc = hash_new(&f.hash, err);
    for (int i = 0; rc == ERR_OK && i < 2 && strcmp(hex, sha256) != 0; i++) {
        if (lseek(fd, begin, SEEK_SET) < 0 || ftruncate(fd, begin) < 0)
            rc = err_sys(err, "fetch %s", key);
        if (rc == ERR_OK)
            rc = objects_get(o, key, 0, -1, to_file, &f, err);
        if (rc == ERR_OK)
            rc = hash_final(f.hash, digest, err);
        if (rc == ERR_OK)
            hash_hex(digest, hex);
    }
    if (rc == ERR_OK && strcmp(hex, sha256) != 0)
        rc = err_set(err, ERR_MALFORMED,
                     "S3 store %s: %s is damaged: its SHA-256 is %s instead of %s", o->host, key,
                     hex, sha256);
    hash_free(&f.hash);
    return rc;
}
