#include "dashspool/convert.h"
#include "av.h"
#include "copies.h"
#include "dashspool/fsx.h"
#include "media.h"
#include "sniff.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct cfg_key keys[] = {
    {"copies", CFG_WORD, "working,viewing working viewing", 0, 0, "working,viewing",
     "which copies of a video are made"},
    {"default_fps", CFG_REAL, "pictures/s", 1, 240, "25", "picture rate when nothing tells it"},
    {"preset", CFG_WORD, "ultrafast superfast veryfast faster fast medium slow slower veryslow", 0,
     0, "veryfast", "libx264 speed of the viewing copy"},
    {"crf", CFG_INT, "0 is lossless", 0, 51, "21", "libx264 quality of the viewing copy"},
    {"threads", CFG_INT, "0 is automatic", 0, 64, "0", "threads of the codecs"},
};

const struct cfg_section convert_cfg_section = {"convert", keys, sizeof keys / sizeof *keys};

void convert_options_from_cfg(const struct cfg *cfg, struct convert_options *out)
{
    const char *copies = cfg_text(cfg, "convert", "copies");
    *out = (struct convert_options){
        .copies = strcmp(copies, "working") == 0   ? CONVERT_WORKING
                  : strcmp(copies, "viewing") == 0 ? CONVERT_VIEWING
                                                   : CONVERT_WORKING | CONVERT_VIEWING,
        .default_fps = cfg_real(cfg, "convert", "default_fps"),
        .crf = (int)cfg_int(cfg, "convert", "crf"),
        .threads = (int)cfg_int(cfg, "convert", "threads"),
    };
    snprintf(out->preset, sizeof out->preset, "%s", cfg_text(cfg, "convert", "preset"));
}

const char *convert_copy_name(enum convert_copy_kind kind)
{
    switch (kind) {
    case CONVERT_WORKING:
        return "working";
    case CONVERT_VIEWING:
        return "viewing";
    case CONVERT_STILL:
        return "still";
    }
    return "unknown";
}

int convert_sniff(const char *path, enum convert_container *out, struct err *err)
{
    struct media m = {0};
    *out = CONVERT_UNKNOWN;
    int rc = media_map(&m, path, err);
    if (rc == ERR_OK)
        rc = sniff_bytes(m.map, m.n, out, err);
    media_close(&m);
    return rc < 0 ? err_wrap(err, "%s", path) : ERR_OK;
}

struct output {
    enum convert_copy_kind kind;
    char *path, *tmp; /* tmp: NULL until it is there, and after the rename */
    bool made_visible;
};

struct plan {
    struct output output[3];
    int n;
};

static const char *suffix_of(enum convert_copy_kind kind)
{
    return kind == CONVERT_WORKING   ? "working.mp4"
           : kind == CONVERT_VIEWING ? "viewing-DERIVED.mp4"
                                     : "still-DERIVED.jpg";
}

/* Neither the master nor (unless it may be replaced) anything else is in the way. */
static int check_free(const char *path, const char *input, bool overwrite, struct err *err)
{
    struct stat in, out;
    if (lstat(path, &out) < 0)
        return errno == ENOENT ? ERR_OK : err_sys(err, "%s", path);
    if (stat(input, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
        return err_set(err, ERR_CONFIG, "the copy %s would replace the master", path);
    return overwrite ? ERR_OK : err_set(err, ERR_BUSY, "%s is there already", path);
}

static int plan_output(struct plan *p, enum convert_copy_kind kind, const char *input,
                       const char *out_dir, const char *stem, bool overwrite, struct err *err)
{
    struct output *o = &p->output[p->n++];
    o->kind = kind;
    int rc = fsx_path(&o->path, err, "%s/%s.%s", out_dir, stem, suffix_of(kind));
    if (rc == ERR_OK && strlen(o->path) >= sizeof((struct convert_output *)0)->path)
        rc = err_set(err, ERR_LIMIT, "the path of the copy is too long");
    if (rc == ERR_OK)
        rc = check_free(o->path, input, overwrite, err);
    if (rc < 0)
        return rc;
    char *tmp = NULL;
    if ((rc = fsx_path(&tmp, err, "%s/.%s.%s.XXXXXX", out_dir, stem, suffix_of(kind))) < 0)
        return rc;
    int fd = mkstemp(tmp);
    if (fd < 0) {
        rc = err_sys(err, "create %s", tmp);
        free(tmp);
        return rc;
    }
    o->tmp = tmp;
    if (fchmod(fd, 0640) < 0)
        rc = err_sys(err, "chmod %s", tmp);
    close(fd);
    return rc;
}

static int make_plan(struct plan *p, enum convert_container container, const char *input,
                     const char *out_dir, const char *stem, const struct convert_options *options,
                     struct err *err)
{
    unsigned copies = container == CONVERT_JPEG ? (unsigned)CONVERT_STILL : options->copies;
    if (!stem[0] || strchr(stem, '/'))
        return err_set(err, ERR_CONFIG, "'%s' is no name for a copy", stem);
    if (!(copies & (CONVERT_WORKING | CONVERT_VIEWING | CONVERT_STILL)))
        return err_set(err, ERR_CONFIG, "no copy is asked for");
    int rc = ERR_OK;
    for (unsigned kind = CONVERT_WORKING; rc == ERR_OK && kind <= CONVERT_STILL; kind <<= 1)
        if (copies & kind && (kind != CONVERT_STILL || container == CONVERT_JPEG))
            rc = plan_output(p, (enum convert_copy_kind)kind, input, out_dir, stem,
                             options->overwrite, err);
    return rc;
}

/* Removes what is not finished; and after a failure also what was already given its name. */
static void clear_plan(struct plan *p, bool failed)
{
    for (int i = 0; i < p->n; i++) {
        struct output *o = &p->output[i];
        if (o->tmp)
            unlink(o->tmp);
        else if (failed && o->made_visible)
            unlink(o->path);
        free(o->tmp);
        free(o->path);
    }
    *p = (struct plan){0};
}

static int describe_output(const struct output *o, struct convert_result *result, struct err *err)
{
    struct convert_output *out = &result->output[result->n_outputs];
    uint8_t digest[HASH_BYTES];
    struct stat st;
    int rc = fsx_sync_file(o->tmp, err);
    if (rc == ERR_OK)
        rc = hash_file(o->tmp, digest, err);
    if (rc < 0)
        return rc;
    if (stat(o->tmp, &st) < 0)
        return err_sys(err, "%s", o->tmp);
    out->kind = o->kind;
    out->length_bytes = st.st_size;
    hash_hex(digest, out->sha256);
    snprintf(out->path, sizeof out->path, "%s", o->path);
    result->n_outputs++;
    return ERR_OK;
}

/* Makes all copies durable, then all visible. */
static int publish(struct plan *p, const char *out_dir, struct convert_result *result,
                   struct err *err)
{
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < p->n; i++)
        rc = describe_output(&p->output[i], result, err);
    for (int i = 0; rc == ERR_OK && i < p->n; i++) {
        struct output *o = &p->output[i];
        if (rename(o->tmp, o->path) < 0) {
            rc = err_sys(err, "rename to %s", o->path);
            break;
        }
        free(o->tmp);
        o->tmp = NULL;
        o->made_visible = true;
    }
    return rc < 0 ? rc : fsx_sync_dir(out_dir, err);
}

static void describe_video(const struct media *m, struct convert_result *result)
{
    result->width_px = m->width_px;
    result->height_px = m->height_px;
    result->pictures = m->n_pictures - m->first;
    for (int64_t i = m->first; i < m->n_pictures; i++)
        result->key_pictures += m->picture[i].key;
    result->duration_us = m->duration_us;
    result->timing = m->timing;
}

static int make_copies(const struct plan *p, struct copy_task *t, struct convert_result *result,
                       struct err *err)
{
    static const double working_share = 0.05; /* of the time that both copies take */
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < p->n; i++) {
        const struct output *o = &p->output[i];
        t->path = o->tmp;
        t->from = i == 0 ? 0 : working_share;
        t->to = i + 1 == p->n ? 1 : working_share;
        switch (o->kind) {
        case CONVERT_WORKING:
            rc = copy_working(t, err);
            break;
        case CONVERT_VIEWING:
            rc = copy_viewing(t, err);
            break;
        case CONVERT_STILL:
            rc = copy_still(t->m->map, t->m->n, t, result, err);
            break;
        }
    }
    return rc;
}

/* Opens the master: a video is indexed, a photo only mapped. */
static int open_master(struct media *m, const char *path, const struct convert_facts *facts,
                       const struct convert_options *options, struct convert_result *result,
                       struct err *err)
{
    int rc = media_map(m, path, err);
    if (rc == ERR_OK)
        rc = sniff_bytes(m->map, m->n, &result->container, err);
    if (rc < 0 || result->container == CONVERT_JPEG)
        return rc;
    media_close(m);
    return media_open(m, path, result->container, facts, options, err);
}

int convert_file(const char *path, const char *out_dir, const char *stem,
                 const struct convert_facts *facts, const struct convert_options *options,
                 convert_progress_fn *progress, void *arg, struct convert_result *result,
                 struct err *err)
{
    struct media m = {0};
    struct plan plan = {0};
    struct copy_task task = {.m = &m,
                             .stem = stem,
                             .facts = facts,
                             .options = options,
                             .progress = progress,
                             .arg = arg};
    *result = (struct convert_result){0};
    av_log_route();
    int rc = open_master(&m, path, facts, options, result, err);
    if (rc == ERR_OK)
        rc = make_plan(&plan, result->container, path, out_dir, stem, options, err);
    if (rc == ERR_OK)
        rc = make_copies(&plan, &task, result, err);
    if (rc == ERR_OK && result->container != CONVERT_JPEG)
        describe_video(&m, result);
    if (rc == ERR_OK)
        rc = publish(&plan, out_dir, result, err);
    result->sound = rc == ERR_OK && m.n_sounds > 0;
    snprintf(result->warning, sizeof result->warning, "%s", m.warning);
    clear_plan(&plan, rc < 0);
    media_close(&m);
    return rc < 0 ? err_wrap(err, "%s", path) : ERR_OK;
}
