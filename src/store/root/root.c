#include "dashspool/root.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const dirs[] = {"raw", "archive", "spool", "telemetry"};
enum { DIRS = sizeof dirs / sizeof *dirs };

/* ---- identities ---- */

bool root_id_known(const struct root_id *id)
{
    static const struct root_id none;
    return memcmp(id, &none, sizeof none) != 0;
}

bool root_id_same(const struct root_id *a, const struct root_id *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

void root_id_text(const struct root_id *id, char out[ROOT_ID_ROOM])
{
    for (size_t i = 0; i < ROOT_ID_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", id->bytes[i]);
}

static bool parse(const char *text, struct root_id *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < (ROOT_ID_BYTES * 2); i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return false;
        out->bytes[i / 2] = (uint8_t)(out->bytes[i / 2] << 4 | (digit - digits));
    }
    return strcmp(text + ROOT_ID_BYTES * 2, "\n") == 0 && root_id_known(out);
}

/* ---- marks ---- */

bool root_is_mark(const char *name)
{
    const size_t n = sizeof ROOT_ID_FILE - 1;
    return strncmp(name, ROOT_ID_FILE, n) == 0 && (name[n] == '\0' || name[n] == '.');
}

int root_read(const char *root, const char *dir, struct root_id *out, struct err *err)
{
    char *path = NULL, text[ROOT_ID_ROOM + 2] = "";
    *out = (struct root_id){{0}};
    int rc = fsx_path(&path, err, "%s/%s/" ROOT_ID_FILE, root, dir);
    if (rc < 0)
        return rc;
    FILE *f = fopen(path, "re");
    if (!f && errno != ENOENT && errno != ENOTDIR)
        rc = err_sys(err, "open %s", path);
    if (f) {
        size_t n = fread(text, 1, sizeof text - 1, f);
        text[n] = '\0';
        if (ferror(f))
            rc = err_sys(err, "read %s", path);
        else if (!parse(text, out))
            rc = err_set(err, ERR_MALFORMED,
                         "%s: expected 32 hexadecimal digits; restore it from a backup, or move it "
                         "away",
                         path);
        fclose(f);
    }
    free(path);
    return rc;
}

/* ---- what belongs together ---- */

/* Which one is foreign: the catalogue, if all others agree with one another against it. */
static int tell_foreign(const char *root, const struct root_id *catalogue,
                        const struct root_id found[DIRS], struct err *err)
{
    char ours[ROOT_ID_ROOM], theirs[ROOT_ID_ROOM];
    size_t like = 0, unlike = 0, first = 0;
    for (size_t i = DIRS; i-- > 0;) {
        like += root_id_same(&found[i], catalogue);
        if (root_id_known(&found[i]) && !root_id_same(&found[i], catalogue)) {
            unlike++;
            first = i;
        }
    }
    root_id_text(catalogue, ours);
    root_id_text(&found[first], theirs);
    if (like == 0 && unlike > 1)
        return err_set(
            err, ERR_FOREIGN,
            "%s/catalogue.db belongs to another ROOT (%.8s; %s/ and the rest are of "
            "%.8s): stop dashspool, delete catalogue.db with its -wal and -shm and put "
            "back this ROOT's own (cp BACKUP/catalogue.db %s/), or run 'dashspool --root "
            "%s reindex'",
            root, ours, dirs[first], theirs, root, root);
    return err_set(
        err, ERR_FOREIGN,
        "%s/%s/ belongs to another ROOT (%.8s; catalogue.db is of %.8s): stop dashspool, "
        "move %s/ away and put back this ROOT's own (cp -a BACKUP/%s %s/)",
        root, dirs[first], theirs, ours, dirs[first], dirs[first], root);
}

int root_check(const char *root, const struct root_id *catalogue, struct err *err)
{
    struct root_id found[DIRS];
    bool foreign = false;
    int rc = ERR_OK;
    if (!root_id_known(catalogue))
        return ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < DIRS; i++) {
        rc = root_read(root, dirs[i], &found[i], err);
        foreign = foreign ||
                  (rc == ERR_OK && root_id_known(&found[i]) && !root_id_same(&found[i], catalogue));
    }
    return rc == ERR_OK && foreign ? tell_foreign(root, catalogue, found, err) : rc;
}

static bool is_day_file(const char *name)
{
    size_t n = strlen(name);
    return n > 3 && strcmp(name + n - 3, ".db") == 0;
}

/* backup.json is a line of ours (upkeep.h). */
int root_check_whole(const char *root, struct err *err)
{
    char *path = NULL, text[300] = "";
    struct stat st;
    int rc = fsx_path(&path, err, "%s/catalogue.db", root);
    bool whole = rc < 0 || stat(path, &st) == 0;
    free(path);
    path = NULL;
    if (whole || (rc = fsx_path(&path, err, "%s/backup.json", root)) < 0)
        return rc;
    FILE *f = fopen(path, "re");
    if (f && fread(text, 1, sizeof text - 1, f) > 0 && strstr(text, "\"unfinished\""))
        rc = err_set(err, ERR_FOREIGN,
                     "%s is a backup that was not finished, and no ROOT: run the backup again, it "
                     "goes on with what is there",
                     root);
    if (f)
        fclose(f);
    free(path);
    return rc;
}

int root_is_new(const char *root, struct err *err)
{
    struct fsx_names names = {NULL, 0};
    struct root_id id;
    const char *holds = NULL;
    char *path = NULL;
    int rc = root_check_whole(root, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == ERR_OK && i < DIRS; i++) {
        rc = root_read(root, dirs[i], &id, err);
        if (rc == ERR_MALFORMED || (rc == ERR_OK && root_id_known(&id))) {
            holds = dirs[i];
            rc = ERR_OK;
        }
    }
    if (rc == ERR_OK && (rc = fsx_path(&path, err, "%s/raw", root)) == ERR_OK)
        rc = fsx_list(path, &names, err);
    free(path);
    for (size_t i = 0; i < names.n; i++)
        if (is_day_file(names.name[i]))
            holds = dirs[0];
    fsx_names_clear(&names);
    if (rc < 0 && rc != ERR_NOTFOUND)
        return rc;
    return !holds ? ERR_OK
                  : err_set(err, ERR_FOREIGN,
                            "%s/catalogue.db is missing, but %s/ is there: delete its -wal and "
                            "-shm and put it back from the backup that raw/ is of (cp "
                            "BACKUP/catalogue.db %s/), or run 'dashspool --root %s reindex' to "
                            "rebuild it",
                            root, holds, root, root);
}

/* ---- what has no mark yet ---- */

static int mark_one(const char *root, const char *dir, const struct root_id *id, struct err *err)
{
    struct root_id found;
    char *path = NULL, text[ROOT_ID_ROOM + 1];
    int rc = root_read(root, dir, &found, err);
    if (rc < 0 || root_id_known(&found)) /* that it is the same was asked before */
        return rc;
    root_id_text(id, text);
    memcpy(text + ROOT_ID_ROOM - 1, "\n", 2);
    rc = fsx_path(&path, err, "%s/%s", root, dir);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(path, err);
    free(path);
    path = NULL;
    if (rc == ERR_OK && (rc = fsx_path(&path, err, "%s/%s/" ROOT_ID_FILE, root, dir)) == ERR_OK)
        rc = fsx_write_file(path, text, ROOT_ID_ROOM, err);
    free(path);
    return rc;
}

int root_mark(const char *root, const struct root_id *id, struct err *err)
{
    int rc = root_check(root, id, err);
    for (size_t i = 0; rc == ERR_OK && i < DIRS; i++)
        rc = mark_one(root, dirs[i], id, err);
    return rc;
}
