/* The whole graph, as `dashspool run` works it: cameras and a watched folder → convert → a command
 * that fails twice, then works → one that always fails → retention. First every state of it, as it
 * is seen from outside; then with its processes killed at random. */
#define _GNU_SOURCE /* flock */
#include "dashspool/clock.h"
#include "support/graph.h"
#include "support/world.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

#define KILLS       100
#define SEED        20261121
#define CATCH_US    INT64_C(400000) /* so long a process of a role is waited for */
#define PAUSE_US    120000          /* at most, from kill to kill */
#define SETTLE_S    150
#define PHOTO_FRONT 3 /* its slot */
#define DOOMED_LEFT 4 /* photos of 217 kB in a megabyte */

#define RETENTION   "masters = " GRAPH_DOOMED " 1MB\nevery_min = "

static int set_up(void **state)
{
    *state = graph_new(DASHSPOOL_BINARY, "");
    return 0;
}

static int tear_down(void **state)
{
    struct graph *g = *state;
    graph_free(&g);
    return 0;
}

static int doomed_left(const struct graph *g)
{
    int n = 0;
    for (size_t i = 0; i < g->n; i++)
        n += g->item[i].doomed;
    return n < DOOMED_LEFT ? n : DOOMED_LEFT;
}

/* Retention does its work, everything ends, and is looked at. */
static struct graph_tally end(struct graph *g)
{
    int left = doomed_left(g);
    int64_t until_us = clock_mono_us() + SETTLE_S * INT64_C(1000000);
    graph_configure(g, RETENTION "1\n");
    graph_reload(g);
    for (; graph_count(g, GRAPH_DOOMED) != left; graph_tend(g))
        if (clock_mono_us() > until_us)
            fail_msg("%d instead of %d are left", graph_count(g, GRAPH_DOOMED), left);
    graph_stop(g);
    return graph_judge(g);
}

/* ---- states ---- */

enum { STAGES = 3, PLACES = 4 };
static const char *const stages[STAGES] = {"convert", "twice", "never"};
static const char *const places[PLACES] = {"tmp", "new", "cur", "failed"};

/* What came where, as the kernel tells it. */
struct sights {
    int fd, wd[STAGES][PLACES], n[STAGES][PLACES];
};

static void begin_to_look(struct sights *s, const struct graph *g)
{
    s->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    assert_true(s->fd >= 0);
    for (int i = 0; i < STAGES; i++)
        for (int k = 0; k < PLACES; k++) {
            char name[60];
            snprintf(name, sizeof name, "root/spool/%s/%s", stages[i], places[k]);
            s->wd[i][k] =
                inotify_add_watch(s->fd, graph_path(g, name), k == 0 ? IN_CREATE : IN_MOVED_TO);
            assert_true(s->wd[i][k] >= 0);
        }
}

static void look(struct sights *s)
{
    alignas(struct inotify_event) char events[16384];
    ssize_t n;
    while ((n = read(s->fd, events, sizeof events)) > 0)
        for (char *p = events; p < events + n;) {
            const struct inotify_event *e = (const void *)p;
            assert_false(e->mask & IN_Q_OVERFLOW);
            for (int i = 0; i < STAGES; i++)
                for (int k = 0; k < PLACES; k++)
                    s->n[i][k] += s->wd[i][k] == e->wd;
            p += sizeof *e + e->len;
        }
}

/* A transfer as it comes in: its camera goes away in the middle, and comes back. */
static void see_it_come(struct graph *g)
{
    struct world w = {.binary = g->binary};
    struct world_rows rows;
    struct world_camera camera;
    struct buf bytes;
    struct graph_item *it = graph_add(g, "350000000000009", true, &bytes);
    struct simulate_config config = {.imei = 350000000000009, .protocol_id = 5, .meta_version = 3};
    config.file[PHOTO_FRONT] = (struct simulate_file){.data = buf_data(&bytes), .n = bytes.used};
    config.file[PHOTO_FRONT].meta.time_ms = (uint64_t)(it->time_us / 1000);
    config.fault[config.n_faults++] = (struct simulate_fault){SIMULATE_SILENCE, 100};
    snprintf(w.root, sizeof w.root, "%s", g->root);
    snprintf(w.port, sizeof w.port, "%s", strchr(g->address, ':') + 1);
    world_camera_connect(&w, &config, &camera);
    world_camera_send(&camera, 99 * 1024);
    world_wait_stored(&w, "350000000000009", 99 * 1024);
    world_rows(&w, "350000000000009", &rows);
    assert_int_equal(rows.row[0].state, CATALOGUE_RECEIVING);
    world_camera_close(&camera);
    world_settled_rows(&w, "350000000000009", &rows);
    assert_int_equal(rows.row[0].state, CATALOGUE_PARTIAL);
    config.n_faults = 0;
    assert_int_equal(world_camera_run(&w, &config), 1);
    world_rows(&w, "350000000000009", &rows);
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.row[0].state, CATALOGUE_STORED);
    assert_int_equal(rows.row[0].connections, 2);
    it->acknowledged = true;
    buf_clear(&bytes);
}

/* The only job in cur/ of `twice`, which waits at the gate: its lock's descriptor, and its name. */
static int open_claim(struct graph *g, char job[CATALOGUE_ID_ROOM])
{
    char name[200];
    int64_t until_us = clock_mono_us() + SETTLE_S * INT64_C(1000000);
    for (job[0] = '\0'; !job[0]; graph_tend(g)) {
        DIR *d = opendir(graph_path(g, "root/spool/twice/cur"));
        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));)
            if (e->d_name[0] != '.')
                snprintf(job, CATALOGUE_ID_ROOM, "%.90s", e->d_name);
        closedir(d);
        assert_true(clock_mono_us() < until_us);
    }
    snprintf(name, sizeof name, "root/spool/twice/cur/%s/lock", job);
    int fd = open(graph_path(g, name), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* The worker whose command runs. */
static bool kill_the_worker(const char *words)
{
    struct tree_process p[TREE_MAX];
    size_t n = tree_read(p);
    for (size_t i = 0; i < n; i++)
        if (p[i].role == TREE_SUPERVISOR && strstr(p[i].words, words))
            return kill(p[i].parent, SIGKILL) == 0;
    return false;
}

/* Its worker is alive: nobody else may have it. Killed: it is taken up again, and that counts. */
static void see_a_claim_and_its_worker_killed(struct graph *g)
{
    char job[CATALOGUE_ID_ROOM], name[200];
    int lock = open_claim(g, job);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    assert_true(kill_the_worker("--stage twice"));
    assert_int_equal(flock(lock, LOCK_SH), 0); /* when the worker and its supervisor are gone */
    close(lock);
    snprintf(name, sizeof name, "root/spool/twice/cur/%s/attempt", job);
    int64_t until_us = clock_mono_us() + SETTLE_S * INT64_C(1000000);
    for (; !support_exists(graph_path(g, name)); graph_tend(g))
        assert_true(clock_mono_us() < until_us);
    struct buf attempt = support_read(graph_path(g, name));
    assert_memory_equal(buf_data(&attempt), "2\n", 2);
    buf_clear(&attempt);
}

/* Of n files that were not tried in vain; one claim was killed. */
static void judge_sights(struct sights *s, int n)
{
    look(s);
    for (int i = 0; i < STAGES; i++) {
        int turns = i == 1 ? GRAPH_TRIES * n + 1 : n;
        printf("%s: %d in tmp/, %d in new/, %d in cur/, %d in failed/\n", stages[i], s->n[i][0],
               s->n[i][1], s->n[i][2], s->n[i][3]);
        assert_true(s->n[i][0] >= n);
        assert_int_equal(s->n[i][1], turns);
        assert_int_equal(s->n[i][2], turns);
        assert_int_equal(s->n[i][3], i == 2 ? n : 0);
    }
    close(s->fd);
}

static void test_every_state_is_seen(void **state)
{
    char address[64];
    struct graph *g = *state;
    struct proc run = {.pid = 0};
    struct sights s = {.fd = -1};
    begin_to_look(&s, g);
    support_write(graph_path(g, "gate"), "", 0);
    graph_start(g);
    run.pid = g->run;
    snprintf(run.log, sizeof run.log, "%s", g->log);
    proc_wait_for(&run, "listening on ", address, sizeof address);
    see_it_come(g);
    see_a_claim_and_its_worker_killed(g);
    assert_int_equal(unlink(graph_path(g, "gate")), 0);
    for (int i = 0; i < 7; i++) {
        graph_hand_over(g, i % 4 == 0);
        graph_drop(g, i > 0, i > 0);
    }
    graph_settle(g, SETTLE_S);
    judge_sights(&s, (int)g->n);
    struct graph_tally t = end(g);
    assert_int_equal(t.deleted, 2);
    assert_int_equal(t.unneeded + t.left, 0);
}

/* ---- kills ---- */

enum { ROLES = TREE_ROLES - TREE_RUN, CATCH_TIMES = 3 };

struct kills {
    struct graph *g;
    uint64_t random;
    enum tree_role order[ROLES];
    int turn, n, of[TREE_ROLES];
};

static uint64_t next_random(struct kills *k, uint64_t below)
{
    k->random ^= k->random << 13; /* xorshift64 (Marsaglia 2003) */
    k->random ^= k->random >> 7;
    k->random ^= k->random << 17;
    return k->random % below;
}

static void tend_for(struct graph *g, int64_t us)
{
    int64_t until_us = clock_mono_us() + us;
    do
        graph_tend(g);
    while (clock_mono_us() < until_us);
}

/* One of those that have the role now; all roles that may be killed: TREE_ROLES. */
static const struct tree_process *choose(struct kills *k, enum tree_role role)
{
    static struct tree_process all[TREE_MAX];
    size_t n = tree_read(all), fit[TREE_MAX], n_fit = 0;
    for (size_t i = 0; i < n; i++)
        if (all[i].role != TREE_OTHER && (role == TREE_ROLES || all[i].role == role))
            fit[n_fit++] = i;
    return n_fit == 0 ? NULL : &all[fit[next_random(k, n_fit)]];
}

static void feed(struct kills *k)
{
    bool photo = k->g->n % 4 < 2, doomed = k->g->n % 8 == 0;
    if (k->g->n % 2)
        graph_hand_over(k->g, photo);
    else
        graph_drop(k->g, photo || doomed, doomed);
}

/* Most live only while there is work. */
static const struct tree_process *catch_one(struct kills *k, enum tree_role role)
{
    const struct tree_process *p = NULL;
    for (int i = 0; !p && role != TREE_ORPHAN && i < CATCH_TIMES; i++) {
        int64_t until_us = clock_mono_us() + CATCH_US;
        feed(k);
        while (!(p = choose(k, role)) && clock_mono_us() < until_us)
            graph_tend(k->g);
    }
    if (!p)
        p = choose(k, role);
    return p ? p : choose(k, TREE_ROLES);
}

/* All roles in turn, in ever another order: by chance it would be the long-lived ones. */
static enum tree_role next_role(struct kills *k)
{
    if (k->turn == 0)
        for (int i = 0; i < ROLES; i++) {
            int other = (int)next_random(k, (uint64_t)i + 1);
            k->order[i] = k->order[other];
            k->order[other] = (enum tree_role)(TREE_RUN + i);
        }
    enum tree_role role = k->order[k->turn];
    k->turn = (k->turn + 1) % ROLES;
    return role;
}

static void kill_one(struct kills *k)
{
    char retention[200];
    enum tree_role role = next_role(k);
    if (role == TREE_SWEEP && k->g->run > 0) { /* it runs for a moment when its settings change */
        snprintf(retention, sizeof retention, RETENTION "%d\n", 1000 + k->n);
        graph_configure(k->g, retention);
        graph_reload(k->g);
    }
    const struct tree_process *p = catch_one(k, role);
    if (!p || kill(p->pid, SIGKILL) < 0)
        return; /* gone meanwhile */
    k->of[p->role]++;
    k->n++;
}

static int setting(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text ? (int)strtol(text, NULL, 10) : otherwise;
}

static void test_whatever_is_killed_every_job_is_done_once_in_effect(void **state)
{
    int kills = setting("GRAPH_KILLS", KILLS), seed = setting("GRAPH_SEED", SEED);
    struct kills k = {.g = *state, .random = (uint64_t)seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    int64_t began_us = clock_mono_us();
    printf("GRAPH_SEED=%d GRAPH_KILLS=%d\n", seed, kills);
    graph_configure(k.g, RETENTION "1000\n");
    graph_start(k.g);
    while (k.n < kills) {
        feed(&k);
        tend_for(k.g, (int64_t)next_random(&k, PAUSE_US));
        kill_one(&k);
    }
    int64_t killed_us = clock_mono_us();
    for (int i = TREE_RUN; i < TREE_ROLES; i++)
        printf("%s%d %s", i == TREE_RUN ? "killed: " : ", ", k.of[i],
               tree_role_name((enum tree_role)i));
    printf("; in %.0f s\n", (double)(killed_us - began_us) / 1e6);
    fflush(stdout);
    graph_settle(k.g, SETTLE_S);
    printf("settled in %.0f s\n", (double)(clock_mono_us() - killed_us) / 1e6);
    struct graph_tally t = end(k.g);
    printf("%d files, %d of them deleted since; run started %d times; %d runs of a command, %d "
           "beyond what it needs; %d directories left in tmp/\n",
           t.files, t.deleted, k.g->starts, t.runs, t.unneeded, t.left);
    assert_true(t.deleted > 0);
    for (int i = TREE_RUN; i < TREE_ORPHAN; i++)
        assert_true(k.of[i] > 0 || kills < KILLS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        E2E(test_every_state_is_seen),
        E2E(test_whatever_is_killed_every_job_is_done_once_in_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
