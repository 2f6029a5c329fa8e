/* Lists of objects, and deleting, which is one of versions where the bucket keeps them. */
#include "dashspool/clock.h"
#include "objects_internal.h"
#include <stdio.h>
#include <string.h>

enum { EMPTY_PAGES_MAX = 1000, ROUNDS_MAX = 1000 };

/* ---- a list, page by page ---- */

struct listing {
    struct objects *o;
    objects_list_fn *fn;
    void *arg;
    const char *prefix; /* the whole, of the site too */
    size_t cut;         /* what of a key no caller sees */
    char last[ANSWER_TEXT_ROOM];
    size_t in_page;
};

/* Order and prefix are promised; a store that breaks that could lead us in a circle. */
static int on_entry(void *arg, const struct answer_entry *entry, struct err *err)
{
    struct listing *l = arg;
    if (strncmp(entry->key, l->prefix, strlen(l->prefix)) != 0 || strcmp(entry->key, l->last) <= 0)
        return err_set(err, ERR_MALFORMED, "S3 store %s: its list of %s is out of order",
                       l->o->host, l->prefix);
    snprintf(l->last, sizeof l->last, "%s", entry->key);
    l->in_page++;
    const char *key = entry->key + l->cut;
    return objects_key_ok(key) ? l->fn(l->arg, key, entry->bytes, entry->modified_us, err) : ERR_OK;
}

int objects_list(struct objects *o, const char *prefix, const char *after, objects_list_fn *fn,
                 void *arg, struct err *err)
{
    char full[OBJECTS_KEY_ROOM + 202], behind[OBJECTS_KEY_ROOM + 202], none[OBJECTS_KEY_ROOM + 202];
    char token[ANSWER_TEXT_ROOM] = "", next[ANSWER_TEXT_ROOM] = "";
    int rc = ERR_OK, empty_pages = 0;
    if (strlen(prefix) >= OBJECTS_KEY_ROOM || strlen(after) >= OBJECTS_KEY_ROOM)
        return err_set(err, ERR_MALFORMED, "'%.200s' begins no key", prefix);
    objects_full_key(o, prefix, full);
    objects_full_key(o, after, behind);
    objects_full_key(o, "", none);
    struct listing l = {.o = o, .fn = fn, .arg = arg, .prefix = full, .cut = strlen(none)};
    do {
        struct exchange x = {
            .method = "GET", .query = {{"list-type", "2"}, {"prefix", full}}, .n_query = 2};
        if (token[0])
            x.query[x.n_query++] = (struct sigv4_pair){"continuation-token", token};
        else if (after[0])
            x.query[x.n_query++] = (struct sigv4_pair){"start-after", behind};
        l.in_page = 0;
        rc = exchange_run(o, &x, err);
        if (rc == ERR_OK)
            rc = answer_list(buf_data(&x.answer), x.answer.used, on_entry, &l, next, err);
        exchange_clear(o, &x);
        empty_pages = l.in_page > 0 ? 0 : empty_pages + 1;
        if (rc == ERR_OK && next[0] && empty_pages > EMPTY_PAGES_MAX)
            rc = err_set(err, ERR_MALFORMED, "S3 store %s: its list has no end", o->host);
        memcpy(token, next, sizeof token);
    } while (rc == ERR_OK && token[0]);
    return rc;
}

/* ---- deleting ---- */

static int delete_one(struct objects *o, const char *key, const char *version, long *status,
                      struct err *err)
{
    struct exchange x = {.method = "DELETE", .key = key};
    if (version)
        x.query[x.n_query++] = (struct sigv4_pair){"versionId", version};
    int rc = exchange_run(o, &x, err);
    *status = x.status;
    exchange_clear(o, &x);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* Whether that is why it may not be deleted. */
static bool is_retained(struct objects *o, const char *key, const char *version)
{
    struct err unimportant;
    struct exchange x = {
        .method = "HEAD", .key = key, .query = {{"versionId", version}}, .n_query = 1};
    bool is = exchange_run(o, &x, &unimportant) == ERR_OK &&
              x.head.retain_until_us > clock_utc_us() + o->clock_ahead_us;
    exchange_clear(o, &x);
    return is;
}

struct deleting {
    struct objects *o;
    const char *key;
    char full[OBJECTS_KEY_ROOM + 202];
    size_t n;
};

static int delete_version(void *arg, const struct answer_entry *entry, struct err *err)
{
    struct deleting *d = arg;
    long status = 0;
    if (strcmp(entry->key, d->full) != 0) /* one of which the name begins so */
        return ERR_OK;
    if (!entry->version[0])
        return err_set(err, ERR_MALFORMED, "S3 store %s: a version of %s has no name", d->o->host,
                       d->key);
    d->n++;
    int rc = delete_one(d->o, d->key, entry->version, &status, err);
    if (rc < 0 && status == 403 && is_retained(d->o, d->key, entry->version))
        rc = err_set(err, ERR_BUSY, "S3 store %s: %s is kept by object lock", d->o->host, d->key);
    return rc;
}

static int delete_versions(struct objects *o, const char *key, struct err *err)
{
    struct deleting d = {.o = o, .key = key};
    char next[ANSWER_TEXT_ROOM];
    int rc, rounds = 0;
    objects_full_key(o, key, d.full);
    do { /* a page has a thousand; what is deleted is not in the next one */
        struct exchange x = {
            .method = "GET", .query = {{"versions", ""}, {"prefix", d.full}}, .n_query = 2};
        d.n = 0;
        rc = exchange_run(o, &x, err);
        if (rc == ERR_OK)
            rc = answer_list(buf_data(&x.answer), x.answer.used, delete_version, &d, next, err);
        exchange_clear(o, &x);
        if (rc == ERR_OK && d.n > 0 && ++rounds == ROUNDS_MAX)
            rc = err_set(err, ERR_MALFORMED, "S3 store %s: %s stays, however often it is deleted",
                         o->host, key);
    } while (rc == ERR_OK && d.n > 0);
    return rc;
}

/* Asked once a handle. */
static int has_versions(struct objects *o, bool *out, struct err *err)
{
    struct exchange x = {.method = "GET", .query = {{"versioning", ""}}, .n_query = 1};
    int rc = ERR_OK;
    if (!o->versions_known) {
        rc = exchange_run(o, &x, err);
        if (rc == ERR_OK)
            rc = answer_versioning(buf_data(&x.answer), x.answer.used, &o->versions, err);
        else if (rc == ERR_UNSUPPORTED || rc == ERR_NOTFOUND)
            rc = ERR_OK; /* a store that knows no versions */
        exchange_clear(o, &x);
        o->versions_known = rc == ERR_OK;
    }
    *out = o->versions;
    return rc;
}

int objects_delete(struct objects *o, const char *key, struct err *err)
{
    bool versions = false;
    long status;
    if (!objects_key_ok(key))
        return err_set(err, ERR_MALFORMED, "'%.200s' is no key", key);
    int rc = has_versions(o, &versions, err);
    if (rc < 0)
        return rc;
    return versions ? delete_versions(o, key, err) : delete_one(o, key, NULL, &status, err);
}
