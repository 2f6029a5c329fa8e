#include "support/graph.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/spool.h"
#include "support/clips.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define VIDEO         "rear-25fps-6s-silent.h265"
#define VIDEO_BYTES   120000
#define FIRST_TIME_US INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */

/* ---- the ROOT ---- */

static const char twice[] = "#!/bin/sh\n"
                            "cd \"$1\" || exit 75\n"
                            "while [ -e gate ]; do sleep 0.02; done\n"
                            "echo tried >>\"tries/$DASHSPOOL_ID\" || exit 75\n"
                            "n=$(wc -l <\"tries/$DASHSPOOL_ID\") || exit 75\n"
                            "[ \"$n\" -ge 3 ] || { echo 'no way to the insurer yet'; exit 75; }\n"
                            "grep -qxF \"$DASHSPOOL_ID\" ledger\n"
                            "case $? in\n"
                            "0) exit 0 ;; # was entered by a run that was cut short behind it\n"
                            "1) ;;\n"
                            "*) exit 75 ;;\n"
                            "esac\n"
                            "sleep 0.02\n" /* two at a time would show */
                            "echo \"$DASHSPOOL_ID\" >>ledger\n";

static const char never[] = "#!/bin/sh\n"
                            "echo tried >>\"$1/runs/$DASHSPOOL_ID\" || exit 75\n"
                            "sleep 0.01\n"
                            "echo 'the insurer does not want it' >&2\n"
                            "exit 3\n";

const char *graph_path(const struct graph *g, const char *name)
{
    return support_path(g->dir, name);
}

/* One that cameras can be pointed at for good: below those that the kernel gives to others. */
static void choose_port(struct graph *g)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int port = 20000 + (int)getpid() % 10000; port < 32000; port++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        at.sin_port = htons((uint16_t)port);
        bool ok = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
        close(fd);
        snprintf(g->address, sizeof g->address, "127.0.0.1:%d", port);
        if (ok)
            return;
    }
    fail_msg("no port is free");
}

void graph_configure(struct graph *g, const char *retention)
{
    char text[4000];
    int n = snprintf(text, sizeof text,
                     "[receive]\nlisten = %s\nmin_free_mib = 0\n"
                     "[watch]\nenabled = yes\ndirs = %s\nquiet_s = 0.05\nscan_s = 1\n"
                     "after = move\nmin_free_mib = 0\n"
                     "[run]\nrestart = 20 ms\nrestart_max = 200 ms\n"
                     "[convert]\ncopies = working\nretries = 1000\nbackoff = 20 ms\n"
                     "backoff_max = 100 ms\npoll = 20 ms\nnice = 0\nworkers = 2\n"
                     "[exec twice]\ncommand = %s/twice %s\nretries = 1000\nbackoff = 20 ms\n"
                     "backoff_max = 100 ms\npoll = 20 ms\nnice = 0\nworkers = 2\n"
                     "[exec never]\nafter = twice\ncommand = %s/never %s\nretries = 1000\n"
                     "backoff = 20 ms\nbackoff_max = 100 ms\npoll = 20 ms\nnice = 0\n"
                     "[retention]\n%s",
                     g->address, g->in, g->dir, g->dir, g->dir, g->dir, retention);
    assert_true(n > 0 && (size_t)n < sizeof text);
    support_configure(g->root, text);
}

static void write_script(const struct graph *g, const char *name, const char *text)
{
    support_write(graph_path(g, name), text, strlen(text));
    assert_int_equal(chmod(graph_path(g, name), 0700), 0);
}

/* A leak sanitizer has a helper at a process's end, and waits for it for ever if that is killed.
 * tests/bench/soak looks for leaks. */
static void look_for_no_leaks(void)
{
    const char *before = getenv("ASAN_OPTIONS");
    char options[1000];
    snprintf(options, sizeof options, "%s%sdetect_leaks=0", before ? before : "",
             before ? ":" : "");
    assert_int_equal(setenv("ASAN_OPTIONS", options, 1), 0);
}

struct graph *graph_new(const char *binary, const char *retention)
{
    static const char *const stages[] = {"convert", "twice", "never"};
    static const char *const dirs[] = {"in", "tries", "runs", "calls"};
    struct graph *g = calloc(1, sizeof *g);
    struct spool *spool;
    struct err err;
    assert_non_null(g);
    g->binary = binary;
    g->dir = support_tmp_dir();
    snprintf(g->root, sizeof g->root, "%s/root", g->dir);
    snprintf(g->in, sizeof g->in, "%s/in", g->dir);
    choose_port(g);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        assert_ok(fsx_mkdirs(graph_path(g, dirs[i]), &err));
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        assert_ok(spool_open(&spool, g->root, stages[i], &err));
        spool_close(&spool);
    }
    support_write(graph_path(g, "ledger"), "", 0);
    write_script(g, "twice", twice);
    write_script(g, "never", never);
    graph_configure(g, retention);
    tree_adopt();
    look_for_no_leaks();
    return g;
}

/* ---- what it gets ---- */

struct graph_item *graph_add(struct graph *g, const char *imei, bool photo, struct buf *bytes)
{
    char time[CLOCK_TEXT_ROOM];
    struct err err;
    assert_true(g->n < GRAPH_ITEMS);
    unsigned number = (unsigned)g->n;
    struct graph_item *it = &g->item[g->n];
    it->time_us = FIRST_TIME_US + (int64_t)g->n * 1000000;
    clock_compact(it->time_us, time);
    snprintf(it->id, sizeof it->id, "%s-front-%s-%s", imei, photo ? "photo" : "video", time);
    it->photo = photo;
    *bytes = photo ? clips_photo(number) : clips_video(VIDEO, VIDEO_BYTES, number);
    assert_ok(hash_text(buf_data(bytes), bytes->used, it->sha256, &err));
    g->n++;
    return it;
}

/* Under another name first, as rsync does it. */
void graph_drop(struct graph *g, bool photo, bool doomed)
{
    char dir[400], part[500], path[500];
    struct buf bytes;
    struct err err;
    const char *imei = doomed ? GRAPH_DOOMED : "352093081450008", *end = photo ? "jpg" : "h265";
    struct graph_item *it = graph_add(g, imei, photo, &bytes);
    it->dropped = true;
    it->doomed = doomed;
    snprintf(dir, sizeof dir, "%s/%s/front", g->in, imei);
    snprintf(part, sizeof part, "%s/.%s", dir, strrchr(it->id, '-') + 1);
    snprintf(path, sizeof path, "%s/%s.%s", dir, strrchr(it->id, '-') + 1, end);
    assert_ok(fsx_mkdirs(dir, &err));
    support_write(part, buf_data(&bytes), bytes.used);
    assert_int_equal(rename(part, path), 0);
    buf_clear(&bytes);
}

void graph_hand_over(struct graph *g, bool photo)
{
    char imei[16], name[40];
    struct buf bytes;
    snprintf(imei, sizeof imei, "35000000000000%zu", g->n % 5);
    snprintf(name, sizeof name, "calls/%zu.%s", g->n, photo ? "jpg" : "h265");
    graph_add(g, imei, photo, &bytes)->calls = true;
    support_write(graph_path(g, name), buf_data(&bytes), bytes.used);
    buf_clear(&bytes);
}
