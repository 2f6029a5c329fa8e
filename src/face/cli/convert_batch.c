#define _GNU_SOURCE /* ppoll */
#include "convert_batch.h"
#include "cli_internal.h"
#include "dashspool/copy_kind.h"
#include "dashspool/fsx.h"
#include "dashspool/stop.h"
#include "dashspool/text.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wctype.h>

/* ---- which files ---- */

enum { DEPTH_MAX = 64 };

/* Nothing can go on without a list of inputs. */
static void *or_exit(void *memory)
{
    if (!memory) {
        fprintf(stderr, "dashspool convert: out of memory\n");
        exit(1);
    }
    return memory;
}

static char *copy(const char *text, size_t n)
{
    return or_exit(strndup(text, n));
}

static void complain(struct inputs *list, const char *path, const char *why)
{
    struct err err;
    err_set(&err, ERR_NOTFOUND, "%s: %s", path, why);
    fprintf(stderr, "dashspool convert: %s\n", cli_shown(err.text));
    or_exit(fsx_names_add(&list->failed, err.text, &err) == ERR_OK ? list : NULL);
}

static void add_input(struct inputs *list, const char *path, const char *below)
{
    struct input *item = or_exit(realloc(list->item, (list->n + 1) * sizeof *item));
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

static void walk(struct inputs *list, const char *dir, const char *below, int depth)
{
    struct dirent **names = NULL;
    int n = depth > DEPTH_MAX ? -1 : scandir(dir, &names, not_hidden, by_bytes);
    if (n < 0) {
        complain(list, dir, depth > DEPTH_MAX ? "folders are nested too deeply" : strerror(errno));
        return;
    }
    for (int i = 0; i < n; i++) {
        char path[4096], inner[4096];
        struct stat st;
        const char *name = names[i]->d_name;
        bool root = strcmp(dir, "/") == 0, top = strcmp(below, ".") == 0;
        int a = snprintf(path, sizeof path, "%s/%s", root ? "" : dir, name);
        int b = snprintf(inner, sizeof inner, "%s%s%s", top ? "" : below, top ? "" : "/", name);
        if (a >= (int)sizeof path || b >= (int)sizeof inner || lstat(path, &st) < 0) {
            complain(list, path, "cannot be read");
        } else if (S_ISDIR(st.st_mode)) {
            walk(list, path, inner, depth + 1);
        } else if (is_footage(name)) {
            add_input(list, path, below);
        } else {
            list->others += !copy_kind_looks_so(name);
        }
        free(names[i]);
    }
    free(names);
}

void inputs_collect(struct inputs *out, char *const *path, size_t n)
{
    *out = (struct inputs){0};
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        size_t before = out->n, failed = out->failed.n;
        char *clean = copy(path[i], strlen(path[i]));
        for (size_t k = strlen(clean); k > 1 && clean[k - 1] == '/'; k--)
            clean[k - 1] = '\0';
        if (stat(clean, &st) < 0) {
            complain(out, clean, strerror(errno));
        } else if (!S_ISDIR(st.st_mode)) {
            add_input(out, clean, ".");
        } else {
            walk(out, clean, ".", 0);
            if (out->failed.n == failed && out->n == before)
                complain(out, clean,
                         "no footage found in this folder (.h265 .hevc .265 .jpg .jpeg)");
        }
        free(clean);
    }
}

/* ---- names of their own ---- */

static void input_clear(struct input *in)
{
    free(in->path);
    free(in->dir);
    free(in->below);
    free(in->stem);
}

/* An input, and what tells it apart. */
struct place {
    struct input *in;
    char *real; /* the folder that it is in, without links and dots */
    const char *out_dir;
    bool photo;
};

/* Photos and videos have copies of different names. Which it is its bytes say, as when it is
 * converted; its name only of one that cannot be read. */
static bool is_photo(const char *path)
{
    static const uint8_t jpeg[3] = {0xff, 0xd8, 0xff};
    uint8_t begin[sizeof jpeg];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool photo = ends_with(path, ".jpg") || ends_with(path, ".jpeg");
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        photo = pread(fd, begin, sizeof begin, 0) == sizeof begin &&
                memcmp(begin, jpeg, sizeof jpeg) == 0;
    if (fd >= 0)
        close(fd);
    return photo;
}

static uint32_t without_case(uint32_t c)
{
    static locale_t letters; /* what upper and lower case are, whatever the user's locale */
    if (!letters)
        letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (letters) /* else only ASCII's are known */
        return (uint32_t)towlower_l(towupper_l(c, letters), letters);
    return c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}

/* Like strcmp(3), by names that a file system takes for one which ignores case (exFAT, NTFS). */
static int compare_names(const char *a, const char *b)
{
    for (;;) {
        uint32_t x = (uint8_t)*a, y = (uint8_t)*b;
        size_t n = utf8_next(a, strlen(a), &x), m = utf8_next(b, strlen(b), &y);
        x = without_case(x);
        y = without_case(y);
        if (x != y || x == 0)
            return (x > y) - (x < y);
        a += n ? n : 1;
        b += m ? m : 1;
    }
}

/* Where names of copies meet: below -o, which may be on such a file system, or be copied to one.
 * Beside the inputs that is known: they are there. */
static int compare_outputs(const struct place *p, const char *a, const char *b)
{
    return p->out_dir ? compare_names(a, b) : strcmp(a, b);
}

static int by_copies(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int c = x->out_dir ? compare_names(x->in->below, y->in->below) : strcmp(x->real, y->real);
    if (c == 0)
        c = compare_outputs(x, x->in->stem, y->in->stem);
    if (c == 0)
        c = x->photo - y->photo;
    return c ? c : x->in < y->in ? -1 : x->in > y->in;
}

static bool same_copies(const struct place *x, const struct place *y)
{
    return x->photo == y->photo && compare_outputs(x, x->in->stem, y->in->stem) == 0 &&
           compare_outputs(x, x->out_dir ? x->in->below : x->real,
                           x->out_dir ? y->in->below : y->real) == 0;
}

static const char *name_of(const struct place *p)
{
    const char *slash = strrchr(p->in->path, '/');
    return slash ? slash + 1 : p->in->path;
}

/* The last n folders of a path; all of it if it has fewer. */
static const char *last_folders(const char *path, int n)
{
    const char *at = path + strlen(path);
    while (at > path && (at[-1] != '/' || --n > 0))
        at--;
    return *path == '/' && at == path ? path + 1 : at;
}

static void replace(char **text, const char *with)
{
    char *fresh = copy(with, strlen(with));
    free(*text);
    *text = fresh;
}

/* clip-2. */
static void add_number(char **stem)
{
    char *fresh = NULL;
    int n = asprintf(&fresh, "%s-2", *stem);
    or_exit(n < 0 ? NULL : fresh);
    free(*stem);
    *stem = fresh;
}

/* p[0..n-1] have the same copies. Files named twice lose their path, and are dropped later. */
static void part_group(struct place *p, size_t n)
{
    int folders = 1;
    size_t left = 0;
    for (size_t i = 0; i < n; i++) { /* few: all of one name */
        size_t k = 0;
        while (k < left &&
               (strcmp(p[k].real, p[i].real) != 0 || strcmp(name_of(&p[k]), name_of(&p[i])) != 0))
            k++;
        if (k < left) {
            replace(&p[i].in->path, "");
        } else {
            struct place here = p[i];
            p[i] = p[left];
            p[left++] = here;
        }
    }
    for (const char *at = p[0].in->below; *at; at++)
        folders += *at == '/';
    folders += strcmp(p[0].in->below, ".") != 0;
    for (size_t i = 0; i < left; i++)
        for (size_t k = 0; k < i; k++) {
            bool one_folder = compare_outputs(p, p[k].real, p[i].real) == 0;
            if (one_folder && compare_outputs(p, name_of(&p[k]), name_of(&p[i])) == 0) {
                add_number(&p[i].in->stem); /* nothing but case tells them apart */
            } else if (one_folder) {        /* the extension does */
                replace(&p[k].in->stem, name_of(&p[k]));
                replace(&p[i].in->stem, name_of(&p[i]));
            }
            while (!one_folder && compare_outputs(p, last_folders(p[k].real, folders),
                                                  last_folders(p[i].real, folders)) == 0)
                folders++;
        }
    bool apart = false;
    for (size_t i = 1; i < left; i++)
        apart |= strcmp(p[0].real, p[i].real) != 0;
    for (size_t i = 0; i < left && apart; i++) {
        const char *below = last_folders(p[i].real, folders);
        replace(&p[i].in->below, *below ? below : ".");
    }
}

/* Takes out what was named twice. */
static void drop_twice(struct inputs *list)
{
    size_t left = 0;
    for (size_t i = 0; i < list->n; i++)
        if (*list->item[i].path)
            list->item[left++] = list->item[i];
        else
            input_clear(&list->item[i]);
    list->n = left;
}

/* One round; *parted tells whether any two had the same copies. */
static int part_once(struct inputs *list, const char *out_dir, bool *parted, struct err *err)
{
    struct place *p = or_exit(calloc(list->n + 1, sizeof *p));
    int rc = ERR_OK;
    for (size_t i = 0; i < list->n && rc == ERR_OK; i++) {
        struct input *in = &list->item[i];
        p[i] = (struct place){.in = in, .out_dir = out_dir, .photo = is_photo(in->path)};
        if (i > 0 && strcmp(in->dir, in[-1].dir) == 0)
            p[i].real = copy(p[i - 1].real, strlen(p[i - 1].real));
        else if (!(p[i].real = realpath(in->dir, NULL)))
            rc = err_sys(err, "%s", in->dir);
    }
    if (rc == ERR_OK)
        qsort(p, list->n, sizeof *p, by_copies);
    *parted = false;
    for (size_t from = 0, k = 1; rc == ERR_OK && k <= list->n; k++) {
        if (k < list->n && same_copies(&p[from], &p[k]))
            continue;
        if (k - from > 1) {
            part_group(p + from, k - from);
            *parted = true;
        }
        from = k;
    }
    for (size_t i = 0; i < list->n; i++)
        free(p[i].real);
    free(p);
    drop_twice(list);
    return rc;
}

int inputs_part(struct inputs *list, const char *out_dir, struct err *err)
{
    bool parted = true;
    int rc = ERR_OK;
    /* A name that was given may be another one's: with each round it is longer. */
    for (int round = 0; rc == ERR_OK && parted && round < DEPTH_MAX; round++)
        rc = part_once(list, out_dir, &parted, err);
    if (rc == ERR_OK && parted)
        rc = err_set(err, ERR_CONFIG,
                     "some of these files would have copies of the same name; give them one folder "
                     "at a time, each with a folder of its own behind -o");
    return rc;
}

/* The name of a recording's copies; `more` keeps it from being that of another input. */
static char *part_stem(const char *stem, int more, int number)
{
    char *text = NULL;
    int n = snprintf(NULL, 0, "%s%.*s-part%d", stem, more, "________", number);
    text = or_exit(malloc((size_t)n + 1));
    snprintf(text, (size_t)n + 1, "%s%.*s-part%d", stem, more, "________", number);
    return text;
}

static bool is_stem(const struct inputs *list, const char *stem)
{
    for (size_t i = 0; i < list->n; i++)
        if (compare_names(list->item[i].stem, stem) == 0)
            return true;
    return false;
}

void inputs_split(struct inputs *list, const struct media_options *options,
                  const struct confine_limits *limits)
{
    struct inputs all = {0};
    for (size_t i = 0; i < list->n; i++) {
        const struct input *in = &list->item[i];
        struct err unused;
        int n = 1, more = 0;
        if (confine_recordings(in->path, options, limits, &n, &unused) < 0)
            n = 1;
        for (int k = 1; n > 1 && k <= n && more < 8; k++) {
            char *stem = part_stem(in->stem, more, k);
            if (is_stem(list, stem)) {
                more++;
                k = 0;
            }
            free(stem);
        }
        for (int k = 1; k <= n; k++) {
            add_input(&all, in->path, in->below);
            struct input *part = &all.item[all.n - 1];
            free(part->stem);
            part->recording = n > 1 ? k : 0;
            part->stem = n > 1 ? part_stem(in->stem, more, k) : copy(in->stem, strlen(in->stem));
        }
    }
    all.failed = list->failed;
    all.others = list->others;
    list->failed = (struct fsx_names){0};
    inputs_free(list);
    *list = all;
}

void inputs_free(struct inputs *list)
{
    for (size_t i = 0; i < list->n; i++)
        input_clear(&list->item[i]);
    free(list->item);
    fsx_names_clear(&list->failed);
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
    char doubted_imei[16]; /* the last that was told */
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
static struct media_facts facts_of(const struct convert_request *request, const struct input *in,
                                   char doubted[16])
{
    char imei[16];
    struct media_facts facts = request->facts;
    if (request->zone && !facts.has_zone && !request->of_one_clip)
        apply_zone(request->zone, in->path, &facts);
    media_facts_from_path(in->path, clock_utc_us(), &facts);
    if (!facts.imei[0] && media_imei_doubtful(in->path, imei) && strcmp(imei, doubted) != 0) {
        memcpy(doubted, imei, sizeof imei); /* once for all that are in a folder */
        fprintf(stderr,
                "dashspool convert: %s: its folder looks like an IMEI, but the check digit is "
                "wrong: the copies name no tracker\n",
                cli_shown(in->path));
    }
    if (request->of_one_clip && !request->facts.has_time)
        facts.has_time = false; /* --meta without a time: no name is trusted over it */
    return facts;
}

static void start_next(struct batch *b)
{
    struct convert_result none = {0};
    struct err err;
    struct slot *s = b->slot;
    const struct input *in = &b->inputs->item[b->next];
    char *dir = NULL;
    while (s->c)
        s++;
    int rc = target_dir(b, in, &dir, &err);
    b->next++;
    struct media_facts facts = facts_of(b->request, in, b->doubted_imei);
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
    while (!stop_caught() && b->running < b->jobs && b->next < b->inputs->n)
        start_next(b);
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
