/*
 * The inside of drive. From the ground up: journal.c (the records of a drive), command.c (what is
 * asked of a tracker, and what it says to that), drive.c (the tracker's link), run.c (a network).
 */
#ifndef DRIVE_INTERNAL_H
#define DRIVE_INTERNAL_H

#include "dashspool/drive.h"

/* ---- the records of a drive, by time ---- */

enum drive_entry_kind { ENTRY_PERIODIC, ENTRY_IGNITION, ENTRY_CRASH, ENTRY_TRACE, ENTRY_TRIGGER };

struct drive_entry {
    int64_t at_us; /* since the first record */
    enum drive_entry_kind kind;
    bool sent, acknowledged;
};

struct drive_journal {
    int64_t begin_us; /* UTC of the first record */
    int64_t track_us; /* the track's time of it */
    struct drive_entry *entry;
    size_t n;
};

int drive_journal_make(struct drive_journal *j, const struct drive_config *c, struct err *err);
bool drive_span_has(const struct drive_span *span, int64_t at_us);

/* As it is sent; 0: no room. */
size_t drive_journal_record(const struct drive_journal *j, const struct drive_config *c, size_t i,
                            uint8_t *out, size_t room);

/* ---- what is asked of it ---- */

/* The places for files, each camera's video and photo. */
enum drive_place { PLACE_FREE, PLACE_WAITS, PLACE_BUSY };

struct drive_place_of {
    enum drive_place state;
    struct drive_upload upload;
};

struct drive_cameras {
    struct drive_place_of place[DRIVE_UPLOADS];
    int n_refused; /* of config's refusals */
};

/* Carries the command out; the answer's text goes to `answer`. at_us: since the first record.
 * Returns whether files come. */
bool drive_command(struct drive_cameras *cameras, const struct drive_config *c, const char *text,
                   int64_t now_us, int64_t at_us, char answer[DRIVE_ANSWER_ROOM]);

#endif
