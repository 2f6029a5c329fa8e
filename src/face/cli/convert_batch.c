#define _GNU_SOURCE /* ppoll */
#include "convert_batch.h"
#include "cli_internal.h"
#include "dashspool/copy_kind.h"
#include "dashspool/fsx.h"
#include "dashspool/stop.h"
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- which files ---- */

enum { DEPTH_MAX = 64 };

static void complain(const char *path, const char *why)
{
    fprintf(stderr, "dashspool convert: %s: %s\n", cli_shown(path), why);
}

/* The n bytes at text, or "out of memory" and exit: nothing can go on without a list of inputs. */
static char *copy(const char *text, size_t n)
{
    char *s = strndup(text, n);
    if (!s) {
        complain("inputs", "out of memory");
        exit(1);
    }
    return s;
}

static void add_input(struct inputs *list, const char *path, const char *below)
{
    struct input *item = realloc(list->item, (list->n + 1) * sizeof *item);
    if (!item) {
        complain(path, "out of memory");
        exit(1);
    }
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    list->item = item;
    item[list->n++] = (struct input){
        .path = copy(path, strlen(path)),
        .dir = !slash ? copy(".", 1) : copy(path, slash == path ? 1 : (size_t)(slash - path)),
        .below = copy(below, strlen(below)),
        .stem = copy(name, dot && dot != name ? (size_t)(dot - name) : strlen(name)),
    };
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcasecmp(text + n - m, end) == 0;
}

static bool is_footage(const char *name)
{
    static const char *const ends[] = {".h265", ".hevc", ".265", ".jpg", ".jpeg"};
    if (copy_kind_looks_so(name))
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

static int not_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk(struct inputs *list, const char *dir, const char *below, int depth)
{
    struct dirent **names = NULL;
    int failed = 0;
    int n = depth > DEPTH_MAX ? -1 : scandir(dir, &names, not_hidden, by_bytes);
    if (n < 0) {
        complain(dir, depth > DEPTH_MAX ? "folders are nested too deeply" : strerror(errno));
        return 1;
    }
    for (int i = 0; i < n; i++) {
        char path[4096], inner[4096];
        struct stat st;
        const char *name = names[i]->d_name;
        bool root = strcmp(dir, "/") == 0, top = strcmp(below, ".") == 0;
        int a = snprintf(path, sizeof path, "%s/%s", root ? "" : dir, name);
        int b = snprintf(inner, sizeof inner, "%s%s%s", top ? "" : below, top ? "" : "/", name);
        if (a >= (int)sizeof path || b >= (int)sizeof inner || lstat(path, &st) < 0) {
            complain(path, "cannot be read");
            failed++;
        } else if (S_ISDIR(st.st_mode)) {
            failed += walk(list, path, inner, depth + 1);
        } else if (is_footage(name)) {
            add_input(list, path, below);
        }
        free(names[i]);
    }
    free(names);
    return failed;
}

int inputs_collect(struct inputs *out, char *const *path, size_t n)
{
    int failed = 0;
    *out = (struct inputs){0};
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        size_t before = out->n;
        char *clean = copy(path[i], strlen(path[i]));
        for (size_t k = strlen(clean); k > 1 && clean[k - 1] == '/'; k--)
            clean[k - 1] = '\0';
        if (stat(clean, &st) < 0) {
            complain(clean, strerror(errno));
            failed++;
        } else if (!S_ISDIR(st.st_mode)) {
            add_input(out, clean, ".");
        } else {
            int f = walk(out, clean, ".", 0);
            if (f == 0 && out->n == before) {
                complain(clean, "no footage found in this folder (.h265 .hevc .265 .jpg .jpeg)");
                f = 1;
            }
            failed += f;
        }
        free(clean);
    }
    return failed;
}

void inputs_split(struct inputs *list, const struct media_options *options,
                  const struct confine_limits *limits)
{
    struct inputs all = {0};
    for (size_t i = 0; i < list->n; i++) {
        struct input *in = &list->item[i];
        struct err unused;
        int n = 1;
        if (confine_recordings(in->path, options, limits, &n, &unused) < 0)
            n = 1;
        for (int k = 1; k <= n; k++) {
            add_input(&all, in->path, in->below);
            struct input *part = &all.item[all.n - 1];
            if (n == 1)
                continue;
            size_t room = strlen(part->stem) + sizeof "-part" + 12;
            char *stem = malloc(room);
            if (!stem) {
                complain(in->path, "out of memory");
                exit(1);
            }
            snprintf(stem, room, "%s-part%d", part->stem, k);
            free(part->stem);
            part->stem = stem;
            part->recording = k;
        }
    }
    inputs_free(list);
    *list = all;
}

void inputs_free(struct inputs *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->item[i].path);
        free(list->item[i].dir);
        free(list->item[i].below);
        free(list->item[i].stem);
    }
    free(list->item);
    *list = (struct inputs){0};
}

/* ---- side by side ---- */

#define JOBS_MAX 256

struct slot {
    struct confine *c; /* NULL: free */
    const struct input *in;
    char *dir;
    double done;
};

struct batch {
    const struct convert_request *request;
    const struct confine_limits *limits;
    const struct inputs *inputs;
    struct progress *progress;
    batch_ended_fn *ended;
    void *arg;
    struct slot slot[JOBS_MAX + 1]; /* the spare one: its successor is on its way already */
    int jobs, running;              /* … and it is not counted */
    size_t next, n_ended;
};

static int target_dir(const struct batch *b, const struct input *in, char **out, struct err *err)
{
    const char *dir = b->request->out_dir;
    bool nested = dir && strcmp(in->below, ".") != 0;
    size_t n = dir ? strlen(dir) : 0; /* of "mp4/" without the slash: it is put behind */
    while (n > 1 && dir[n - 1] == '/')
        n--;
    int rc = nested ? fsx_path(out, err, "%.*s/%s", (int)n, dir, in->below)
             : dir  ? fsx_path(out, err, "%.*s", (int)n, dir)
                    : fsx_path(out, err, "%s", in->dir);
    return rc == ERR_OK && dir ? fsx_mkdirs(*out, err) : rc;
}

static void show(const struct batch *b)
{
    const struct slot *slowest = NULL;
    double done = (double)b->n_ended;
    for (int i = 0; i <= b->jobs; i++) {
        const struct slot *s = &b->slot[i];
        if (!s->c)
            continue;
        done += s->done;
        slowest = !slowest || s->done < slowest->done ? s : slowest;
    }
    if (slowest)
        progress_show(b->progress, (int)b->n_ended, (int)b->inputs->n, done / (double)b->inputs->n,
                      slowest->in->path);
}

static void tell(struct batch *b, const struct input *in, int rc,
                 const struct convert_result *result, const struct err *err)
{
    progress_clear(b->progress);
    b->n_ended++;
    b->ended(b->arg, in, rc, result, err);
}

static void end_slot(struct batch *b, struct slot *s)
{
    struct convert_result result;
    struct err err;
    const struct input *in = s->in;
    int rc = confine_finish(&s->c, &result, &err);
    free(s->dir);
    *s = (struct slot){0};
    if (!stop_caught() || rc == ERR_OK)
        tell(b, in, rc, &result, &err);
}

/* Two inputs whose copies have the same names: the second waits, and finds the first one's. */
static bool in_the_way(const struct batch *b, const struct input *in, const char *dir)
{
    for (int i = 0; i <= b->jobs; i++)
        if (b->slot[i].c && strcmp(b->slot[i].in->stem, in->stem) == 0 &&
            strcmp(b->slot[i].dir, dir) == 0)
            return true;
    return false;
}

/* The offset of a zone that was named, at the time that the file's name tells: a local one, or one
 * in UTC, which comes out the same however it is read. */
static void apply_zone(const struct clock_tz *zone, const char *path, struct media_facts *f)
{
    struct media_facts as_utc = *f;
    char before[CLOCK_TEXT_ROOM], after[CLOCK_TEXT_ROOM];
    int other = 0;
    media_facts_from_path(path, clock_utc_us(), &as_utc);
    if (!as_utc.has_time)
        return;
    enum clock_local is = clock_tz_local(zone, as_utc.start_utc_us, &f->tz_min, &other);
    f->has_zone = true;
    media_facts_from_path(path, clock_utc_us(), f);
    if (f->start_utc_us == as_utc.start_utc_us) {
        f->tz_min = clock_tz_min(zone, as_utc.start_utc_us);
        return;
    }
    clock_zone(f->tz_min, before);
    clock_zone(other, after);
    if (is == CLOCK_LOCAL_TWICE)
        fprintf(stderr,
                "dashspool convert: %s: the clocks went back: this time of day came twice, %s is "
                "taken; give --tz %s if it was the second\n",
                cli_shown(path), before, after);
    if (is == CLOCK_LOCAL_NEVER)
        fprintf(stderr,
                "dashspool convert: %s: the clocks went forward: there was no such time of day; %s "
                "is taken\n",
                cli_shown(path), before);
}

/* What is known of one file: what was asked for, and what its name and folder tell. */
static struct media_facts facts_of(const struct convert_request *request, const struct input *in)
{
    struct media_facts facts = request->facts;
    if (request->zone && !facts.has_zone && !request->of_one_clip)
        apply_zone(request->zone, in->path, &facts);
    media_facts_from_path(in->path, clock_utc_us(), &facts);
    if (request->of_one_clip && !request->facts.has_time)
        facts.has_time = false; /* --meta without a time: no name is trusted over it */
    return facts;
}

/* False: the next input has to wait. */
static bool start_next(struct batch *b)
{
    struct convert_result none = {0};
    struct err err;
    struct slot *s = b->slot;
    const struct input *in = &b->inputs->item[b->next];
    char *dir = NULL;
    while (s->c)
        s++;
    int rc = target_dir(b, in, &dir, &err);
    if (rc == ERR_OK && in_the_way(b, in, dir)) {
        free(dir);
        return false;
    }
    b->next++;
    struct media_facts facts = facts_of(b->request, in);
    struct convert_options options = b->request->options;
    options.media.recording = in->recording;
    if (rc == ERR_OK)
        rc = confine_start(&s->c, in->path, dir, in->stem, &facts, &options, b->limits, &err);
    if (rc == ERR_OK) {
        s->in = in;
        s->dir = dir;
        b->running++;
    } else {
        free(dir);
        tell(b, in, rc, &none, &err);
    }
    return true;
}

/* Waits until a child has something to say; a stop signal, blocked elsewhere, ends it early. */
static void wait_any(struct batch *b, const sigset_t *open_mask)
{
    struct pollfd p[JOBS_MAX + 1];
    nfds_t n = 0;
    int ms = 1000;
    for (int i = 0; i <= b->jobs; i++) {
        struct slot *s = &b->slot[i];
        if (!s->c)
            continue;
        int own_ms = confine_wait_ms(s->c);
        ms = own_ms < ms ? own_ms : ms;
        p[n++] = (struct pollfd){.fd = confine_fd(s->c), .events = POLLIN};
    }
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    ppoll(p, n, &t, open_mask);
}

static void start_some(struct batch *b)
{
    while (!stop_caught() && b->running < b->jobs && b->next < b->inputs->n && start_next(b))
        ;
}

/* A child is done: what is left is ours, and waits for the disk. Others work meanwhile. */
static void step(struct batch *b, struct slot *s)
{
    if (!s->c || confine_step(s->c, &s->done))
        return;
    b->running--;
    start_some(b);
    end_slot(b, s);
}

static void run(struct batch *b, const sigset_t *open_mask)
{
    while (!stop_caught() && (b->running > 0 || b->next < b->inputs->n)) {
        start_some(b);
        show(b);
        if (b->running > 0)
            wait_any(b, open_mask);
        for (int i = 0; i <= b->jobs && !stop_caught(); i++)
            step(b, &b->slot[i]);
    }
    for (int i = 0; i <= b->jobs; i++)
        if (b->slot[i].c)
            end_slot(b, &b->slot[i]);
    progress_clear(b->progress);
}

static int jobs_of(const struct convert_request *r)
{
    long n = r->jobs > 0 ? r->jobs : sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > JOBS_MAX ? JOBS_MAX : (int)n;
}

int batch_run(const struct convert_request *request, const struct confine_limits *limits,
              const struct inputs *inputs, struct progress *progress, batch_ended_fn *ended,
              void *arg)
{
    struct batch b = {request, limits, inputs, progress, ended, arg, .jobs = jobs_of(request)};
    sigset_t ours, before;
    stop_catch();
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    sigprocmask(SIG_BLOCK, &ours, &before); /* open only while waiting: none is missed */
    run(&b, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    int signum = stop_caught();
    stop_release();
    return signum;
}
