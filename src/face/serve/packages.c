/* Packages: what was exported, by whom, of which events; and what is in one. */
#define _GNU_SOURCE /* O_PATH */
#include "dashspool/bag.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "serve_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ON_A_PAGE = 50, EVENTS_SHOWN = 4, TEXT_BYTES_MAX = 1 << 20, MANIFEST_MAX = 32 << 20 };

/* ---- which there are ---- */

struct package {
    char name[256];
    struct stat st;
};

struct packages {
    struct package *one;
    size_t n;
};

/* A name of ours: one part of a path, plain enough for an address and a header. */
static bool is_name(const char *name)
{
    return name[0] && name[0] != '.' && strlen(name) < sizeof((struct package *)0)->name &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               strlen(name) &&
           !strstr(name, BAG_UNFINISHED);
}

static bool is_package(int dir, const char *name, struct stat *st)
{
    char declaration[300];
    struct stat in;
    size_t n = strlen(name);
    snprintf(declaration, sizeof declaration, "%s/" BAG_DECLARATION, name);
    return is_name(name) && fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (S_ISDIR(st->st_mode)
                ? fstatat(dir, declaration, &in, AT_SYMLINK_NOFOLLOW) == 0
                : S_ISREG(st->st_mode) && n > 4 && strcmp(name + n - 4, ".zip") == 0);
}

static int newest_first(const void *a, const void *b)
{
    const struct package *x = a, *y = b;
    if (x->st.st_mtim.tv_sec != y->st.st_mtim.tv_sec)
        return x->st.st_mtim.tv_sec > y->st.st_mtim.tv_sec ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int list(const char *root, struct packages *out, struct err *err)
{
    struct fsx_dir dir;
    const char *name = NULL;
    char *path = NULL;
    size_t room = 0;
    *out = (struct packages){.n = 0};
    int rc = fsx_path(&path, err, "%s/packages", root);
    if (rc < 0)
        return rc;
    rc = fsx_dir_open(&dir, path, err);
    while (rc == ERR_OK && (rc = fsx_dir_next(&dir, &name, err)) == ERR_OK && name) {
        struct package p;
        if (!is_package(dirfd(dir.stream), name, &p.st))
            continue;
        snprintf(p.name, sizeof p.name, "%s", name);
        if (out->n == room) {
            room = room ? 2 * room : 64;
            struct package *more = realloc(out->one, room * sizeof *more);
            if (!more) {
                rc = err_nomem(err, "packages");
                break;
            }
            out->one = more;
        }
        out->one[out->n++] = p;
    }
    fsx_dir_close(&dir);
    free(path);
    if (out->n > 0)
        qsort(out->one, out->n, sizeof *out->one, newest_first);
    return rc == ERR_NOTFOUND ? ERR_OK : rc; /* nothing was exported yet */
}

/* ---- what one says of itself; it may be anybody's ---- */

enum { INFO, MANIFEST, SIGNATURE, TOKEN, TEXTS };

struct read_package {
    struct bag_text text[TEXTS];
    bool readable;
    char why[200];
};

static void read_one(const char *root, const char *name, struct read_package *out)
{
    static const char *const names[TEXTS] = {BAG_INFO, BAG_MANIFEST, BAG_SIGNATURE, BAG_TS_TOKEN};
    char *path = NULL;
    struct err err = {0};
    *out = (struct read_package){.readable = false};
    for (size_t i = 0; i < TEXTS; i++) {
        out->text[i].name = names[i];
        buf_init(&out->text[i].text, i == MANIFEST ? MANIFEST_MAX : TEXT_BYTES_MAX);
    }
    out->readable = fsx_path(&path, &err, "%s/packages/%s", root, name) == ERR_OK &&
                    bag_read_texts(path, out->text, TEXTS, &err) == ERR_OK &&
                    buf_append(&out->text[MANIFEST].text, "", 1, &err) == ERR_OK;
    snprintf(out->why, sizeof out->why, "%s", err.text);
    free(path);
}

static void read_clear(struct read_package *r)
{
    for (size_t i = 0; i < TEXTS; i++)
        buf_clear(&r->text[i].text);
}

/* A line of bag-info.txt; "" */
static const char *info_of(const struct read_package *r, enum bag_key key, char out[256])
{
    struct bag_value v = {.at = NULL};
    const struct buf *b = &r->text[INFO].text;
    bool there = bag_info_next(buf_data(b), b->used, key, &v);
    snprintf(out, 256, "%.*s", there ? (int)(v.n < 255 ? v.n : 255) : 0, there ? v.at : "");
    return out;
}

typedef void claim_fn(void *arg, const struct bag_claim *claim);

static void each_claim(struct read_package *r, claim_fn *fn, void *arg)
{
    struct buf *b = &r->text[MANIFEST].text;
    char *at = b->mem ? (char *)b->mem + b->start : NULL, *end = at ? at + b->used - 1 : NULL;
    struct bag_claim claim;
    for (int got; at && (got = bag_manifest_next(&at, end, true, &claim)) != 0;)
        if (got > 0)
            fn(arg, &claim);
}

/* ---- the page ---- */

struct events {
    struct serve *s;
    struct web_page *h;
    int n;
};

static const char *camera_of(const struct web_page *h, const char *name)
{
    for (unsigned camera = REVIEW_FRONT; camera <= REVIEW_OTHER; camera <<= 1)
        if (strcmp(words_camera_name(camera), name) == 0)
            return words_camera(h, camera);
    return "";
}

static void put_event(void *arg, const struct bag_claim *claim)
{
    static const char end[] = ".json";
    struct events *e = arg;
    struct catalogue_transfer t;
    struct err unimportant;
    char id[CATALOGUE_ID_ROOM];
    size_t n = strlen(claim->name), folder = strlen(BAG_TRANSFER);
    if (strncmp(claim->name, BAG_TRANSFER, folder) != 0 || n < folder + sizeof end ||
        n - folder >= sizeof id || strcmp(claim->name + n - strlen(end), end) != 0)
        return;
    if (e->n++ >= EVENTS_SHOWN)
        return;
    snprintf(id, sizeof id, "%.*s", (int)(n - folder - strlen(end)), claim->name + folder);
    if (e->n > 1)
        web_put(e->h, "<br>");
    if (catalogue_transfer_get(e->s->catalogue, id, &t, &unimportant) < 0) {
        web_print(e->h, "<span class=\"small\">%s</span>", id); /* gone, or its name is hidden */
        return;
    }
    web_put(e->h, "<a href=\"/event/");
    web_url(e->h, id);
    web_print(e->h, "\">%s, %s</a> ", words_trigger(e->h, t.trigger_name),
              camera_of(e->h, t.camera));
    when_put(e->s, e->h, t.known & CATALOGUE_TIME_OK ? t.time_us : t.arrived_us,
             t.known & CATALOGUE_ZONE_OK ? t.tz_min : WHEN_HERE, WHEN_SHORT);
}

static void put_badge(struct web_page *h, const char *kind, const char *icon, const char *text)
{
    web_print(h, "<span class=\"badge %s\">", kind);
    frame_icon(h, icon);
    web_print(h, "%s</span> ", text);
}

static void put_name(struct serve *s, struct web_page *h, const struct web_ask *ask,
                     const struct package *p, const struct read_package *r)
{
    char text[256], hash[256];
    web_print(h, "<tr id=\"%s\"><th scope=\"row\">", p->name);
    if (ask->role >= PEOPLE_REVIEWER) {
        web_put(h, "<a href=\"/package/");
        web_url(h, p->name);
        web_print(h, "\">%s</a>", p->name);
    } else {
        web_text(h, p->name);
    }
    (void)s;
    if (info_of(r, BAG_EXTERNAL_DESCRIPTION, text)[0])
        web_print(h, "<br><span class=\"small soft\">%s</span>", text);
    web_put(h, "<br>");
    if (!r->readable) {
        put_badge(h, "bad", "fail", web_tr(h, "Cannot be read"));
        web_print(h, "<span class=\"small\">%s</span>", r->why);
        return;
    }
    const struct buf *info = &r->text[INFO].text;
    if (r->text[SIGNATURE].have)
        put_badge(h, "ok", "check", web_tr(h, "Signed"));
    else
        put_badge(h, "", "info", web_tr(h, "Not signed"));
    if (r->text[TOKEN].have)
        put_badge(h, "ok", "clock", web_tr(h, "Time-stamped"));
    if (bag_info_redacted(buf_data(info), info->used, hash))
        put_badge(h, "warn", "cut", web_tr(h, "Redacted"));
}

static void put_package(struct serve *s, struct web_page *h, const struct web_ask *ask,
                        const struct package *p)
{
    struct read_package r;
    struct events events = {s, h, 0};
    struct err unimportant;
    char text[256], *end;
    int64_t at_us;
    read_one(s->root, p->name, &r);
    put_name(s, h, ask, p, &r);
    web_put(h, "</th><td>");
    each_claim(&r, put_event, &events);
    if (events.n > EVENTS_SHOWN) {
        web_put(h, "<br>");
        web_sayn(h, "and %s more", "and %s more", events.n - EVENTS_SHOWN);
    }
    web_put(h, "</td><td>");
    if (clock_parse(info_of(&r, BAG_EXPORTED_AT, text), 0, &at_us, NULL, &unimportant) == ERR_OK)
        when_put(s, h, at_us, WHEN_HERE, WHEN_SHORT);
    web_print(h, "<br>%s</td><td>", info_of(&r, BAG_SOURCE_ORGANIZATION, text));
    web_print(h, "%s<br>", info_of(&r, BAG_EXTERNAL_IDENTIFIER, text));
    web_print(h, "%s</td><td class=\"num\">", info_of(&r, BAG_RECIPIENT, text));
    int64_t bytes = p->st.st_size;
    if (S_ISDIR(p->st.st_mode))
        bytes = strtoll(info_of(&r, BAG_PAYLOAD_OXUM, text), &end, 10);
    web_size(h, bytes);
    web_put(h, "</td><td>");
    if (actions_allowed(ACTIONS_VERIFY, ask->role)) {
        web_put(h, "<form method=\"post\" action=\"/action\">");
        frame_action(h, ask, "verify");
        web_print(h, "<input type=\"hidden\" name=\"package\" value=\"%s\">", p->name);
        web_put(h, "<input type=\"hidden\" name=\"to\" value=\"/packages\">");
        web_put(h, "<button>");
        frame_icon(h, "whole");
        web_print(h, "%s<span class=\"hidden\"> %s</span></button></form>", web_tr(h, "Verify"),
                  p->name);
    }
    web_put(h, "</td></tr>\n");
    read_clear(&r);
}

static void put_pager(struct web_page *h, size_t page, size_t pages)
{
    char number[24];
    if (pages < 2)
        return;
    web_print(h, "<nav class=\"pager\" aria-label=\"%s\">", web_tr(h, "Pages"));
    for (size_t i = 1; i <= pages; i++) {
        snprintf(number, sizeof number, "%zu", i);
        web_print(h, "<a href=\"/packages?page=%s\"", number);
        web_put(h, i == page ? " aria-current=\"page\">" : ">");
        web_print(h, "%s</a> ", number);
    }
    web_put(h, "</nav>\n");
}

int serve_packages(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    struct web_page h = {.language = ask->language};
    struct packages all;
    int rc = list(s->root, &all, err);
    size_t pages = (all.n + ON_A_PAGE - 1) / ON_A_PAGE;
    unsigned long asked = strtoul(web_asked(ask, "page"), NULL, 10);
    size_t page = asked < 1 ? 1 : asked > pages ? (pages ? pages : 1) : asked;
    if (rc < 0) {
        free(all.one);
        return rc;
    }
    frame_begin(s, &h, ask, web_tr(&h, "Packages"));
    web_print(&h, "<div class=\"pagehead\"><h1>%s</h1><p>%s</p></div>\n", web_tr(&h, "Packages"),
              web_tr(&h, "What was exported: each package proves itself, with a hash of every "
                         "file, custody and report."));
    if (all.n == 0) {
        frame_void(&h, "export", web_tr(&h, "Nothing was exported yet"),
                   web_tr(&h, "Open an event and choose Export."));
        web_print(&h, "<a class=\"button\" href=\"/\">%s</a>", web_tr(&h, "All events"));
        frame_void_end(&h);
    } else {
        web_print(&h,
                  "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">"
                  "<table><thead><tr>",
                  web_tr(&h, "Packages"));
        static const char *const heads[] = {W_("Package"),        W_("Events"), W_("Exported"),
                                            W_("Case, for whom"), W_("Size"),   W_("Check")};
        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
            web_print(&h, "<th scope=\"col\">%s</th>", web_tr(&h, heads[i]));
        web_put(&h, "</tr></thead><tbody>\n");
        for (size_t i = (page - 1) * ON_A_PAGE; i < all.n && i < page * ON_A_PAGE; i++)
            put_package(s, &h, ask, &all.one[i]);
        web_put(&h, "</tbody></table></div>\n");
        put_pager(&h, page, pages);
    }
    free(all.one);
    return frame_send(s, &h, ask, out, err);
}

/* ---- one of them ---- */

/* What a folder has, as its manifest names it. */
struct member {
    struct serve *s;
    struct web_page *h;
    const char *package, *wanted; /* wanted: NULL: all are listed */
    bool found;
};

static void put_member(void *arg, const struct bag_claim *claim)
{
    struct member *m = arg;
    char sha256[HASH_HEX_ROOM];
    snprintf(sha256, sizeof sha256, "%.64s", claim->sha256);
    web_put(m->h, "<tr><th scope=\"row\"><a href=\"/package/");
    web_url(m->h, m->package);
    web_put(m->h, "/");
    web_path(m->h, claim->name);
    web_print(m->h, "\">%s</a></th><td><span class=\"hash\">%s</span></td></tr>\n", claim->name,
              sha256);
}

static void find_member(void *arg, const struct bag_claim *claim)
{
    struct member *m = arg;
    m->found |= strcmp(claim->name, m->wanted) == 0;
}

static int answer_folder(struct serve *s, const struct web_ask *ask, const char *name,
                         struct web_answer *out, struct err *err)
{
    struct web_page h = {.language = ask->language};
    struct read_package r;
    struct member m = {.s = s, .h = &h, .package = name};
    read_one(s->root, name, &r);
    frame_begin(s, &h, ask, name);
    web_print(&h, "<h1>%s</h1>\n<p>%s</p>\n", name,
              web_tr(&h, "This package is a folder. Each download is recorded in the custody with "
                         "your name."));
    web_print(&h,
              "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">%s</th><th "
              "scope=\"col\">%s</th></tr></thead><tbody>\n",
              web_tr(&h, "File"), "SHA-256");
    each_claim(&r, put_member, &m);
    web_put(&h, "</tbody></table></div>\n");
    read_clear(&r);
    return frame_send(s, &h, ask, out, err);
}

/* No link on the way is followed. */
static int open_below(const char *root, const char *path, struct stat *st, int *out,
                      struct err *err)
{
    char part[BAG_READ_NAME_ROOM];
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (const char *at = path; fd >= 0 && *at;) {
        size_t n = strcspn(at, "/");
        bool last = at[n] == '\0';
        snprintf(part, sizeof part, "%.*s", (int)n, at);
        int next =
            openat(fd, part,
                   O_NOFOLLOW | O_CLOEXEC | (last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY));
        close(fd);
        fd = next;
        at += last ? n : n + 1;
    }
    *out = fd;
    if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return ERR_OK;
    if (fd >= 0)
        close(fd);
    *out = -1;
    return err_set(err, ERR_NOTFOUND, W_("There is no such package."));
}

/* On disk before the first byte. */
static int send_noted(struct serve *s, const struct web_ask *ask, const char *name,
                      const char *path, const char *type, struct web_answer *out, struct err *err)
{
    char job[ACTIONS_JOB_ROOM], state[300], etag[HASH_HEX_ROOM], header[400];
    struct actions_action shown = {.kind = ACTIONS_DOWNLOADED, .package = name};
    struct stat st;
    int fd = -1, rc = open_below(s->root, path, &st, &fd, err);
    if (rc < 0)
        return rc;
    snprintf(state, sizeof state, "%llu %llu %lld %lld.%ld", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
             st.st_mtim.tv_nsec);
    rc = hash_text(state, strlen(state), etag, err);
    if (rc == ERR_OK && !ask->head)
        rc = action_put(s, ask, &shown, job, err);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    const char *slash = strrchr(path, '/');
    snprintf(header, sizeof header, "attachment; filename=\"%.200s\"", slash + 1);
    rc = web_send_file(ask, fd, (uint64_t)st.st_size, etag, type, out, err);
    return rc < 0 ? rc : web_header(out, "Content-Disposition", header, err);
}

/* "/package/NAME", and of a folder "/package/NAME/data/…" */
int serve_package(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    char name[256], *path = NULL, *dir = NULL;
    struct stat st;
    size_t n = strcspn(ask->rest, "/");
    const char *in = ask->rest + n + (ask->rest[n] == '/');
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : 0), ask->rest);
    if (strcmp(web_header_of(ask, "Sec-Fetch-Site"), "cross-site") == 0)
        return err_set(err, ERR_MALFORMED,
                       W_("packages can only be downloaded from their own page"));
    int rc = fsx_path(&dir, err, "%s/packages", s->root);
    int fd = rc == ERR_OK ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    bool there = fd >= 0 && is_package(fd, name, &st);
    if (fd >= 0)
        close(fd);
    free(dir);
    if (rc == ERR_OK && !there)
        rc = err_set(err, ERR_NOTFOUND, W_("There is no such package."));
    if (rc < 0)
        return rc;
    if (S_ISDIR(st.st_mode) && !*in)
        return answer_folder(s, ask, name, out, err);
    if (S_ISDIR(st.st_mode)) {
        struct read_package r;
        struct member m = {.wanted = in};
        read_one(s->root, name, &r);
        each_claim(&r, find_member, &m);
        read_clear(&r);
        if (!m.found || !fsx_path_is_inside(in))
            return err_set(err, ERR_NOTFOUND, W_("There is no such file."));
    } else if (ask->rest[n]) {
        return err_set(err, ERR_NOTFOUND, W_("There is no such file."));
    }
    rc = fsx_path(&path, err, "packages/%s%s%s", name, *in ? "/" : "", in);
    if (rc == ERR_OK)
        rc = send_noted(s, ask, name, path, *in ? "application/octet-stream" : "application/zip",
                        out, err);
    free(path);
    return rc;
}
