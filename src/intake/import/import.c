#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/sandbox.h"
#include "dashspool/site.h"
#include "import_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { TRIES = 5 }; /* of a batch, while others keep the stores busy for 5 s each time */

/* ---- the lock ---- */

static int lock(struct import *im, struct err *err)
{
    while (flock(im->lock_fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return err_sys(err, "lock %s/import.lock", im->root);
    return ERR_OK;
}

/* ---- the batch ---- */

static void forget(struct import *im)
{
    for (size_t i = 0; i < im->n; i++)
        item_free(&im->item[i]);
    im->n = 0;
    im->bytes = 0;
}

static int check_space(const struct import *im, struct err *err)
{
    int64_t wanted = im->options.free_bytes_min;
    for (size_t i = 0; i < im->n; i++)
        wanted += im->item[i]->stat.length_bytes;
    int64_t left = fsx_free_bytes(im->root);
    if (left >= wanted)
        return ERR_OK;
    return err_set(err, ERR_IO, "%s: disk nearly full: %lld MiB free, %lld required", im->root,
                   (long long)left >> 20, (long long)wanted >> 20);
}

/* What an earlier failure left, first. */
static int put_right(struct import *im, struct err *err)
{
    int rc = im->leftovers ? store_repair(im, err) : ERR_OK;
    if (rc < 0 || !im->late)
        return rc;
    rc = store_hand_on(im, err);
    im->late = rc < 0;
    return rc;
}

/* A batch is tried (again): what a repair has finished meanwhile is done. */
static void reset(struct import *im)
{
    struct catalogue_seen seen;
    for (size_t i = 0; i < im->n; i++) {
        struct item *it = im->item[i];
        it->same_as[0] = '\0';
        it->refused = false;
        it->row.key = 0;
        it->row.state = CATALOGUE_RECEIVING;
        it->done = item_is_known(im, it, &seen);
        snprintf(it->row.id, sizeof it->row.id, "%s", it->done ? seen.id : "");
    }
}

static int store(struct import *im, struct err *err)
{
    int rc = check_space(im, err);
    for (int i = 0; rc == ERR_OK && i < TRIES; i++) {
        if ((rc = lock(im, err)) < 0)
            return rc;
        if ((rc = put_right(im, err)) == ERR_OK) {
            reset(im);
            rc = store_batch(im, err);
        }
        flock(im->lock_fd, LOCK_UN); /* cannot fail on what is locked */
        if (rc != ERR_BUSY && rc != ERR_AGAIN)
            return rc;
        rc = i + 1 < TRIES ? ERR_OK : rc;
    }
    return rc;
}

int import_flush(struct import *im, struct err *err)
{
    if (im->n == 0 && !im->leftovers && !im->late)
        return ERR_OK;
    int rc = store(im, err);
    for (size_t i = 0; i < im->n; i++) {
        const struct item *it = im->item[i];
        char why[CATALOGUE_ID_ROOM + 40] = "";
        struct catalogue_transfer stored;
        struct err unread;
        if (rc < 0)
            tell(im, it->path, IMPORT_FAILED, "", err->text);
        else if (it->refused)
            tell(im, it->path, IMPORT_NOT_YET, "", it->why.text);
        else if (it->same_as[0]) {
            snprintf(why, sizeof why, "stored already as %s, under", it->same_as);
            if (catalogue_transfer_get(im->catalogue, it->same_as, &stored, &unread) == ERR_OK)
                tell_words(im, it->path, &stored, why);
            snprintf(why, sizeof why, "identical to %s", it->same_as);
            tell(im, it->path, IMPORT_SAME, it->same_as, why);
        } else
            tell(im, it->path, IMPORT_TAKEN, it->row.id, it->ending.note);
    }
    forget(im);
    return rc;
}

static bool fits(const struct import *im, const struct item *it)
{
    return im->n < BATCH_FILES && (im->n == 0 || it->data) &&
           im->bytes + it->stat.length_bytes <= BATCH_BYTES;
}

int import_file(struct import *im, const char *path, bool as_it_is, struct err *err)
{
    struct item *it;
    int rc = item_read(im, path, as_it_is, &it, err);
    if (rc < 0 || !it)
        return rc;
    if (im->n > 0 && !fits(im, it) && (rc = import_flush(im, err)) < 0) {
        tell(im, path, IMPORT_FAILED, "", err->text);
        item_free(&it);
        return rc;
    }
    im->item[im->n++] = it;
    im->bytes += it->stat.length_bytes;
    return im->bytes >= BATCH_BYTES || im->n == BATCH_FILES ? import_flush(im, err) : ERR_OK;
}

/* ---- what was taken ---- */

int import_safe(struct import *im, const char *path, const char *id, struct err *err)
{
    struct catalogue_stat now;
    struct catalogue_seen seen;
    struct catalogue_transfer t;
    bool held = false;
    int rc = catalogue_seen_get(im->catalogue, path, &seen, err);
    if (rc < 0 || (rc = stat_path(path, &now, err)) < 0)
        return rc;
    if (!stat_same(&now, &seen.stat) || strcmp(seen.id, id) != 0)
        return err_set(err, ERR_NOTFOUND, "%s was modified after it was imported", path);
    if ((rc = catalogue_transfer_get(im->catalogue, id, &t, err)) < 0 ||
        (rc = item_holds(im, &t, &held, err)) < 0)
        return rc;
    held = held && (!im->forward || t.published); /* not before the site has it */
    if (!held || t.length_bytes != seen.stat.length_bytes)
        return err_set(err, ERR_NOTFOUND, "the master of %s is not stored", id);
    return ERR_OK;
}

bool import_lost(const struct import *im)
{
    return sandbox_apart_lost(im->apart);
}

int import_moved(struct import *im, const char *path, const char *to, struct err *err)
{
    struct catalogue_seen seen;
    int rc = catalogue_begin(im->catalogue, err);
    if (rc < 0)
        return rc;
    rc = catalogue_seen_get(im->catalogue, path, &seen, err);
    if (rc == ERR_OK && to) {
        snprintf(seen.path, sizeof seen.path, "%s", to);
        rc = catalogue_seen_put(im->catalogue, &seen, err);
    }
    if (rc == ERR_OK || rc == ERR_NOTFOUND)
        rc = catalogue_seen_remove(im->catalogue, path, err);
    return catalogue_end(im->catalogue, rc, err);
}

/* ---- open, close ---- */

/* Where what is stored goes next. */
static int open_onward(struct import *im, struct err *err)
{
    const struct import_options *o = &im->options;
    if (!site_used())
        return intake_feeds_open(&im->feeds, im->root, o->feeds, o->n_feeds, err);
    im->onward = (struct forward_feeds){im->root, o->feeds, o->n_feeds};
    const struct forward_options options = {.who = o->who, .site = forward_to_site(&im->onward)};
    return forward_open(&im->forward, im->root, &options, err);
}

int import_open(struct import **out, const char *root, const struct import_options *options,
                struct err *err)
{
    struct import *im = *out = calloc(1, sizeof *im);
    if (!im)
        return err_nomem(err, "importing");
    im->lock_fd = -1;
    im->options = *options;
    im->leftovers = im->late = true; /* who knows */
    im->root = strdup(root);
    im->piece = malloc(PIECE_BYTES);
    im->found = malloc(sizeof *im->found);
    int rc = im->root && im->piece && im->found ? ERR_OK : err_nomem(err, "importing");
    char *path = NULL;
    if (rc == ERR_OK) /* first: it is to know nothing of the stores */
        rc = look_open(&im->apart, err);
    if (rc == ERR_OK && (rc = intake_check_limits(err)) == ERR_OK &&
        (rc = fsx_mkdirs(root, err)) == ERR_OK &&
        (rc = catalogue_open_local(&im->catalogue, root, true, err)) == ERR_OK &&
        (rc = raw_open_local(&im->raw, root, err)) == ERR_OK &&
        (rc = intake_stores_opened(im->catalogue, im->raw, root, INTAKE_ADDS, err)) == ERR_OK &&
        (rc = open_onward(im, err)) == ERR_OK)
        rc = fsx_path(&path, err, "%s/import.lock", root);
    if (rc == ERR_OK && (im->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640)) < 0)
        rc = err_sys(err, "open %s", path);
    free(path);
    if (rc == ERR_OK)
        rc = import_flush(im, err);
    if (rc < 0)
        import_close(out);
    return rc;
}

void import_close(struct import **im)
{
    if (!*im)
        return;
    forget(*im);
    if ((*im)->lock_fd >= 0)
        close((*im)->lock_fd);
    intake_feeds_close(&(*im)->feeds);
    forward_close(&(*im)->forward);
    raw_close(&(*im)->raw);
    catalogue_close(&(*im)->catalogue);
    sandbox_apart_close(&(*im)->apart);
    free((*im)->found);
    free((*im)->piece);
    free((*im)->root);
    free(*im);
    *im = NULL;
}

/* ---- the sandbox ---- */

enum { STORE_FILES = 3 };

int import_guard(const char *root, const char *who, const char *const *feeds, size_t n_feeds,
                 const char *const *dirs, bool moves, struct err *err)
{
    static const char *const ends[STORE_FILES] = {"", "-wal", "-shm"}, *const alone = "convert";
    if (n_feeds == 0) {
        feeds = &alone;
        n_feeds = 1;
    }
    if (site_used()) /* whose jobs are rows */
        n_feeds = 0;
    char *catalogue[STORE_FILES + 1] = {NULL}; /* it and its log are open by now, and stay */
    char **store = calloc(n_feeds + 2, sizeof *store);
    struct sandbox_report report;
    int rc = store ? fsx_path(&store[0], err, "%s/raw", root) : err_nomem(err, "a sandbox");
    if (rc == ERR_OK)
        rc = fsx_mkdirs(store[0], err);
    for (size_t i = 0; rc == ERR_OK && i < n_feeds; i++)
        rc = fsx_path(&store[i + 1], err, "%s/spool/%s", root, feeds[i]);
    for (size_t i = 0; rc == ERR_OK && i < STORE_FILES; i++)
        rc = fsx_path(&catalogue[i], err, "%s/catalogue.db%s", root, ends[i]);
    if (rc == ERR_OK) {
        struct sandbox_rules rules = {.kind = SANDBOX_WATCHER,
                                      .stage = who,
                                      .write_dirs = (const char *const *)store,
                                      .write_files = (const char *const *)catalogue};
        rules.connects = site_reads(site_used());
        if (moves)
            rules.move_dirs = dirs;
        else
            rules.read_dirs = dirs;
        rc = sandbox_enter(&rules, &report, err);
    }
    if (rc == ERR_OK && report.missing[0])
        log_warn(who, "sandbox incomplete", LOG_TEXT("reason", report.missing));
    for (size_t i = 0; store && i < n_feeds + 1; i++)
        free(store[i]);
    free(store);
    for (size_t i = 0; i < STORE_FILES; i++)
        free(catalogue[i]);
    return rc;
}
