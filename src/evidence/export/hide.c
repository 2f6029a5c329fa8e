#define _GNU_SOURCE /* strcasestr */
/* Facts that are hidden of a redacted package: what of a transfer, of its files of facts and of its
 * custody is shown, and under which name. */
#include "dashspool/custody.h"
#include "dashspool/fsx.h"
#include "package_internal.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIAS_ROOM 16 /* of an IMEI */

/* ---- other names ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int hide_init(struct hide *h, unsigned what, const struct package *p, struct err *err)
{
    struct catalogue_transfer t;
    int rc = ERR_OK;
    *h = (struct hide){.what = what};
    for (size_t i = 0;
         rc == ERR_OK && what & (CONVERT_HIDE_IMEI | CONVERT_HIDE_DRIVER) && i < p->request->n;
         i++) {
        rc = catalogue_transfer_get(p->catalogue, p->request->ids[i], &t, err);
        if (rc == ERR_OK && what & CONVERT_HIDE_DRIVER && t.driver[0])
            rc = fsx_names_add(&h->drivers, t.driver, err);
        bool there = rc < 0 || !(what & CONVERT_HIDE_IMEI) ||
                     strcmp(t.imei, CATALOGUE_IMEI_UNKNOWN) == 0 || !t.imei[0];
        for (size_t k = 0; !there && k < h->imeis.n; k++)
            there = strcmp(h->imeis.name[k], t.imei) == 0;
        if (!there)
            rc = fsx_names_add(&h->imeis, t.imei, err);
    }
    if (h->imeis.n > 1) /* whatever the order in which they were asked for */
        qsort(h->imeis.name, h->imeis.n, sizeof *h->imeis.name, by_text);
    return rc;
}

void hide_clear(struct hide *h)
{
    fsx_names_clear(&h->imeis);
    fsx_names_clear(&h->drivers);
}

/* The length of an IMEI at this place, the longest that fits, and its alias; 0: there is none. */
static size_t imei_at(const struct hide *h, const char *at, char alias[ALIAS_ROOM])
{
    size_t longest = 0;
    for (size_t i = 0; i < h->imeis.n; i++) {
        size_t n = strlen(h->imeis.name[i]);
        if (n <= longest || strncmp(at, h->imeis.name[i], n) != 0)
            continue;
        longest = n;
        snprintf(alias, ALIAS_ROOM, "tracker-%zu", i + 1);
    }
    return longest;
}

int hide_text(const struct hide *h, const char *text, char **out, struct err *err)
{
    char alias[ALIAS_ROOM], *to = *out = malloc(strlen(text) + 1);
    if (!to)
        return err_nomem(err, "a text");
    while (*text) {
        size_t n = imei_at(h, text, alias);
        if (n == 0) {
            *to++ = *text++;
            continue;
        }
        memcpy(to, alias, strlen(alias)); /* which is shorter than an IMEI's 14 digits */
        to += strlen(alias);
        text += n;
    }
    *to = '\0';
    return ERR_OK;
}

static int rename_text(const struct hide *h, char *text, size_t room, struct err *err)
{
    char *shown = NULL;
    int rc = hide_text(h, text, &shown, err);
    if (rc == ERR_OK)
        snprintf(text, room, "%s", shown);
    free(shown);
    return rc;
}

int hide_transfer(const struct hide *h, struct catalogue_transfer *t, struct err *err)
{
    if (h->what & CONVERT_HIDE_POSITION) {
        t->known &= ~(unsigned)CATALOGUE_POSITION_OK;
        t->lat_deg = t->lon_deg = 0;
    }
    if (h->what & CONVERT_HIDE_DRIVER) {
        t->known &= ~(unsigned)CATALOGUE_DRIVER_OK;
        t->driver[0] = '\0';
    }
    if (h->what & CONVERT_HIDE_SOURCE)
        snprintf(t->peer, sizeof t->peer, "hidden");
    int rc = rename_text(h, t->id, sizeof t->id, err);
    return rc < 0 ? rc : rename_text(h, t->imei, sizeof t->imei, err);
}

/* ---- files of facts ---- */

static void drop_fact(json_t *o, const char *key)
{
    json_t *metadata = json_object_get(o, "metadata");
    json_object_del(metadata, key);
    json_object_del(json_object_get(metadata, "untrusted"), key);
}

static void drop_peers(json_t *transfer)
{
    size_t i;
    json_t *connection;
    json_object_del(transfer, "peer");
    json_array_foreach(json_object_get(transfer, "connections"), i, connection)
        json_object_del(connection, "peer");
}

int hide_json(const struct hide *h, char **text, struct err *err)
{
    /* neither what the wire said, byte for byte, nor the store's copies: they are of the whole */
    json_t *o = json_loads(*text, 0, NULL), *hidden = json_array();
    json_object_del(o, "wire");
    json_object_del(o, "copies");
    if (h->what & CONVERT_HIDE_POSITION)
        drop_fact(o, "position");
    if (h->what & CONVERT_HIDE_DRIVER)
        drop_fact(o, "driver");
    if (h->what & CONVERT_HIDE_SOURCE) {
        drop_peers(json_object_get(o, "transfer"));
        json_object_del(json_object_get(o, "file"), "path");
        json_object_del(json_object_get(o, "file"), "modified");
    }
    for (int i = 0; i < CONVERT_N_HIDES; i++)
        if (h->what & 1u << i)
            json_array_append_new(hidden, json_string(convert_hide_name(i)));
    if (h->what)
        json_object_set(o, "hidden", hidden);
    json_decref(hidden);
    free(*text);
    *text = NULL;
    char *whole = o ? json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) : NULL;
    int rc = whole ? hide_text(h, whole, text, err) : err_nomem(err, "JSON");
    free(whole);
    json_decref(o);
    return rc;
}

/* ---- custody ---- */

/* What somebody wrote may say anything. */
#define WORDS \
    (CONVERT_HIDE_POSITION | CONVERT_HIDE_IMEI | CONVERT_HIDE_DRIVER | CONVERT_HIDE_SOURCE)

/* Members of `what` that tell nothing of what is hidden. What is not here, because it is new or by
 * which a copy or a fact could be guessed and then be confirmed, is withheld. */
static const struct {
    const char *key;
    unsigned tells; /* enum convert_hide: with one of these it is withheld, too */
} shown_members[] = {
    {"from", CONVERT_HIDE_SOURCE},
    {"modified", CONVERT_HIDE_SOURCE},
    {"ending", 0},
    {"from_sha256", 0},
    {"copy", 0},
    {"state", 0},
    {"stage", 0},
    {"failed", CONVERT_HIDE_SOURCE},
    {"why", CONVERT_HIDE_SOURCE},
    {"by", CONVERT_HIDE_SOURCE},
    {"what", 0},
    {"package", WORDS},
    {"for_job", 0},
    {"full_tagmanifest_sha256", 0},
    {"reason", WORDS},
    {"reasons", WORDS},
    {"request", 0},
    {"asked", 0},
    {"by_order", 0},
    {"not_known", 0},
    {"protocol_id", 0},
    {"have_bytes", 0},
    {"connections", 0},
    {"copies", 0},
    {"partial", 0},
    {"redacted", 0},
    {"no_sound", 0},
    {"hidden", 0},
    {"masks", 0},
    {"source", 0},
    {"arrived", 0},
    {"completed", 0},
    {"packets", 0},
    {"crc_errors", 0},
    {"resumes", 0},
    {"bytes_lost", 0},
    {"duplicates", 0},
    {"first_packet", 0},
    {"peer", CONVERT_HIDE_SOURCE},
    {"facts.lat", CONVERT_HIDE_POSITION},
    {"facts.lon", CONVERT_HIDE_POSITION},
    {"facts.driver", CONVERT_HIDE_DRIVER},
    {"facts", 0}, /* all others */
    {"changes", WORDS},
};

struct keeping {
    const struct hide *h;
    const char *full_sha256;
};

/* A driver may have handled the recording, too. */
static bool names_driver(const struct hide *h, const char *who)
{
    for (size_t i = 0; who && i < h->drivers.n; i++)
        if (strcasestr(who, h->drivers.name[i]))
            return true;
    return false;
}

static bool keep_member(void *arg, enum custody_kind kind, const char *key, const char *text)
{
    const struct keeping *k = arg;
    bool of_copy = kind == CUSTODY_CONVERTED || kind == CUSTODY_COPY_DELETED;
    bool of_original = kind == CUSTODY_STORED || kind == CUSTODY_REINDEXED ||
                       kind == CUSTODY_DELETED || kind == CUSTODY_REPAIRED;
    if (strcmp(key, "who") == 0 || strcmp(key, "told_by") == 0)
        return !names_driver(k->h, text);
    if (strcmp(key, "sha256") == 0)
        return of_original;
    if (strcmp(key, "length_bytes") == 0)
        return !of_copy;
    if (strcmp(key, "path") == 0) /* of a file that was imported */
        return kind == CUSTODY_RECEIVED && !(k->h->what & CONVERT_HIDE_SOURCE);
    if (strcmp(key, "tagmanifest_sha256") == 0)
        return text && strcmp(text, k->full_sha256) == 0;
    for (size_t i = 0; i < sizeof shown_members / sizeof *shown_members; i++) {
        size_t n = strlen(shown_members[i].key);
        if (strncmp(shown_members[i].key, key, n) == 0 && (key[n] == '\0' || key[n] == '.'))
            return !(shown_members[i].tells & k->h->what);
    }
    return false;
}

int hide_custody(const struct hide *h, const char *full_sha256, const char *line,
                 char last[CUSTODY_LINE_ROOM], struct err *err)
{
    struct keeping k = {h, full_sha256};
    char *shown = NULL, told[CUSTODY_LINE_ROOM];
    int rc = hide_text(h, line, &shown, err);
    if (rc == ERR_OK)
        rc =
            custody_retell(told, shown, strlen(shown), last[0] ? last : NULL, keep_member, &k, err);
    if (rc == ERR_OK)
        memcpy(last, told, strlen(told) + 1);
    free(shown);
    return rc;
}
