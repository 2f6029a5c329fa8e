#include "child.h"
#include "dashspool/clock.h"
#include "dashspool/sandbox.h"
#include "dashspool/text.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* ---- what the parent takes ---- */

#define PICTURES_MAX 10000000
#define SIDE_MAX_PX  65535
#define TIME_MAX_US  (INT64_C(1000000) * 3600 * 24 * 366)

static int refuse(struct err *err, const char *what)
{
    return err_set(err, ERR_MALFORMED, "the converter sent %s", what);
}

/* One line, whole, that can go to a terminal. */
static bool tame(char *text, size_t room)
{
    if (!memchr(text, '\0', room))
        return false;
    text_tame(text);
    return true;
}

static bool in_range(int64_t v, int64_t min, int64_t max)
{
    return v >= min && v <= max;
}

/* Booleans and enums are looked at as bytes first: another value in them is undefined behaviour. */
static bool bool_ok(const uint8_t *result, size_t at)
{
    return result[at] <= 1;
}

static bool enum_ok(const uint8_t *result, size_t at, unsigned max)
{
    unsigned v;
    memcpy(&v, result + at, sizeof v);
    return v <= max;
}
_Static_assert(sizeof(enum media_container) == sizeof(unsigned) &&
                   sizeof(enum media_source) == sizeof(unsigned) &&
                   sizeof(enum copy_kind) == sizeof(unsigned) && sizeof(bool) == 1,
               "enums are as wide as int, bool is a byte");

static bool digest_ok(const char *hex)
{
    size_t n = strnlen(hex, HASH_HEX_ROOM);
    return n == 0 || (n == HASH_HEX_ROOM - 1 && strspn(hex, "0123456789abcdef") == n);
}

/* out_dir/<stem>.<something>, of a kind that was asked for, and no other output's. */
static bool output_ok(struct convert_result *r, int i, const struct message_request *asked)
{
    struct convert_output *o = &r->output[i];
    unsigned kind = (unsigned)o->kind, wanted = asked->options.copies | (unsigned)COPY_STILL;
    size_t dir = strlen(asked->out_dir), stem = strlen(asked->stem);
    char before[sizeof o->path];
    if (kind == 0 || (kind & (kind - 1)) != 0 || !(kind & wanted))
        return false;
    memcpy(before, o->path, sizeof before);
    if (!tame(o->path, sizeof o->path))
        return false;
    memcpy(o->path, before, sizeof before); /* a path is kept as it is: out_dir may be anything */
    const char *name = o->path + dir + 1;
    if (strncmp(o->path, asked->out_dir, dir) != 0 || o->path[dir] != '/' ||
        strncmp(name, asked->stem, stem) != 0 || name[stem] != '.' || name[stem + 1] == '\0' ||
        strspn(name + stem, "abcdefghijklmnopqrstuvwxyzDERIVACT0123456789.-") !=
            strlen(name + stem))
        return false;
    for (int k = 0; k < i; k++)
        if (strcmp(r->output[k].path, o->path) == 0)
            return false;
    o->length_bytes = 0; /* the parent looks for itself */
    memset(o->sha256, 0, sizeof o->sha256);
    return true;
}

static bool counts_ok(const struct convert_result *r)
{
    const struct media_damage *d = &r->damage;
    const int64_t n[] = {d->damaged,    d->affected,         d->lost,
                         d->repeated,   d->stray_bytes,      d->cut_bytes,
                         d->sound_lost, d->undecodable_lead, d->times_repaired};
    for (size_t i = 0; i < sizeof n / sizeof *n; i++)
        if (!in_range(n[i], 0, MEDIA_INPUT_BYTES_MAX))
            return false;
    for (int i = 0; i < CONVERT_MASKS_MAX; i++)
        if (!in_range(r->covered[i], 0, PICTURES_MAX))
            return false;
    if (!in_range(r->timing.recordings, 0, PICTURES_MAX) ||
        !in_range(r->timing.recording, 0, r->timing.recordings) ||
        !in_range(r->timing.disputed, 0, r->timing.recordings) ||
        !in_range(r->timing.pictures, 0, INT64_MAX / 2) ||
        !in_range(r->timing.duration_us, 0, INT64_MAX / 2))
        return false;
    for (int i = 0; i < MEDIA_N_SOURCES; i++)
        if (!isfinite(r->timing.fps[i]) || r->timing.fps[i] < 0)
            return false;
    return in_range(r->width_px, 0, SIDE_MAX_PX) && in_range(r->height_px, 0, SIDE_MAX_PX) &&
           in_range(r->gaps, 0, PICTURES_MAX) && in_range(r->gaps_by_camera, 0, r->gaps) &&
           in_range(r->gap_us, 0, TIME_MAX_US) && in_range(r->pictures, 0, PICTURES_MAX) &&
           in_range(r->key_pictures, 0, r->pictures) && in_range(r->duration_us, 0, TIME_MAX_US);
}

static int take_result(struct message_inbox *in, const struct message_request *asked,
                       const uint8_t *p, struct err *err)
{
    struct convert_result *r = &in->result;
    if (!bool_ok(p, offsetof(struct convert_result, sound)) ||
        !bool_ok(p, offsetof(struct convert_result, timing.disagree)) ||
        !enum_ok(p, offsetof(struct convert_result, container), MEDIA_JPEG) ||
        !enum_ok(p, offsetof(struct convert_result, timing.chosen), MEDIA_N_SOURCES - 1))
        return refuse(err, "a result with impossible values");
    memcpy(r, p, sizeof *r);
    if (!in_range(r->n_outputs, 1, CONVERT_OUTPUTS_MAX) || !counts_ok(r))
        return refuse(err, "a result with impossible numbers");
    if (!tame(r->warning, sizeof r->warning) || !digest_ok(r->slices_sha256))
        return refuse(err, "a result with a broken text");
    for (int i = 0; i < r->n_outputs; i++)
        if (!output_ok(r, i, asked))
            return refuse(err, "an output that was not asked for");
    return ERR_OK;
}

static int take_slices(struct message_inbox *in, const uint8_t *p, struct err *err)
{
    if (!bool_ok(p, offsetof(struct media_slices, is_mp4)))
        return refuse(err, "slices with impossible values");
    memcpy(&in->slices, p, sizeof in->slices);
    if (!in_range(in->slices.pictures, 0, PICTURES_MAX) || !digest_ok(in->slices.sha256) ||
        !in->slices.sha256[0])
        return refuse(err, "slices with impossible values");
    return ERR_OK;
}

static int take_count(struct message_inbox *in, const uint8_t *p, struct err *err)
{
    memcpy(&in->recordings, p, sizeof in->recordings);
    return in_range(in->recordings, 1, PICTURES_MAX) ? ERR_OK : refuse(err, "an impossible count");
}

static int take_failure(struct message_inbox *in, const uint8_t *p, struct err *err)
{
    memcpy(&in->failure, p, sizeof in->failure);
    if (!in_range(in->failure.code, ERR_NOTFOUND, ERR_AGAIN) ||
        !in_range(in->failure.sys_errno, 0, 4095) ||
        !tame(in->failure.text, sizeof in->failure.text))
        return refuse(err, "a broken failure");
    return ERR_OK;
}

static size_t size_of(uint32_t type)
{
    return type == MESSAGE_PROGRESS  ? sizeof(double)
           : type == MESSAGE_FAILURE ? sizeof(struct err)
           : type == MESSAGE_RESULT  ? sizeof(struct convert_result)
           : type == MESSAGE_SLICES  ? sizeof(struct media_slices)
           : type == MESSAGE_COUNT   ? sizeof(int)
                                     : 0;
}

static int take_one(struct message_inbox *in, const struct message_request *asked,
                    const struct message_head *head, struct err *err)
{
    const uint8_t *p = in->data + sizeof *head;
    if (in->last)
        return refuse(err, "more than one end");
    if (head->type == MESSAGE_PROGRESS) {
        double done;
        memcpy(&done, p, sizeof done);
        if (!(done >= 0 && done <= 1))
            return refuse(err, "an impossible progress");
        in->done = done;
        return ERR_OK;
    }
    const enum message_type wanted = asked->job == MESSAGE_READ_SLICES        ? MESSAGE_SLICES
                                     : asked->job == MESSAGE_COUNT_RECORDINGS ? MESSAGE_COUNT
                                                                              : MESSAGE_RESULT;
    if (head->type != MESSAGE_FAILURE && head->type != wanted)
        return refuse(err, "the result of another job");
    int rc = head->type == MESSAGE_RESULT   ? take_result(in, asked, p, err)
             : head->type == MESSAGE_SLICES ? take_slices(in, p, err)
             : head->type == MESSAGE_COUNT  ? take_count(in, p, err)
                                            : take_failure(in, p, err);
    if (rc == ERR_OK)
        in->last = (enum message_type)head->type;
    return rc;
}

int message_take(struct message_inbox *in, const struct message_request *asked, const void *data,
                 size_t n, struct err *err)
{
    const uint8_t *p = data;
    struct message_head head;
    int rc = ERR_OK;
    while (rc == ERR_OK && n > 0) {
        size_t want = sizeof head;
        if (in->used >= sizeof head) {
            memcpy(&head, in->data, sizeof head);
            want += size_of(head.type);
        }
        size_t part = want - in->used < n ? want - in->used : n;
        memcpy(in->data + in->used, p, part);
        in->used += part;
        p += part;
        n -= part;
        if (in->used == sizeof head) {
            memcpy(&head, in->data, sizeof head);
            if (head.magic != MESSAGE_MAGIC || head.size == 0 || head.size != size_of(head.type))
                return refuse(err, "bytes that are not a message");
        } else if (in->used == want) {
            rc = take_one(in, asked, &head, err);
            in->used = 0;
        }
    }
    return rc;
}

int message_send(int fd, enum message_type type, const void *payload, size_t n, struct err *err)
{
    struct message_head head = {MESSAGE_MAGIC, (uint32_t)type, n};
    int rc = fsx_write_all(fd, &head, sizeof head, err);
    return rc < 0 ? rc : fsx_write_all(fd, payload, n, err);
}

int message_read_request(int fd, struct message_request *out, struct err *err)
{
    size_t used = 0;
    for (ssize_t n; used < sizeof *out; used += (size_t)n) {
        n = read(fd, (uint8_t *)out + used, sizeof *out - used);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n < 0)
            return err_sys(err, "reading the request");
        else if (n == 0)
            break;
    }
    if (used != sizeof *out || out->magic != MESSAGE_MAGIC || out->version != MESSAGE_VERSION ||
        out->size != sizeof *out)
        return err_set(err, ERR_CONFIG, "this command is for dashspool's own use");
    return ERR_OK;
}

/*
 * ---- the child's life ----
 *
 * Everything that an input could reach has been given away before its first byte is looked at.
 * stdin is the request, stdout the report.
 */

#define TELL_EVERY_US 20000 /* of progress: each message wakes the parent */

struct told {
    int fd;
    int64_t last_us;
};

static void on_progress(void *arg, double done)
{
    struct told *t = arg;
    struct err err;
    int64_t now_us = clock_mono_us();
    if (now_us - t->last_us < TELL_EVERY_US && done < 1)
        return;
    t->last_us = now_us;
    if (message_send(t->fd, MESSAGE_PROGRESS, &done, sizeof done, &err) < 0)
        _exit(1); /* nobody is there to whom anything matters */
}

/* Things that the libraries read once from files that are out of reach later. */
static int warm_hash(struct err *err)
{
    char of_nothing[HASH_HEX_ROOM];
    return hash_text("", 0, of_nothing, err);
}

static int confine_self(const struct message_request *q, pid_t parent, struct err *err)
{
    struct sandbox_report report;
    bool no_track = q->options.hide & CONVERT_HIDE_POSITION;
    struct sandbox_rules rules = {
        .read = {q->path, q->options.media.params_from, no_track ? "" : q->options.track_path},
        .write_dir = q->stage_dir[0] ? q->stage_dir : NULL,
        .memory_bytes = q->limits.memory_bytes,
        .file_bytes = q->limits.file_bytes,
        .cpu_s = q->limits.cpu_s};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        return err_set(err, ERR_AGAIN, "the parent is gone");
    int rc = warm_hash(err);
    return rc < 0 ? rc : sandbox_enter(&rules, &report, err);
}

/* Its result is sent; a failure is the caller's to send. */
static int convert(const struct message_request *q, struct err *err)
{
    static struct convert_result result;
    struct told told = {.fd = STDOUT_FILENO};
    int rc = convert_prepare(q->path, q->out_dir, q->stage_dir, q->stem, &q->facts, &q->options,
                             on_progress, &told, &result, err);
    return rc < 0 ? rc : message_send(STDOUT_FILENO, MESSAGE_RESULT, &result, sizeof result, err);
}

static int read_slices(const struct message_request *q, struct err *err)
{
    struct media_slices slices;
    memset(&slices, 0, sizeof slices); /* its padding goes over the wire, too */
    int rc = media_slices(q->path, &slices, err);
    return rc < 0 ? rc : message_send(STDOUT_FILENO, MESSAGE_SLICES, &slices, sizeof slices, err);
}

static int count_recordings(const struct message_request *q, struct err *err)
{
    int n = 0;
    int rc = media_recordings(q->path, &q->options.media, &n, err);
    return rc < 0 ? rc : message_send(STDOUT_FILENO, MESSAGE_COUNT, &n, sizeof n, err);
}

void child_convert(pid_t parent)
{
    static struct message_request q;
    struct err err = {0}, lost;
    int rc = message_read_request(STDIN_FILENO, &q, &err);
    if (rc < 0) {
        fprintf(stderr, "dashspool %s: %s\n", CONFINE_COMMAND, err.text);
        _exit(2);
    }
    if ((rc = confine_self(&q, parent, &err)) < 0)
        err_wrap(&err, "%s", q.path);
    else
        rc = q.job == MESSAGE_READ_SLICES        ? read_slices(&q, &err)
             : q.job == MESSAGE_COUNT_RECORDINGS ? count_recordings(&q, &err)
                                                 : convert(&q, &err);
    if (rc < 0)
        sandbox_tell_unknown(&err);
    int sent =
        rc < 0 ? message_send(STDOUT_FILENO, MESSAGE_FAILURE, &err, sizeof err, &lost) : ERR_OK;
    _exit(sent < 0); /* no clean-up: the parent does that better */
}

int confine_child(void)
{
    /* Once for all children, which inherit it: what each of them would do before its master
     * matters. */
    struct err unused;
    if (warm_hash(&unused) < 0 || convert_warm_up(&unused) < 0)
        unused.code = 0; /* the child that needs it tries again, and says why not */
    return forkserver_run(child_convert);
}
