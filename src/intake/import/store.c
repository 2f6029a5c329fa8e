/* The batch into the stores, with its lines in custody. Each step is durable before the next
 * begins, and what a crash leaves between two of them store_repair() knows. */
#include "dashspool/clock.h"
#include "dashspool/wire.h"
#include "import_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a file was, and when it was changed last, as texts. */
struct file_words {
    char path[FACTS_PATH_ROOM], modified[CLOCK_TEXT_ROOM];
};

static struct custody_what file_what(struct file_words *words, const char *path,
                                     const struct catalogue_stat *stat)
{
    wire_path_text(path, strlen(path), words->path, sizeof words->path);
    clock_rfc3339(stat->mtime_ns / 1000, 6, words->modified);
    return (struct custody_what){.path = words->path, .modified = words->modified};
}

static int note(struct import *im, const char *id, enum custody_kind event,
                const struct custody_what *what, struct err *err)
{
    return intake_note(im->catalogue, id, im->options.who, event, what, err);
}

static int line_stored(struct import *im, const struct catalogue_transfer *row, const char *path,
                       const struct catalogue_stat *stat, const struct media_ending *ending,
                       struct err *err)
{
    struct file_words words;
    struct custody_what what = file_what(&words, path, stat);
    what.length_bytes = &row->length_bytes;
    what.sha256 = row->sha256;
    if (ending->end != MEDIA_END_WELL)
        what.ending = ending->note;
    return intake_record(im->catalogue, row, FACTS_WIRE | FACTS_ARRIVAL, im->options.who,
                         CUSTODY_STORED, &what, err);
}

typedef int step_fn(struct import *im, struct item *it, struct err *err);

static bool is_stored(const struct item *it)
{
    return !it->same_as[0] && !it->refused && !it->done;
}

/* A step for every file of the batch, in one transaction of the catalogue. */
static int in_transaction(struct import *im, step_fn *step, struct err *err)
{
    int rc = catalogue_begin(im->catalogue, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == ERR_OK && i < im->n; i++)
        rc = step(im, im->item[i], err);
    return catalogue_end(im->catalogue, rc, err);
}

/* ---- rows `receiving` ---- */

static const struct item *twin_in_batch(const struct import *im, const struct item *it)
{
    for (size_t i = 0; i < im->n && im->item[i] != it; i++)
        if (!im->item[i]->same_as[0] && im->item[i]->stat.length_bytes == it->stat.length_bytes &&
            memcmp(im->item[i]->sha256, it->sha256, HASH_BYTES) == 0)
            return im->item[i];
    return NULL;
}

static int add_row(struct import *im, struct item *it, struct err *err)
{
    struct catalogue_transfer same;
    struct catalogue_origin origin = {.stat = it->stat, .whole = it->ending.end == MEDIA_END_WELL};
    const struct item *twin = twin_in_batch(im, it);
    if (it->done)
        return ERR_OK;
    if (twin) {
        snprintf(it->same_as, sizeof it->same_as, "%s", twin->row.id);
        return ERR_OK;
    }
    bool held = false;
    int rc = ERR_OK;
    for (same.key = 0; rc == ERR_OK && !held;) {
        rc = catalogue_transfer_with(im->catalogue, it->row.sha256, it->stat.length_bytes, same.key,
                                     &same, err);
        if (rc == ERR_OK)
            rc = intake_holds(im->raw, &same, &held, err);
    }
    if (held)
        snprintf(it->same_as, sizeof it->same_as, "%s", same.id);
    if (held || (rc < 0 && rc != ERR_NOTFOUND))
        return rc;
    snprintf(origin.path, sizeof origin.path, "%s", it->path);
    snprintf(origin.note, sizeof origin.note, "%s", it->ending.note);
    if ((rc = intake_transfer_add(im->catalogue, im->raw, &it->row, err)) < 0 ||
        (rc = catalogue_origin_put(im->catalogue, it->row.key, &origin, err)) < 0)
        return rc;
    struct file_words words;
    struct custody_what what = file_what(&words, it->path, &it->stat);
    char name[FACTS_PATH_ROOM];
    if (it->sidecar[0])
        what.metadata = wire_path_text(it->sidecar, strlen(it->sidecar), name, sizeof name);
    if (it->row.known & (CATALOGUE_TIME_TOLD | CATALOGUE_ZONE_OK) &&
        !(it->row.known & CATALOGUE_HAS_META))
        what.told_by = im->options.told_by;
    return intake_record(im->catalogue, &it->row, FACTS_WIRE, im->options.who, CUSTODY_RECEIVED,
                         &what, err);
}

/* ---- masters ---- */

static int append(struct import *im, const struct item *it, int64_t at, const uint8_t *data,
                  size_t n, struct err *err)
{
    const struct raw_facts whose = master_facts(&it->row);
    int rc = ERR_OK;
    for (size_t done = 0; rc == ERR_OK && done < n;) {
        size_t piece = n - done < RAW_CHUNK_BYTES ? n - done : RAW_CHUNK_BYTES;
        rc = raw_append(im->raw, it->row.day, it->row.key, &whose, at + (int64_t)done, data + done,
                        piece, err);
        done += piece;
    }
    return rc;
}

/* A file that fits no batch is read once more: what is stored is what was hashed. Commits in
 * between let others write. */
static int append_file(struct import *im, struct item *it, struct hash *h, struct err *err)
{
    int64_t n = it->stat.length_bytes, open_bytes = 0;
    int rc = ERR_OK;
    for (int64_t at = 0; rc == ERR_OK && at < n; at += PIECE_BYTES) {
        size_t piece = n - at < PIECE_BYTES ? (size_t)(n - at) : PIECE_BYTES;
        if (item_read_at(it, at, im->piece, piece, &it->why) < 0) {
            it->refused = true;
            return ERR_OK;
        }
        hash_update(h, im->piece, piece);
        rc = append(im, it, at, im->piece, piece, err);
        open_bytes += (int64_t)piece;
        if (rc == ERR_OK && open_bytes >= BATCH_BYTES) {
            rc = raw_commit(im->raw, err);
            open_bytes = 0;
        }
    }
    return rc;
}

static int append_again(struct import *im, struct item *it, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    struct hash *h = NULL;
    int rc = hash_new(&h, err);
    if (rc == ERR_OK && (rc = append_file(im, it, h, err)) == ERR_OK)
        rc = hash_final(h, digest, err);
    hash_free(&h);
    if (rc < 0 || it->refused)
        return rc;
    it->refused = item_unchanged(it, &it->why) < 0;
    if (!it->refused && memcmp(digest, it->sha256, HASH_BYTES) != 0) {
        it->refused = true;
        err_set(&it->why, ERR_AGAIN, "it was written to while it was read");
    }
    return rc;
}

static int store_master(struct import *im, struct item *it, struct err *err)
{
    const struct catalogue_transfer *row = &it->row;
    struct raw_facts facts = master_facts(row);
    int rc = it->data ? append(im, it, 0, it->data, (size_t)row->length_bytes, err)
                      : append_again(im, it, err);
    if (rc < 0)
        return rc;
    if (it->refused)
        return raw_drop(im->raw, row->day, row->key, err);
    memcpy(facts.sha256, it->sha256, HASH_BYTES);
    return raw_seal(im->raw, row->day, row->key, &facts, err);
}

static int store_masters(struct import *im, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < im->n; i++)
        if (is_stored(im->item[i]))
            rc = store_master(im, im->item[i], err);
    return raw_end(im->raw, rc, err);
}

/* ---- rows `stored` ---- */

static int see(struct import *im, const char *path, const struct catalogue_stat *stat,
               const char *id, struct err *err)
{
    struct catalogue_seen seen = {.stat = *stat};
    snprintf(seen.path, sizeof seen.path, "%s", path);
    snprintf(seen.id, sizeof seen.id, "%s", id);
    return catalogue_seen_put(im->catalogue, &seen, err);
}

static int finish_row(struct import *im, struct item *it, struct err *err)
{
    struct catalogue_transfer *row = &it->row;
    int rc;
    if (it->done)
        return ERR_OK;
    if (it->refused)
        return catalogue_transfer_remove(im->catalogue, row->key, err);
    if (it->same_as[0]) {
        struct file_words words;
        const struct custody_what what = file_what(&words, it->path, &it->stat);
        rc = note(im, it->same_as, CUSTODY_OFFERED_AGAIN, &what, err);
        return rc < 0 ? rc : see(im, it->path, &it->stat, it->same_as, err);
    }
    facts_decode(row); /* what is noted with it is this version's */
    row->state = CATALOGUE_STORED;
    row->completed_us = clock_utc_us();
    if ((rc = catalogue_transfer_update(im->catalogue, row, err)) < 0 ||
        (rc = line_stored(im, row, it->path, &it->stat, &it->ending, err)) < 0)
        return rc;
    return see(im, it->path, &it->stat, row->id, err);
}

/* ---- jobs ---- */

static int publish_row(struct import *im, struct item *it, struct err *err)
{
    return is_stored(it)
               ? intake_published(im->catalogue, &im->feeds, it->row.id, im->options.who, err)
               : ERR_OK;
}

static int publish(struct import *im, struct err *err)
{
    static const size_t per_item = sizeof(struct intake_text);
    struct spool_item jobs[BATCH_FILES];
    size_t n = 0;
    struct intake_text *text = malloc(BATCH_FILES * per_item);
    if (!text)
        return err_nomem(err, "jobs");
    for (size_t i = 0; i < im->n; i++)
        if (is_stored(im->item[i])) {
            jobs[n] = intake_job(im->item[i]->row.id, &text[n]);
            n++;
        }
    int rc = n > 0 ? intake_put(&im->feeds, jobs, n, err) : ERR_OK;
    if (rc == ERR_OK && n > 0)
        rc = in_transaction(im, publish_row, err);
    free(text);
    return rc;
}

int store_hand_on(struct import *im, struct err *err)
{
    int rc = im->forward
                 ? forward_all(im->forward, err)
                 : intake_publish_late(im->catalogue, &im->feeds, im->options.who, NULL, err);
    return rc < 0 && im->forward
               ? err_wrap(
                     err,
                     "not handed on to the site (what this machine has of it, it keeps; run it "
                     "again)")
               : rc;
}

int store_batch(struct import *im, struct err *err)
{
    struct err late;
    int rc = in_transaction(im, add_row, err);
    if (rc < 0)
        return rc;
    im->leftovers = true; /* until the rows say what became of them */
    if ((rc = store_masters(im, err)) < 0 || (rc = in_transaction(im, finish_row, err)) < 0)
        return rc;
    im->leftovers = false;
    if (im->forward)
        return store_hand_on(im, err);
    im->late = publish(im, &late) < 0 || im->late; /* they are safe all the same */
    return ERR_OK;
}

/* ---- after a crash ---- */

static int keep_row(struct import *im, struct catalogue_transfer *row, struct err *err)
{
    struct catalogue_origin origin;
    int rc = catalogue_origin_get(im->catalogue, row->key, &origin, err);
    if (rc < 0)
        return rc;
    struct media_ending ending = {.end = origin.whole ? MEDIA_END_WELL : MEDIA_END_CUT};
    snprintf(ending.note, sizeof ending.note, "%s", origin.note);
    facts_decode(row); /* what is noted with it is this version's */
    row->state = CATALOGUE_STORED;
    row->completed_us = clock_utc_us();
    if ((rc = catalogue_transfer_update(im->catalogue, row, err)) < 0 ||
        (rc = line_stored(im, row, origin.path, &origin.stat, &ending, err)) < 0)
        return rc;
    return see(im, origin.path, &origin.stat, row->id, err);
}

static int drop_row(struct import *im, const struct catalogue_transfer *row, struct err *err)
{
    int rc = master_check_whose(im->raw, row, err);
    if (rc == ERR_OK && (rc = raw_drop(im->raw, row->day, row->key, err)) == ERR_OK)
        rc = raw_commit(im->raw, err);
    if (rc == ERR_MALFORMED || rc == ERR_UNSUPPORTED) /* another's bytes stay */
        rc = ERR_OK;
    return rc < 0 ? rc : catalogue_transfer_remove(im->catalogue, row->key, err);
}

static int repair_row(void *arg, const struct catalogue_transfer *found, struct err *err)
{
    struct import *im = arg;
    struct catalogue_transfer row = *found;
    uint8_t sha256[HASH_BYTES];
    bool sealed = false;
    int rc = raw_stat(im->raw, row.day, row.key, &row.length_bytes, &sealed, sha256, err);
    if (rc < 0 && rc != ERR_NOTFOUND)
        return rc;
    if (rc == ERR_OK && sealed)
        rc = master_check_whose(im->raw, &row, err);
    if (rc < 0 || !sealed)
        return err_is_temporary(rc) ? rc : drop_row(im, &row, err);
    hash_hex(sha256, row.sha256);
    if ((rc = catalogue_begin(im->catalogue, err)) < 0)
        return rc;
    rc = keep_row(im, &row, err);
    return catalogue_end(im->catalogue, rc, err);
}

int store_repair(struct import *im, struct err *err)
{
    struct catalogue_filter left = {.states = 1 << CATALOGUE_RECEIVING, .source = "file"};
    raw_rollback(im->raw);
    int rc = catalogue_transfer_each(im->catalogue, &left, repair_row, im, err);
    im->leftovers = rc < 0;
    return rc;
}
