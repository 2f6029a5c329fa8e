/* What a store can do, which is not always what it says: by trying. */
#include "dashspool/clock.h"
#include "objects_internal.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define FOLDER    "probe/"
#define SECOND_US INT64_C(1000000)

enum {
    LOCKED_S =
        60, /* the least that a store may take for a time to come, by a clock that is wrong */
    LEFT_S = 24 * 3600 /* what another node has put there is not ours to delete so soon */
};

struct probe {
    struct objects *o;
    char name[40]; /* of this probe: no other's */
    bool listed;
};

static int put_text(struct probe *p, const char *key, const char *text, const char *sha256,
                    int64_t until_us, struct err *err)
{
    char hex[HASH_HEX_ROOM];
    int rc = hash_text(text, strlen(text), hex, err);
    const struct objects_put put = {.key = key,
                                    .fd = -1,
                                    .data = text,
                                    .n = (int64_t)strlen(text),
                                    .sha256 = sha256 ? sha256 : hex,
                                    .retain_until_us = until_us};
    return rc < 0 ? rc : objects_put(p->o, &put, err);
}

static int take_text(void *arg, const void *data, size_t n, struct err *err)
{
    char *text = arg;
    size_t used = strlen(text);
    if (used + n >= 64)
        return err_set(err, ERR_MALFORMED, "another object than was put");
    memcpy(text + used, data, n);
    text[used + n] = '\0';
    return ERR_OK;
}

static int must_have(struct probe *p, const char *key, const char *expected, bool *has,
                     struct err *err)
{
    char text[64] = "";
    int rc = objects_get(p->o, key, 0, -1, take_text, text, err);
    *has = rc == ERR_OK && strcmp(text, expected) == 0;
    return rc;
}

/* PUT of other bytes where something is already, only if nothing is. */
static int try_condition(struct probe *p, const char *key, bool *out, struct err *err)
{
    static const char other[] = "two";
    char hex[HASH_HEX_ROOM];
    *out = false;
    int rc = hash_text(other, 3, hex, err);
    if (rc < 0)
        return rc;
    struct exchange x = {.method = "PUT",
                         .key = key,
                         .headers = {{"if-none-match", "*"}},
                         .n_headers = 1,
                         .body = other,
                         .body_n = 3,
                         .body_sha256 = hex};
    rc = exchange_run(p->o, &x, err);
    bool refused = x.status == 412;
    exchange_clear(p->o, &x);
    if (refused)
        return must_have(p, key, "one", out, err);
    return rc < 0 && err_is_temporary(rc) ? rc : ERR_OK;
}

static int try_hash(struct probe *p, bool *out, struct err *err)
{
    char key[80], hex[HASH_HEX_ROOM];
    snprintf(key, sizeof key, FOLDER "%s-hash", p->name);
    int rc = hash_text("other", 5, hex, err);
    if (rc == ERR_OK)
        rc = put_text(p, key, "one", hex, 0, err);
    *out = rc == ERR_MALFORMED;
    if (rc == ERR_OK)
        rc = objects_delete(p->o, key, err);
    return rc < 0 && err_is_temporary(rc) ? rc : ERR_OK;
}

static int try_lock(struct probe *p, enum objects_lock *out, struct err *err)
{
    char key[80];
    snprintf(key, sizeof key, FOLDER "%s-lock", p->name);
    int64_t until_us = clock_utc_us() + p->o->clock_seen_us + LOCKED_S * SECOND_US;
    int rc = put_text(p, key, "one", NULL, until_us, err);
    *out = OBJECTS_LOCK_NONE;
    if (rc < 0)
        return err_is_temporary(rc) ? rc : ERR_OK;
    rc = objects_delete(p->o, key, err);
    *out = rc == ERR_BUSY ? OBJECTS_LOCK_WORKS : OBJECTS_LOCK_LIES;
    return rc == ERR_BUSY ? ERR_OK : rc;
}

/* Ours must be in the list, and what was locked once goes now. */
static int on_listed(void *arg, const char *key, int64_t bytes, int64_t modified_us,
                     struct err *err)
{
    struct probe *p = arg;
    struct err unimportant;
    (void)bytes;
    (void)err;
    bool ours = strncmp(key + strlen(FOLDER), p->name, strlen(p->name)) == 0;
    p->listed = p->listed || ours;
    if (!ours && modified_us < clock_utc_us() + p->o->clock_seen_us - LEFT_S * SECOND_US &&
        objects_delete(p->o, key, &unimportant) < 0)
        return ERR_OK; /* locked still; the next one tries again */
    return ERR_OK;
}

int objects_probe(struct objects *o, struct objects_can *out, struct err *err)
{
    struct probe p = {.o = o};
    char key[80];
    uint8_t chance[8];
    bool has = false;
    *out = (struct objects_can){0};
    if (getrandom(chance, sizeof chance, 0) != sizeof chance)
        return err_sys(err, "chance");
    hash_hex_bytes(chance, sizeof chance, p.name, sizeof p.name);
    snprintf(key, sizeof key, FOLDER "%s", p.name);
    int rc = put_text(&p, key, "one", NULL, 0, err);
    if (rc < 0)
        return rc;
    out->clock_ahead_ms = o->clock_seen_us / 1000;
    rc = must_have(&p, key, "one", &has, err);
    if (rc == ERR_OK && !has)
        rc = err_set(err, ERR_MALFORMED, "S3 store %s: what is read is not what was put", o->host);
    if (rc == ERR_OK)
        rc = try_condition(&p, key, &out->if_none_match, err);
    if (rc == ERR_OK)
        rc = try_hash(&p, &out->refuses_wrong_hash, err);
    if (rc == ERR_OK)
        rc = try_lock(&p, &out->lock, err);
    if (rc == ERR_OK)
        rc = objects_list(o, FOLDER, "", on_listed, &p, err);
    if (rc == ERR_OK && !p.listed)
        rc = err_set(err, ERR_MALFORMED, "S3 store %s: what was put is in no list", o->host);
    struct err unimportant;
    int deleted = objects_delete(o, key, rc < 0 ? &unimportant : err);
    out->keeps_versions = o->versions;
    return rc < 0 ? rc : deleted;
}

const char *objects_can_text(const struct objects_can *can, char out[OBJECTS_CAN_ROOM])
{
    static const char *const locks[] = {
        [OBJECTS_LOCK_NONE] = "has no object lock: protected footage is kept by this program alone",
        [OBJECTS_LOCK_LIES] = "accepts object lock, and deletes all the same: it protects nothing",
        [OBJECTS_LOCK_WORKS] = "has object lock: nobody deletes what it retains",
    };
    snprintf(out, OBJECTS_CAN_ROOM, "%s\n%s\n%s\n%s\n",
             can->refuses_wrong_hash
                 ? "refuses bytes that are not those of their hash"
                 : "takes bytes that are not those of their hash: damage on the way is found later",
             can->if_none_match ? "does not replace what is there, if it is told so"
                                : "replaces what is there, whatever it is told",
             can->keeps_versions ? "keeps versions, which are deleted one by one"
                                 : "keeps no versions",
             locks[can->lock]);
    return out;
}
