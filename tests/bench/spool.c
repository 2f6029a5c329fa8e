/*
 * Jobs through a spool: put, then claimed and done, by so many processes at once.
 *
 *   bench_spool ROOT [JOBS [CLIENTS]]      default: 2000 jobs, 1 client
 *
 * ROOT is on the disk that is to be measured, and has no spool yet. Of a site's table instead of
 * directories: DASHSPOOL_TEST_ENGINE=site (support/engines.h). Prints jobs a second of both.
 * The work itself is nothing; each claim and each end is durable as the spool promises it.
 */
#include "dashspool/spool.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "support/engines.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_ONCE = 100, FLOWS = 20 };

static void give_up(const struct err *err)
{
    fprintf(stderr, "bench_spool: %s\n", err->text);
    exit(1);
}

/* A job's name is its camera's number, and its own. */
static void order(void *arg, const char *job, struct spool_order *out)
{
    (void)arg;
    out->class = 1;
    snprintf(out->flow, sizeof out->flow, "%.*s", (int)strcspn(job, "-"), job);
    out->age_us = 1 + strtol(strchr(job, '-') + 1, NULL, 10);
}

static void put_jobs(struct spool *spool, int n)
{
    struct err err;
    static const char json[] = "{\"version\": 1, \"id\": \"352093081452251-front-1\"}\n";
    for (int i = 0; i < n; i += AT_ONCE) {
        char name[AT_ONCE][32];
        struct spool_item items[AT_ONCE];
        int k = 0;
        for (; k < AT_ONCE && i + k < n; k++) {
            snprintf(name[k], sizeof name[k], "cam%d-%d", (i + k) % FLOWS, i + k);
            items[k] = (struct spool_item){name[k], json, sizeof json - 1};
        }
        if (spool_put_all(spool, items, (size_t)k, &err) < 0)
            give_up(&err);
    }
}

/* How many were there for us. */
static int work_all(const char *root)
{
    struct err err;
    struct spool *spool = NULL;
    int n = 0;
    if (spool_open(&spool, root, "bench", &err) < 0)
        give_up(&err);
    spool_set_order(spool, order, NULL);
    for (struct spool_job *job = NULL;; n++) {
        if (spool_claim(spool, &job, &err) < 0)
            give_up(&err);
        if (!job)
            break;
        if (spool_finish(spool, &job, &err) < 0)
            give_up(&err);
    }
    spool_close(&spool);
    return n;
}

int main(int argc, char **argv)
{
    struct err err;
    struct spool *spool = NULL;
    if (argc < 2 || argc > 4) {
        fputs("usage: bench_spool ROOT [JOBS [CLIENTS]]\n", stderr);
        return 2;
    }
    int jobs = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 2000;
    int clients = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 1, done = 0, pipes[2];
    engines_begin();
    if (spool_open(&spool, argv[1], "bench", &err) < 0)
        give_up(&err);
    int64_t began_us = clock_mono_us();
    put_jobs(spool, jobs);
    double put_s = (double)(clock_mono_us() - began_us) / 1e6;
    spool_close(&spool);
    if (pipe(pipes) < 0)
        return 1;
    began_us = clock_mono_us();
    for (int i = 0; i < clients; i++)
        if (fork() == 0) {
            int n = work_all(argv[1]);
            _exit(write(pipes[1], &n, sizeof n) != (ssize_t)sizeof n);
        }
    close(pipes[1]);
    for (int n; read(pipes[0], &n, sizeof n) == (ssize_t)sizeof n;)
        done += n;
    double work_s = (double)(clock_mono_us() - began_us) / 1e6;
    while (wait(NULL) > 0)
        continue;
    printf("%d jobs, %d client%s: put %.0f /s (%d at once), claim + done %.0f /s\n", done, clients,
           clients == 1 ? "" : "s", jobs / put_s, AT_ONCE, done / work_s);
    engines_end();
    return done == jobs ? 0 : 1;
}
