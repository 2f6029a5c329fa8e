/*
 * parts: what a receiver and a worker do with a site's doors, and nothing else: no camera, no
 * catalogue, no FFmpeg. For the fault run of the doors themselves (tests/site/faults --parts).
 *
 *   site_parts put ROOT MS       makes a file every MS milliseconds; each is put into the store and
 *                                a job is put for it; then ROOT/acks has a line, "SHA256 NAME", on
 *                                disk. Begins where acks ends; tries each until it is done. Makes
 * no more when there is a file ROOT/stop, and answers with ROOT/stopped. site_parts work ROOT
 * claims jobs, gets the original, puts what is made of it (each byte with 0x5a), ends the job; then
 * ROOT/done has a line, "NAME ATTEMPT". ROOT/lost has one for each that somebody else had by then.
 * Until SIGTERM.
 *
 * ROOT/site.conf.d has the settings, [site] alone.
 */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/objects.h"
#include "dashspool/site.h"
#include "dashspool/spool.h"
#include "dashspool/table.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BYTES_MAX = 400 * 1024, LOOK_MS = 200, PATIENCE_MS = 8000 };

static struct site *site;
static struct objects *store;
static struct spool *spool;
static const char *root;
static volatile sig_atomic_t ending;

static void on_term(int signum)
{
    (void)signum;
    ending = 1;
}

static int say(const char *what, const struct err *err)
{
    char when[CLOCK_TEXT_ROOM];
    clock_rfc3339(clock_utc_us(), 3, when);
    fprintf(stderr, "%s %s: %s\n", when, what, err->text);
    return 1;
}

/* A line at the end of ROOT/NAME, on disk. */
static void note(const char *name, const char *a, const char *b)
{
    char path[4096], line[300];
    int n = snprintf(line, sizeof line, "%s %s\n", a, b);
    snprintf(path, sizeof path, "%s/%s", root, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, line, (size_t)n) != n || fsync(fd) < 0)
        abort();
    close(fd);
}

static int open_all(struct err *err)
{
    static struct cfg *cfg;
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/site.conf.d", root);
    int rc = cfg_load(&cfg, dir, &site_cfg_section, 1, err);
    if (rc == ERR_OK)
        rc = site_load(&site, cfg, err);
    if (rc == ERR_OK && !site)
        rc = err_set(err, ERR_CONFIG, "%s: no site", dir);
    if (rc < 0)
        return rc;
    site_use(site);
    if ((rc = objects_open(&store, site, err)) == ERR_OK)
        objects_patience(store, PATIENCE_MS);
    while (rc == ERR_OK && !ending && !spool) {
        rc = spool_open(&spool, root, "convert", err);
        if (rc < 0 && err_is_temporary(rc)) {
            say("open", err);
            poll(NULL, 0, LOOK_MS);
            rc = ERR_OK;
        }
    }
    return rc;
}

/* ---- put ---- */

/* The seq-th file of this node: always the same bytes. */
static size_t make(uint8_t *out, long seq)
{
    uint64_t x = FNV_BEGIN;
    x = fnv_add(x, site_node(site), strlen(site_node(site)));
    x = fnv_add(x, &seq, sizeof seq);
    size_t n = 1 + (size_t)(x >> 20) % BYTES_MAX;
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out[i] = (uint8_t)x;
    }
    return n;
}

static int hand_over(const uint8_t *data, size_t n, const char *sha256, const char *name,
                     struct err *err)
{
    char key[OBJECTS_KEY_ROOM], json[200];
    struct objects_facts facts;
    int rc = objects_key(key, "masters", sha256, "", err);
    struct objects_put put = {
        .key = key, .data = data, .n = (int64_t)n, .sha256 = sha256, .by_content = true};
    if (rc == ERR_OK)
        rc = objects_put(store, &put, err);
    if (rc == ERR_OK)
        rc = objects_head(store, key, &facts, err);
    if (rc == ERR_OK && facts.bytes != (int64_t)n)
        rc = err_set(err, ERR_IO, "%s has %lld bytes", key, (long long)facts.bytes);
    if (rc < 0)
        return rc;
    int length = snprintf(json, sizeof json, "{\"sha256\":\"%s\"}", sha256);
    note("puts", sha256, name);
    return spool_put(spool, name, json, (size_t)length, err);
}

static long count_acks(void)
{
    char path[4096], line[300];
    long n = 0;
    snprintf(path, sizeof path, "%s/acks", root);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        n++;
    if (f)
        fclose(f);
    return n;
}

static bool is_there(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return access(path, F_OK) == 0;
}

static int put_all(int pace_ms, struct err *err)
{
    static uint8_t data[BYTES_MAX + 1];
    for (long seq = count_acks(); !ending && !is_there("stop");) {
        char sha256[HASH_HEX_ROOM], name[SPOOL_NAME_ROOM];
        size_t n = make(data, seq);
        snprintf(name, sizeof name, "%s-%ld", site_node(site), seq);
        int rc = hash_text(data, n, sha256, err);
        while (rc == ERR_OK && !ending && (rc = hand_over(data, n, sha256, name, err)) < 0) {
            say(name, err);
            if (!err_is_temporary(rc))
                return rc;
            poll(NULL, 0, LOOK_MS);
            rc = ERR_OK;
        }
        if (rc < 0)
            return rc;
        if (ending)
            break;
        note("acks", sha256, name);
        seq++;
        poll(NULL, 0, pace_ms);
    }
    if (!ending)
        note("stopped", "no", "more");
    while (!ending)
        poll(NULL, 0, LOOK_MS);
    return ERR_OK;
}

/* ---- work ---- */

/* The original becomes a copy beside it. */
static int convert(const char *master, const char *copy, struct err *err)
{
    static uint8_t data[BYTES_MAX + 1];
    struct buf whole;
    buf_init(&whole, BYTES_MAX + 1);
    int rc = fsx_read_file(master, &whole, err);
    for (size_t i = 0; rc == ERR_OK && i < whole.used; i++)
        data[i] = buf_data(&whole)[i] ^ 0x5a;
    if (rc == ERR_OK)
        rc = fsx_write_file(copy, data, whole.used, err);
    buf_clear(&whole);
    return rc;
}

static int get_master(const char *path, const char *sha256, struct err *err)
{
    char key[OBJECTS_KEY_ROOM];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = fd < 0 ? err_sys(err, "open %s", path) : objects_key(key, "masters", sha256, "", err);
    if (rc == ERR_OK)
        rc = objects_get_file(store, key, fd, sha256, err);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int put_copy(const char *path, struct err *err)
{
    char key[OBJECTS_KEY_ROOM], sha256[HASH_HEX_ROOM];
    uint8_t digest[HASH_BYTES];
    int rc = hash_file(path, digest, err);
    if (rc < 0)
        return rc;
    hash_hex(digest, sha256);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    rc = fd < 0 ? err_sys(err, "open %s", path) : objects_key(key, "copies", sha256, "", err);
    struct objects_put put = {.key = key,
                              .fd = fd,
                              .n = fd < 0 ? 0 : (int64_t)lseek(fd, 0, SEEK_END),
                              .sha256 = sha256,
                              .by_content = true};
    if (rc == ERR_OK)
        rc = objects_put(store, &put, err);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int do_job(struct spool_job *job, struct err *err)
{
    char master[4096], copy[4096], sha256[HASH_HEX_ROOM] = "";
    snprintf(master, sizeof master, "%s/master", spool_job_dir(job));
    snprintf(copy, sizeof copy, "%s/copy", spool_job_dir(job));
    const char *at = strstr(spool_job_json(job), "\":\"");
    snprintf(sha256, sizeof sha256, "%s", at ? at + 3 : "");
    int rc = get_master(master, sha256, err);
    if (rc == ERR_OK)
        rc = convert(master, copy, err);
    return rc == ERR_OK ? put_copy(copy, err) : rc;
}

static void work_one(struct spool_job *job)
{
    char name[SPOOL_NAME_ROOM], attempt[16];
    struct err err = {0}, later = {0};
    snprintf(name, sizeof name, "%s", spool_job_name(job));
    snprintf(attempt, sizeof attempt, "%d", spool_job_attempt(job));
    int rc = do_job(job, &err);
    if (rc == ERR_OK)
        rc = spool_finish(spool, &job, &err);
    if (rc == ERR_OK) {
        note("done", name, attempt);
        return;
    }
    say(name, &err);
    if (rc == ERR_LOST)
        note("lost", name, attempt);
    if (job && rc != ERR_LOST && spool_release(spool, &job, LOOK_MS, &later) < 0)
        say(name, &later);
    spool_job_free(&job);
}

static int work_all(void)
{
    struct err err;
    while (!ending) {
        struct spool_job *job = NULL;
        int watch = spool_watch(spool);
        if (spool_claim(spool, &job, &err) < 0)
            say("claim", &err);
        if (job) {
            work_one(job);
            continue;
        }
        if (spool_sweep(spool, NULL, &err) < 0)
            say("sweep", &err);
        struct pollfd p = {.fd = watch, .events = POLLIN};
        poll(&p, watch >= 0, LOOK_MS);
    }
    return ERR_OK;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    if (argc < 3) {
        fprintf(stderr, "usage: site_parts put ROOT MS | site_parts work ROOT\n");
        return 2;
    }
    root = argv[2];
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_term}, NULL);
    int rc = open_all(&err);
    if (rc == ERR_OK)
        rc = strcmp(argv[1], "put") == 0 && argc == 4
                 ? put_all((int)strtol(argv[3], NULL, 10), &err)
                 : work_all();
    spool_close(&spool);
    objects_close(&store);
    return rc < 0 ? say(argv[1], &err) : 0;
}
