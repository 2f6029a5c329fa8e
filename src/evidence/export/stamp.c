#include "dashspool/archive.h"
#include "dashspool/clock.h"
#include "dashspool/export_stamp.h"
#include "dashspool/fsx.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INFO_BYTES_MAX ((size_t)1 << 20)
#define TAGS_BYTES_MAX SEAL_DER_MAX_BYTES

static const char token_name[] = "signature/token.tsr", info_name[] = "bag-info.txt";

/* What of the package has to be known. */
enum part { P_TAGS, P_REQUEST, P_INFO, PARTS };
static const char *const part_names[PARTS] = {"tagmanifest-sha256.txt", "signature/request.tsq",
                                              info_name};

struct parts {
    struct buf part[PARTS];
    bool have[PARTS], stamped;
    int now; /* -1: another file */
    char top[ARCHIVE_NAME_ROOM];
};

static int on_top(void *arg, const char *top, struct err *err)
{
    struct parts *p = arg;
    (void)err;
    snprintf(p->top, sizeof p->top, "%s", top);
    return ERR_OK;
}

static int on_begin(void *arg, const char *name, int64_t size, struct err *err)
{
    struct parts *p = arg;
    (void)size;
    p->now = -1;
    for (int i = 0; i < PARTS; i++)
        if (strcmp(name, part_names[i]) == 0)
            p->now = i;
    p->stamped = p->stamped || strcmp(name, token_name) == 0;
    return p->stamped
               ? err_set(err, ERR_BUSY, "the package already has a time stamp, %s", token_name)
               : ERR_OK;
}

static int on_data(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct parts *p = arg;
    return p->now < 0 ? ERR_OK : buf_append(&p->part[p->now], data, n, err);
}

static int on_end(void *arg, struct err *err)
{
    struct parts *p = arg;
    (void)err;
    if (p->now >= 0)
        p->have[p->now] = true;
    return ERR_OK;
}

/* ---- into a folder ---- */

static int put_into_folder(const char *package, const struct buf *token, struct err *err)
{
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s/signature", package);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(path, err);
    free(path);
    path = NULL;
    if (rc == ERR_OK)
        rc = fsx_path(&path, err, "%s/%s", package, token_name);
    if (rc == ERR_OK)
        rc = fsx_write_file(path, buf_data(token), token->used, err);
    free(path);
    return rc;
}

/* ---- into a zip ---- */

struct rewriting {
    struct archive_zip *zip;
    char top[ARCHIVE_NAME_ROOM];
};

static int begin_again(void *arg, const char *name, int64_t size, struct err *err)
{
    struct rewriting *r = arg;
    char *inside = NULL;
    int rc = fsx_path(&inside, err, "%s%s%s", r->top, r->top[0] ? "/" : "", name);
    if (rc == ERR_OK)
        rc = archive_zip_begin(r->zip, inside, size, err);
    free(inside);
    return rc;
}

static int write_again(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct rewriting *r = arg;
    return archive_zip_write(r->zip, data, n, err);
}

static int end_again(void *arg, struct err *err)
{
    struct rewriting *r = arg;
    return archive_zip_end(r->zip, err);
}

/* The date that its files had: the export's, or now. */
static int64_t dated(const struct parts *p)
{
    static const char label[] = "\nExported-At: ";
    int64_t at_us;
    struct err err;
    char text[CLOCK_TEXT_ROOM] = "";
    const char *info = (const char *)buf_data(&p->part[P_INFO]);
    const size_t n = sizeof label - 1;
    for (size_t at = 0; at + n < p->part[P_INFO].used; at++)
        if (memcmp(info + at, label, n) == 0) {
            size_t room = p->part[P_INFO].used - at - n;
            snprintf(text, sizeof text, "%.*s", (int)(room < 20 ? room : 20), info + at + n);
        }
    return clock_parse(text, 0, &at_us, NULL, &err) == ERR_OK ? at_us : clock_utc_us();
}

static int rewrite(const char *package, const struct parts *p, struct archive_zip *zip,
                   const struct buf *token, struct err *err)
{
    static const struct archive_reader reader = {NULL, begin_again, write_again, end_again};
    struct rewriting r = {.zip = zip};
    snprintf(r.top, sizeof r.top, "%s", p->top);
    int rc = archive_read(package, &(struct archive_limits){0, 0}, &reader, &r, err);
    if (rc == ERR_OK)
        rc = begin_again(&r, token_name, (int64_t)token->used, err);
    if (rc == ERR_OK)
        rc = archive_zip_write(zip, buf_data(token), token->used, err);
    if (rc == ERR_OK)
        rc = archive_zip_end(zip, err);
    return rc < 0 ? rc : archive_zip_finish(zip, err);
}

static int put_into_zip(const char *package, const struct parts *p, const struct buf *token,
                        struct err *err)
{
    char *tmp = NULL;
    struct archive_zip *zip = NULL;
    int rc = fsx_path(&tmp, err, "%s.unfinished", package);
    if (rc == ERR_OK)
        rc = archive_zip_new(&zip, tmp, dated(p), err);
    bool ours = rc == ERR_OK;
    if (rc == ERR_OK)
        rc = rewrite(package, p, zip, token, err);
    archive_zip_free(&zip);
    if (rc == ERR_OK)
        rc = fsx_rename(tmp, package, err);
    if (rc < 0 && ours)
        unlink(tmp);
    free(tmp);
    return rc;
}

/* ---- the stamp ---- */

static int get_token(const struct export_stamp_request *request, const struct parts *p,
                     struct buf *token, struct err *err)
{
    const struct buf *query = &p->part[P_REQUEST];
    if (request->token_path)
        return fsx_read_file(request->token_path, token, err);
    if (!p->have[P_REQUEST])
        return err_set(err, ERR_MALFORMED, "%s: %s is missing, nothing to send", request->package,
                       part_names[P_REQUEST]);
    return seal_ts_fetch(request->tsa_url, buf_data(query), query->used, SEAL_DEFAULT_TS_TIMEOUT_S,
                         token, err);
}

static int attach(const struct export_stamp_request *request, const struct parts *p,
                  struct buf *token, struct seal_stamp *out, struct err *err)
{
    struct stat st;
    const struct buf *tags = &p->part[P_TAGS], *query = &p->part[P_REQUEST];
    if (!p->have[P_TAGS])
        return err_set(err, ERR_MALFORMED, "%s is not an evidence package: %s is missing",
                       request->package, part_names[P_TAGS]);
    int rc = get_token(request, p, token, err);
    if (rc < 0)
        return rc;
    rc = seal_ts_check(out, buf_data(token), token->used, buf_data(tags), tags->used,
                       p->have[P_REQUEST] ? buf_data(query) : NULL, query->used, NULL, err);
    if (rc < 0)
        return err_wrap(err, "%s", request->token_path ? request->token_path : request->tsa_url);
    if (stat(request->package, &st) < 0)
        return err_sys(err, "stat %s", request->package);
    return S_ISDIR(st.st_mode) ? put_into_folder(request->package, token, err)
                               : put_into_zip(request->package, p, token, err);
}

int export_stamp_attach(const struct export_stamp_request *request, struct seal_stamp *out,
                        struct err *err)
{
    static const struct archive_reader reader = {on_top, on_begin, on_data, on_end};
    static const size_t room[PARTS] = {TAGS_BYTES_MAX, SEAL_DER_MAX_BYTES, INFO_BYTES_MAX};
    struct parts p = {.now = -1};
    struct buf token;
    buf_init(&token, SEAL_DER_MAX_BYTES);
    for (int i = 0; i < PARTS; i++)
        buf_init(&p.part[i], room[i]);
    int rc = archive_read(request->package, &(struct archive_limits){0, 0}, &reader, &p, err);
    if (rc < 0)
        rc = err_wrap(err, "%s", request->package);
    if (rc == ERR_OK)
        rc = attach(request, &p, &token, out, err);
    for (int i = 0; i < PARTS; i++)
        buf_clear(&p.part[i]);
    buf_clear(&token);
    return rc;
}
