/* Sessions: who logged in, known by the hash of a random cookie; in ROOT/access/sessions, so that a
 * restart ends none. A line each: hash, mark, when it began, when it was seen last, name. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "web_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SESSIONS_MAX = 4096, LINE_ROOM = 256 };
#define SAVE_US INT64_C(60000000) /* when it was seen is written that often */

static bool is_over(const struct sessions *all, const struct session *s, int64_t now_us)
{
    return now_us - s->seen_us > all->idle_us || now_us - s->began_us > all->life_us ||
           s->began_us > now_us + all->idle_us; /* of a clock that was wrong */
}

static void drop(struct sessions *all, size_t i)
{
    all->list[i] = all->list[--all->n];
    all->changed = true;
}

static int add(struct sessions *all, const struct session *s, struct err *err)
{
    if (all->n == SESSIONS_MAX) { /* whoever was not seen for longest */
        size_t oldest = 0;
        for (size_t i = 1; i < all->n; i++)
            if (all->list[i].seen_us < all->list[oldest].seen_us)
                oldest = i;
        drop(all, oldest);
    }
    struct session *more = realloc(all->list, (all->n + 1) * sizeof *more);
    if (!more)
        return err_nomem(err, "a session");
    all->list = more;
    all->list[all->n++] = *s;
    all->changed = true;
    return ERR_OK;
}

/* A line that is none of ours is left out: its person logs in again. */
static int read_line(struct sessions *all, const char *line, struct err *err)
{
    struct session s = {.sha256 = ""};
    int at = 0;
    if (sscanf(line, "%64[0-9a-f] %" SCNd64 " %" SCNd64 " %" SCNd64 " %n", s.sha256, &s.mark,
               &s.began_us, &s.seen_us, &at) != 4 ||
        at == 0 || strlen(s.sha256) != HASH_HEX_ROOM - 1 || strlen(line + at) >= sizeof s.name)
        return ERR_OK;
    snprintf(s.name, sizeof s.name, "%s", line + at);
    return is_over(all, &s, clock_utc_us()) ? ERR_OK : add(all, &s, err);
}

int sessions_open(struct sessions *all, const char *root, int64_t idle_us, int64_t life_us,
                  struct err *err)
{
    struct buf b;
    *all = (struct sessions){.idle_us = idle_us, .life_us = life_us};
    int rc = fsx_path(&all->path, err, "%s/access/sessions", root);
    if (rc < 0)
        return rc;
    buf_init(&b, (size_t)SESSIONS_MAX * LINE_ROOM);
    struct err none;
    if (fsx_read_file(all->path, &b, &none) == ERR_OK &&
        (rc = buf_append(&b, "", 1, err)) == ERR_OK) {
        char *line = (char *)b.mem + b.start;
        for (char *end; rc == ERR_OK && (end = strchr(line, '\n')); line = end + 1) {
            *end = '\0';
            rc = read_line(all, line, err);
        }
    }
    buf_clear(&b);
    all->changed = false;
    all->saved_us = clock_mono_us();
    return rc;
}

static int save(struct sessions *all, struct err *err)
{
    struct buf b;
    buf_init(&b, (size_t)SESSIONS_MAX * LINE_ROOM);
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < all->n; i++) {
        const struct session *s = &all->list[i];
        char line[LINE_ROOM];
        int n = snprintf(line, sizeof line, "%s %" PRId64 " %" PRId64 " %" PRId64 " %s\n",
                         s->sha256, s->mark, s->began_us, s->seen_us, s->name);
        rc = buf_append(&b, line, (size_t)n, err);
    }
    if (rc == ERR_OK)
        rc = fsx_write_file(all->path, buf_data(&b), b.used, err);
    buf_clear(&b);
    all->changed = rc < 0;
    all->saved_us = clock_mono_us();
    return rc;
}

static struct session *find(struct sessions *all, const char *cookie, size_t *at)
{
    char sha256[HASH_HEX_ROOM];
    struct err unimportant;
    if (strlen(cookie) != HASH_HEX_ROOM - 1 ||
        hash_text(cookie, strlen(cookie), sha256, &unimportant) < 0)
        return NULL;
    for (*at = 0; *at < all->n; ++*at) /* of hashes nobody learns by how long it took */
        if (memcmp(all->list[*at].sha256, sha256, HASH_HEX_ROOM - 1) == 0)
            return &all->list[*at];
    return NULL;
}

bool sessions_has(const struct sessions *all, const char *sha256)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->list[i].sha256, sha256) == 0)
            return !is_over(all, &all->list[i], clock_utc_us());
    return false;
}

const struct session *sessions_find(struct sessions *all, const char *cookie)
{
    size_t at;
    int64_t now_us = clock_utc_us();
    struct session *s = find(all, cookie, &at);
    if (s && is_over(all, s, now_us)) {
        drop(all, at);
        return NULL;
    }
    if (s && now_us > s->seen_us)
        s->seen_us = now_us;
    return s;
}

int sessions_new(struct sessions *all, const char *name, int64_t mark, char cookie[HASH_HEX_ROOM],
                 struct err *err)
{
    unsigned char bytes[HASH_BYTES];
    struct session s = {.mark = mark, .began_us = clock_utc_us()};
    s.seen_us = s.began_us;
    snprintf(s.name, sizeof s.name, "%s", name);
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return err_sys(err, "random numbers");
    hash_hex(bytes, cookie);
    int rc = hash_text(cookie, strlen(cookie), s.sha256, err);
    if (rc == ERR_OK)
        rc = add(all, &s, err);
    return rc < 0 ? rc : save(all, err);
}

int sessions_end(struct sessions *all, const char *cookie, struct err *err)
{
    size_t at;
    if (!find(all, cookie, &at))
        return ERR_OK;
    drop(all, at);
    return save(all, err);
}

int sessions_keep(struct sessions *all, struct err *err)
{
    if (clock_mono_us() - all->saved_us < SAVE_US && !all->changed)
        return ERR_OK;
    int64_t now_us = clock_utc_us();
    for (size_t i = all->n; i-- > 0;)
        if (is_over(all, &all->list[i], now_us))
            drop(all, i);
    return all->n || all->changed ? save(all, err) : ERR_OK;
}

void sessions_close(struct sessions *all)
{
    struct err unimportant;
    if (all->path && all->n)
        (void)!save(all, &unimportant); /* when they were seen last */
    free(all->path);
    free(all->list);
    *all = (struct sessions){.n = 0};
}
