/*
 * recipe: what the copies of a transfer are made with, kept as a text beside them, so that anybody
 * can make the same bytes from the master again: the facts and options of the conversion, and which
 * program and libraries followed it.
 *
 *   {"format": 1,
 *    "facts": {"id": "…", "start_utc_us": 1732865025000000, "lat_deg": "54.7", …},
 *    "options": {"copies": ["working", "viewing", "timing"], "crf": "20.25", …},
 *    "program": "dashspool 0.1.0", "libraries": {"libavcodec": "59.37.100", …}}
 *
 * Real numbers are texts, the shortest that read back as the same number: no program that passes
 * the JSON on can round them. A fact that is not known is not there. What only says how to deal
 * with files (overwrite, check) is no part of it. Pure, but for asking the libraries who they are;
 * any thread, in the C locale.
 */
#ifndef DASHSPOOL_RECIPE_H
#define DASHSPOOL_RECIPE_H

#include "dashspool/convert.h"

#define RECIPE_BYTES_MAX     16384 /* of the text */
#define RECIPE_LIBRARIES_MAX 24
#define RECIPE_DAMAGE_MAX    16

struct recipe {
    struct media_facts facts;
    struct convert_options options;
    char program[64]; /* name and version */
    struct {
        char name[32], version[64];
    } library[RECIPE_LIBRARIES_MAX];
    int n_libraries;
};

/* Notes in *r that this program follows it, with the libraries of now. */
void recipe_sign(struct recipe *r);

/* *out is the caller's (free). ERR_UNSUPPORTED, with the reason, for what cannot be followed
 * elsewhere: options that name another file or hide something, texts that are not UTF-8. The
 * tracker's track (track.h) is named by its hash and source: "track": {"source": "tracker",
 * "sha256": "…"}. */
int recipe_text(const struct recipe *r, char **out, struct err *err) DS_MUST_CHECK;

/* Hostile: each value is judged. options.track_sha256 may be set then, and options.track_path is
 * "": who follows it says where he has a file with that hash. ERR_MALFORMED names what is wrong;
 * ERR_UNSUPPORTED: of a newer format, or with a fact or option that this program does not know and
 * so cannot follow. */
int recipe_parse(struct recipe *out, const char *json, size_t n, struct err *err) DS_MUST_CHECK;

/* How who followed `then` differs from who follows `now`, in words: "libavcodec 58.1.0, here
 * 59.37.100"; "" and false if they are the same. */
bool recipe_differs(const struct recipe *then, const struct recipe *now, char *out, size_t room);

/* ---- the settings of a copy: what came out, and the recipe ----
 *
 * One line of JSON beside each copy, in its row, in packages and in reports:
 *
 *   {"pictures": 200, "duration_s": 10.03, "timing": "capture times", "sources": {…},
 *    "wall_clock": {…}, "damage": {…}, "recipe": {…}, …}
 *
 * Where the recipe cannot be followed elsewhere, "recipe" is a text that says why. */

/* Of one copy of a conversion. ERR_LIMIT: it does not fit. */
int recipe_settings_text(const struct recipe *recipe, const struct convert_result *r,
                         enum copy_kind kind, char *out, size_t room,
                         struct err *err) DS_MUST_CHECK;

/* What is read of them again; 0 and "" where they do not tell. */
struct recipe_settings {
    int64_t pictures;
    double duration_s;
    char timing[32];          /* media_source_name() of the source that was chosen */
    struct media_timing rate; /* what each says */
    bool has_wall;            /* when the first picture was taken */
    char wall_source[32], wall_start[40], wall_why[160];
    double wall_error_s;
    int64_t silences;
    double silence_s;
    struct {
        char name[32];
        int64_t n;
    } damage[RECIPE_DAMAGE_MAX]; /* what is wrong with the master, by kind */
    int n_damage;
    char slices_sha256[HASH_HEX_ROOM], sound[8], warning[512];
    /* Of the recipe: what most decides the bytes. */
    char encoder[41], preset[21], crf[21], libavcodec[41], x264[41], libjpeg_turbo[41];
    bool own_overlay;                 /* its text is by a template */
    char track_sha256[HASH_HEX_ROOM]; /* the tracker's track it was made with; "": without one */
};

/* False: they are no JSON object, and *out tells nothing. */
bool recipe_settings_read(struct recipe_settings *out, const char *settings);

/* The recipe in them, for recipe_parse(); the same recipe is the same text. *out is the caller's
 * (free), NULL where they have none: where they say why, that is in why_not then, else it is left
 * as it was. ERR_NOMEM. */
int recipe_settings_recipe(char **out, const char *settings, char *why_not, size_t room,
                           struct err *err) DS_MUST_CHECK;

/* ---- the timing file of a copy, read again ----
 *
 * <stem>.timing.json: when each picture was taken, what is wrong with the recording, and where. */

#define RECIPE_STRETCHES_MAX 200

enum recipe_flaw { RECIPE_DAMAGED, RECIPE_MISSING, RECIPE_SILENCE, RECIPE_CUT };
enum recipe_cause {
    RECIPE_CORRUPT,      /* DAMAGED: or dependent on what is corrupt or missing */
    RECIPE_SOMEWHERE,    /* DAMAGED: by numbers only, nobody knows where */
    RECIPE_NOT_RECORDED, /* MISSING: the camera itself dropped them */
    RECIPE_NOT_RECEIVED, /* MISSING: recorded, and lost since */
    RECIPE_BETWEEN,      /* MISSING: where another recording begins in the same file */
    RECIPE_UNDECODABLE,  /* MISSING: at the start, without what came before */
    RECIPE_NO_SOUND,     /* SILENCE: inserted in the copies */
    RECIPE_UNFINISHED,   /* CUT: n bytes of a record or picture that never ended */
};

struct recipe_stretch {
    enum recipe_flaw flaw;
    enum recipe_cause cause;
    int64_t from_us, until_us; /* since the first picture */
    int64_t n;                 /* pictures; bytes (UNFINISHED); 0: not known */
};

struct recipe_timing {
    int64_t *pts_us; /* of each picture, since the first one, in the order they are shown */
    size_t n;
    struct recipe_stretch *stretch; /* by time; the first ones */
    size_t n_stretches;
};

/* made: the settings of that copy. Without the file (n 0), or where it is none of ours, there is
 * what they tell alone. ERR_NOMEM. recipe_timing_clear() in any case. */
int recipe_timing_read(struct recipe_timing *out, const char *json, size_t n,
                       const struct recipe_settings *made, struct err *err) DS_MUST_CHECK;
void recipe_timing_clear(struct recipe_timing *t);

#endif
