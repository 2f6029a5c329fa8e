#define _GNU_SOURCE /* pipe2 */
/* Packages for people: made, and verified. */
#include "action.h"
#include "dashspool/bag.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/review.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    NAME_ROOM = 200,
    MANIFEST_BYTES_MAX = 32 << 20,
    UNVERIFIED = 3 /* how `verify` ends if a package is not what it was, and only then */
};

struct packing {
    struct acting *act;
    struct export_policy policy;
    struct fsx_names ids, words; /* what is packed; the command line that would do the same */
    double from, part;           /* of the whole action, what is done now */
};

/* ---- its name ---- */

/* What is fit for a name of a file everywhere. */
static void put_plain(char *out, size_t room, const char *text)
{
    size_t n = 0;
    for (; *text && n + 1 < room; text++) {
        bool plain = isalnum((unsigned char)*text) || *text == '.' || *text == '_';
        if (plain && !(n == 0 && *text == '.'))
            out[n++] = *text;
        else if (n > 0 && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n > 0 && (out[n - 1] == '-' || out[n - 1] == '.'))
        n--;
    out[n] = '\0';
}

/* Of what the action itself says, so that it has the same name when it is done again, and no other
 * one can have it: "K-2026-0417-1f3a9c2e.zip". */
static void name_package(const struct acting *act, bool redacted, char out[NAME_ROOM])
{
    const struct actions_action *a = act->a;
    char stem[80];
    const char *chance = strrchr(act->job, '-') + 1;
    put_plain(stem, sizeof stem,
              a->case_number && a->case_number[0] ? a->case_number : a->events[0]);
    snprintf(out, NAME_ROOM, "%s%s%s-%.8s.zip", stem, stem[0] ? "" : "package",
             redacted ? "-redacted" : "", chance);
}

/* ---- what is in it ---- */

static int add_member(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct fsx_names *ids = arg;
    for (size_t i = 0; i < ids->n; i++)
        if (strcmp(ids->name[i], t->id) == 0)
            return ERR_OK;
    return t->state == CATALOGUE_RECEIVING ? ERR_OK : fsx_names_add(ids, t->id, err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int choose(struct packing *p, struct err *err)
{
    const struct actions_action *a = p->act->a;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < a->n_events; i++)
        rc = review_members(p->act->w->catalogue, a->events[i], add_member, &p->ids, err);
    if (rc == ERR_OK && p->ids.n == 0)
        rc = err_set(err, ERR_NOTFOUND, "nothing of these events is here to be exported");
    if (rc == ERR_OK)
        qsort(p->ids.name, p->ids.n, sizeof *p->ids.name, by_text);
    return rc;
}

static int read_redaction(const struct acting *act, struct export_redaction *r, struct err *err)
{
    const struct actions_action *a = act->a;
    int rc = ERR_OK;
    r->no_sound = a->no_sound;
    if (a->hide && a->hide[0])
        rc = convert_hide_parse(a->hide, &r->hide, err);
    for (size_t i = 0; rc == ERR_OK && i < a->n_masks; i++) {
        if (r->n_masks == EXPORT_MASKS_MAX)
            return err_set(err, ERR_CONFIG, "at most %d masks are allowed", EXPORT_MASKS_MAX);
        rc = export_mask_parse(a->masks[i], &r->mask[r->n_masks++], err);
    }
    convert_options_from_cfg(act->w->cfg, &r->options);
    confine_limits_from_cfg(act->w->cfg, &r->limits);
    return rc;
}

static int say(struct packing *p, const char *option, const char *value, struct err *err)
{
    char *word = NULL;
    int rc = !value || !value[0] ? ERR_OK : fsx_path(&word, err, "--%s=%s", option, value);
    if (rc == ERR_OK && word)
        rc = fsx_names_add(&p->words, word, err);
    free(word);
    return rc;
}

/* The command line of `export` that packs the same. */
static int say_all(struct packing *p, bool redacted, struct err *err)
{
    const struct actions_action *a = p->act->a;
    fsx_names_clear(&p->words);
    int rc = fsx_names_add(&p->words, "export", err);
    if (rc == ERR_OK && (rc = say(p, "who", a->by, err)) == ERR_OK &&
        (rc = say(p, "title", a->title, err)) == ERR_OK &&
        (rc = say(p, "recipient", a->recipient, err)) == ERR_OK)
        rc = say(p, "case", a->case_number, err);
    for (size_t i = 0; rc == ERR_OK && redacted && i < a->n_masks; i++)
        rc = say(p, "mask", a->masks[i], err);
    if (rc == ERR_OK && redacted && a->no_sound)
        rc = fsx_names_add(&p->words, "--redact-sound", err);
    if (rc == ERR_OK && redacted)
        rc = say(p, "hide", a->hide, err);
    for (size_t i = 0; rc == ERR_OK && i < p->ids.n; i++)
        rc = fsx_names_add(&p->words, p->ids.name[i], err);
    return rc;
}

/* ---- made ---- */

static bool go_on(void *arg, const char *id, double done)
{
    struct packing *p = arg;
    (void)id;
    return act_tell_done(p->act, p->from + done * p->part);
}

static void tell_cannot(void *arg, const char *id, const char *why)
{
    struct packing *p = arg;
    act_say(p->act, "%s: copies cannot be made: %s", id, why);
}

static void tell_warning(void *arg, const char *text)
{
    struct packing *p = arg;
    act_say(p->act, "%s", text);
}

struct noted {
    const char *package;
    bool found;
};

static int is_noted(void *arg, const char *line, struct err *err)
{
    struct noted *n = arg;
    struct custody_record r;
    (void)err;
    if (!strstr(line, n->package))
        return ERR_OK;
    custody_read(&r, line, strlen(line));
    n->found |=
        r.kind == CUSTODY_EXPORTED && r.what.package && strcmp(r.what.package, n->package) == 0;
    custody_record_clear(&r);
    return ERR_OK;
}

/* A worker that was killed may have left a whole package: as its custody tells, or else not yet
 * handed to anybody, and then it is made anew. The name is this action's alone. */
static int find_made(struct packing *p, const char *path, const char *name, bool *made,
                     struct err *err)
{
    struct noted noted = {.package = name};
    struct stat st;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && !noted.found && i < p->ids.n; i++)
        rc = catalogue_event_each(p->act->w->catalogue, p->ids.name[i], is_noted, &noted, err);
    bool there = lstat(path, &st) == 0;
    *made = there && noted.found;
    if (rc == ERR_OK && there && !noted.found)
        rc = fsx_remove_tree(path, err);
    return rc;
}

static int make(struct packing *p, const struct export_redaction *redaction, char name[NAME_ROOM],
                struct err *err)
{
    const struct actions_action *a = p->act->a;
    struct export_result result;
    struct export_request request = {.root = p->act->w->root,
                                     .ids = (const char *const *)p->ids.name,
                                     .n = p->ids.n,
                                     .who = a->by,
                                     .title = a->title,
                                     .recipient = a->recipient,
                                     .case_number = a->case_number,
                                     .sign_cert = p->policy.sign_cert,
                                     .sign_key = p->policy.sign_key,
                                     .tsa_url = p->policy.tsa_url,
                                     .cfg = p->act->w->cfg,
                                     .redaction = redaction,
                                     .warn = tell_warning,
                                     .warn_arg = p,
                                     .may_note = act_hold,
                                     .may_note_arg = p->act,
                                     .no_protect = !p->policy.protect};
    char *path = NULL;
    bool made = false;
    name_package(p->act, redaction != NULL, name);
    int rc = fsx_path(&path, err, "%s/packages", p->act->w->root);
    if (rc == ERR_OK && (rc = fsx_mkdirs(path, err)) == ERR_OK) {
        free(path);
        rc = fsx_path(&path, err, "%s/packages/%s", p->act->w->root, name);
    }
    if (rc == ERR_OK)
        rc = find_made(p, path, name, &made, err);
    if (rc == ERR_OK && !made && (rc = say_all(p, redaction != NULL, err)) == ERR_OK) {
        request.path = path;
        request.command = (const char *const *)p->words.name;
        request.n_command = p->words.n;
        request.at_us = clock_utc_us(); /* after the copies' */
        rc = export_package(&request, go_on, p, &result, err);
        if (rc == ERR_OK && result.no_stamp[0])
            act_say(p->act, "%s: not time-stamped: %s", name, result.no_stamp);
        if (rc == ERR_OK)
            act_say(p->act, "%s: fingerprint (SHA-256 of tagmanifest-sha256.txt) %s", name,
                    result.tag_sha256);
    }
    free(path);
    return rc;
}

/* With all copies, which a redacted one has of its own. */
static int make_full(struct packing *p, char name[NAME_ROOM], struct err *err)
{
    double from = p->from, part = p->part;
    struct work_completion completion = {
        .progress = go_on, .cannot = tell_cannot, .arg = p, .dir = p->act->dir};
    p->part = 0; /* done is of one of them */
    int rc = work_complete(p->act->w->root, p->act->w->cfg, (const char *const *)p->ids.name,
                           p->ids.n, &completion, err);
    p->from = from;
    p->part = part;
    return rc < 0 ? rc : make(p, NULL, name, err);
}

int act_export(struct acting *act, struct err *err)
{
    struct export_redaction *redaction = NULL;
    struct packing p = {.act = act, .part = 1};
    char name[NAME_ROOM] = "";
    int rc = export_policy_read(&p.policy, act->w->cfg, err);
    if (rc == ERR_OK && (rc = choose(&p, err)) == ERR_OK && act->a->redacted) {
        redaction = calloc(1, sizeof *redaction);
        rc = redaction ? read_redaction(act, redaction, err) : err_nomem(err, "masks");
    }
    if (rc == ERR_OK && !redaction)
        rc = make_full(&p, name, err);
    if (rc == ERR_OK && redaction && (rc = make(&p, redaction, name, err)) == ERR_NOTFOUND) {
        /* It names the full one that has its originals: there is none of these yet. */
        p.part = 0.5;
        rc = make_full(&p, name, err);
        p.from = 0.5;
        if (rc == ERR_OK)
            rc = make(&p, redaction, name, err);
    }
    if (rc == ERR_OK)
        snprintf(act->o.result, sizeof act->o.result, "%s", name);
    free(redaction);
    fsx_names_clear(&p.ids);
    fsx_names_clear(&p.words);
    return rc;
}

/* ---- verified ---- */

/* In ROOT/packages; ERR_NOTFOUND. */
static int package_path(const struct acting *act, char **out, struct err *err)
{
    struct stat st;
    int rc = fsx_path(out, err, "%s/packages/%s", act->w->root, act->a->package);
    if (rc == ERR_OK && (lstat(*out, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))))
        rc = err_set(err, ERR_NOTFOUND, "there is no package %s", act->a->package);
    return rc;
}

/* Between fork() and exec(): `verify` as a person runs it, which shuts itself in. */
static void become_verify(const char *dir, const char *package, int out)
{
    char *const argv[] = {(char *)(uintptr_t) "dashspool", (char *)(uintptr_t) "verify",
                          (char *)(uintptr_t)package, NULL};
    char *const env[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin",
                         (char *)(uintptr_t) "LC_ALL=C.UTF-8", NULL};
    stop_default_signals(NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && chdir(dir) == 0 && dup2(out, 1) >= 0 &&
        dup2(out, 2) >= 0)
        execve("/proc/self/exe", argv, env);
    _exit(127);
}

/* What it says, to its end, as far as there is room. */
static int listen_to(struct acting *act, int from, char *out, size_t room, struct err *err)
{
    char rest[4096];
    size_t n = 0;
    for (;;) {
        struct pollfd p = {.fd = from, .events = POLLIN};
        int ready = poll(&p, 1, 500);
        if (!act_tell_done(act, 0))
            return err_set(err, ERR_AGAIN, "stopped");
        if (ready <= 0)
            continue;
        bool full = n + 1 >= room;
        ssize_t got = read(from, full ? rest : out + n, full ? sizeof rest : room - n - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += full ? 0 : (size_t)got;
    }
    out[n] = '\0';
    return ERR_OK;
}

int act_verify(struct acting *act, struct err *err)
{
    char *path = NULL, *dir = NULL, *name = NULL;
    int ends[2] = {-1, -1}, status = 0;
    pid_t pid = -1;
    int rc = package_path(act, &path, err);
    if (rc == ERR_OK && (rc = fsx_path(&dir, err, "%s/packages", act->w->root)) == ERR_OK)
        rc = fsx_path(&name, err, "./%s", act->a->package);
    if (rc == ERR_OK && pipe2(ends, O_CLOEXEC) < 0)
        rc = err_sys(err, "pipe");
    if (rc == ERR_OK && (pid = fork()) < 0)
        rc = err_sys(err, "fork");
    if (pid == 0)
        become_verify(dir, name, ends[1]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (rc == ERR_OK) {
        rc = listen_to(act, ends[0], act->o.text, sizeof act->o.text, err);
        if (rc < 0)
            kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    act->o.bad = WIFEXITED(status) && WEXITSTATUS(status) == UNVERIFIED;
    if (rc == ERR_OK && !act->o.bad && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        char said[300];
        rc = err_set(err, ERR_AGAIN, "verify did not come to its end: %s",
                     act->o.text[0] ? text_shown(act->o.text, said, sizeof said)
                                    : "it said nothing");
        act->o.text[0] = '\0';
    }
    if (rc == ERR_OK)
        snprintf(act->o.result, sizeof act->o.result, "%s", act->a->package);
    if (ends[0] >= 0)
        close(ends[0]);
    free(path);
    free(dir);
    free(name);
    return rc;
}

/* ---- which transfers are in one ---- */

int act_package_ids(struct acting *act, act_id_fn *fn, void *arg, struct err *err)
{
    struct bag_text manifest = {.name = BAG_MANIFEST};
    struct bag_claim claim;
    char *path = NULL;
    static const char end[] = ".json";
    buf_init(&manifest.text, MANIFEST_BYTES_MAX);
    int rc = package_path(act, &path, err);
    if (rc == ERR_OK)
        rc = bag_read_texts(path, &manifest, 1, err);
    if (rc == ERR_OK && manifest.have)
        rc = buf_append(&manifest.text, "", 1, err);
    char *at = (char *)(manifest.text.mem ? manifest.text.mem + manifest.text.start : NULL);
    char *last = at ? at + manifest.text.used - 1 : NULL;
    for (int got; rc == ERR_OK && at && (got = bag_manifest_next(&at, last, true, &claim)) != 0;) {
        char id[CATALOGUE_ID_ROOM];
        size_t n = got > 0 ? strlen(claim.name) : 0, folder = strlen(BAG_TRANSFER);
        if (n > folder + strlen(end) && strncmp(claim.name, BAG_TRANSFER, folder) == 0 &&
            strcmp(claim.name + n - strlen(end), end) == 0 && n - folder < sizeof id) {
            snprintf(id, sizeof id, "%.*s", (int)(n - folder - strlen(end)), claim.name + folder);
            rc = fn(arg, id, err);
        }
    }
    buf_clear(&manifest.text);
    free(path);
    return rc;
}
