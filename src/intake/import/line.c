#include "dashspool/clock.h"
#include "dashspool/wire.h"
#include "import_internal.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { PATH_TEXT_ROOM = 1024 }; /* a line of the custody has 8 KiB */

/* Takes what. */
static int note(struct import *im, const char *id, const char *event, json_t *what, struct err *err)
{
    char *text = what ? json_dumps(what, JSON_COMPACT) : NULL;
    json_decref(what);
    return intake_note(im->catalogue, id, im->options.who, event, text, err);
}

static json_t *file_json(const char *path, const struct catalogue_stat *stat)
{
    char text[PATH_TEXT_ROOM], when[CLOCK_TEXT_ROOM];
    wire_path_text(path, strlen(path), text, sizeof text);
    clock_rfc3339(stat->mtime_ns / 1000, 6, when);
    return json_pack("{s:s, s:s}", "path", text, "modified", when);
}

int line_received(struct import *im, const struct item *it, struct err *err)
{
    json_t *what = file_json(it->path, &it->stat);
    char name[PATH_TEXT_ROOM];
    if (it->sidecar[0]) {
        wire_path_text(it->sidecar, strlen(it->sidecar), name, sizeof name);
        json_object_set_new(what, "metadata", json_string(name));
    }
    return note(im, it->row.id, "received", what, err);
}

int line_stored(struct import *im, const struct catalogue_transfer *row, const char *path,
                const struct catalogue_stat *stat, const struct media_ending *ending,
                struct err *err)
{
    json_t *what = file_json(path, stat);
    json_object_set_new(what, "length_bytes", json_integer(row->length_bytes));
    json_object_set_new(what, "sha256", json_string(row->sha256));
    if (ending->end != MEDIA_END_WELL)
        json_object_set_new(what, "ending", json_string(ending->note));
    return note(im, row->id, "stored", what, err);
}

int line_same(struct import *im, const struct item *it, struct err *err)
{
    return note(im, it->same_as, "offered-again", file_json(it->path, &it->stat), err);
}
