/*
 * camreq: what a tracker is told so that its cameras send a file, and what it says to that. Pure:
 * texts in, texts and classes out. Frames around them are avl.h's, what became of a request is
 * requests.h's.
 *
 * Sources: the vendor's pages "DualCam SMS commands", "DashCam SMS commands", "DSM SMS commands",
 * "ADAS SMS commands"; docs/requests.md has the grammar and what nobody has proven.
 *
 *     camreq:1,SOURCE[,HOST,PORT[,RESOLUTION]]            photo: 1 front, 2 rear, 3 both
 *     camreq:0,SOURCE,TIME,SECONDS[,HOST,PORT]            video
 *     icam_req:CAMERA,COM,1[,0,0,RESOLUTION[,HOST,PORT]]  two equal cameras at one tracker
 *     icam_req:CAMERA,COM,0,TIME,SECONDS[,0,HOST,PORT]
 *     mdas_camreq:0,0,TIME,SECONDS[,HOST,PORT]            road camera: video
 *     mdas_camreq:1,0,TIME[,HOST,PORT]                    … and photo, of a time
 *     dsm_camreq:2,4[,HOST,PORT]                          driver camera: a photo of now
 *     camgetver  dsm_getinfo  mdas_getinfo
 *     camget_sdformat:1|2  dsm_sdformat  camget_restart:1|2
 */
#ifndef DASHSPOOL_CAMREQ_H
#define DASHSPOOL_CAMREQ_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAMREQ_COMMAND_ROOM 161 /* the longest command, with its NUL; that of an SMS as well */
#define CAMREQ_HOST_ROOM    128
#define CAMREQ_SECONDS_MAX  30

/* The words of commands and cameras, as people type them. "dashcam" is the front camera of a
 * tracker that has two of that kind: with `com` only. */
#define CAMREQ_KINDS        "video photo version format restart"
#define CAMREQ_CAMERAS      "front rear both driver road dashcam"
#define CAMREQ_RESOLUTIONS  "160x120 320x240 640x480 1280x720 1920x1080"

enum camreq_kind {
    CAMREQ_VIDEO,
    CAMREQ_PHOTO,
    CAMREQ_VERSION,
    CAMREQ_FORMAT,  /* of the memory card: never sent twice */
    CAMREQ_RESTART, /* of the camera: likewise */
    CAMREQ_N_KINDS
};
const char *camreq_kind_name(enum camreq_kind kind);
int camreq_kind_value(const char *name); /* or -1 */

/* What is asked for; {0} and what is known. */
struct camreq {
    enum camreq_kind kind;
    char camera[8];              /* of CAMREQ_CAMERAS; "": the command has none (version) */
    int64_t time_s;              /* Unix, UTC: where the video begins; 0: none */
    int seconds;                 /* of a video, 1..30; 0: none */
    char resolution[12];         /* of CAMREQ_RESOLUTIONS; "": as the camera is configured */
    char host[CAMREQ_HOST_ROOM]; /* where to send it; "": where the tracker is configured to */
    int port;                    /* with host only; 0: none */
    int com;                     /* 1, 2: the camera's port, where a tracker has two equal ones */
};

/* The command. Every limit of the vendor's pages is judged before: ERR_CONFIG says which, and what
 * is possible. Against now_s: no video may end in the future. */
int camreq_command(char out[CAMREQ_COMMAND_ROOM], const struct camreq *r, int64_t now_s,
                   struct err *err) DS_MUST_CHECK;

/* A command as the text of an SMS: "LOGIN PASSWORD COMMAND"; without both, two blanks come first;
 * with a password alone (newer trackers of the FT platform) "PASSWORD COMMAND". Over GPRS a command
 * goes without any of these. ERR_CONFIG: more than 160 characters, or a login or password that no
 * tracker takes. */
int camreq_sms(char out[CAMREQ_COMMAND_ROOM], const char *command, const char *login,
               const char *password, struct err *err) DS_MUST_CHECK;

/* ---- answers ---- */

enum camreq_class {
    CAMREQ_UNKNOWN,      /* none of these so far: half a text, or words that nobody knows */
    CAMREQ_ACCEPTED,     /* the file comes, with the time time_s (0: the answer does not say) */
    CAMREQ_OTHER_FIRST,  /* an older file comes, nothing was captured: ask again when it is here */
    CAMREQ_CAPTURED,     /* captured; the tracker could not send it yet, and tries by itself */
    CAMREQ_TEMPORARY,    /* ask again after repeat_s, `repeats` times at most */
    CAMREQ_NO_IGNITION,  /* ask again when the ignition is on (AVL 239 = 1) */
    CAMREQ_NO_CAMERA,    /* once more after repeat_s; then when it is there (AVL 497, 498 = 3) */
    CAMREQ_NOT_THERE,    /* there is no such footage: never */
    CAMREQ_UNCONFIGURED, /* until a person configures the tracker */
    CAMREQ_INVALID,      /* the command is wrong: never */
    CAMREQ_INFO,         /* what a command without a file had to say */
    CAMREQ_FAILED,       /* such a command was not carried out */
    CAMREQ_N_CLASSES
};
const char *camreq_class_name(enum camreq_class class); /* "other-first" */

struct camreq_answer {
    enum camreq_class class;
    int64_t time_s;    /* CAMREQ_ACCEPTED: Unix seconds, or 0 */
    bool connected;    /* it comes in the session that is open, after the files before it */
    int repeat_s;      /* TEMPORARY, NO_CAMERA, CAPTURED: not before so long */
    int repeats;       /* TEMPORARY, NO_CAMERA */
    const char *means; /* for people: "the ignition is off"; "" for CAMREQ_UNKNOWN */
};

/* The n bytes that a tracker answered to a command of this kind, as they came: with a prefix
 * ("Photo request from source 1. …"), in any case, with CR, LF and NUL. By substring, as firmware
 * words the rest as it likes. Half a text is CAMREQ_UNKNOWN wherever the other half could make
 * another class of it (a time whose digits may go on, too): who has CAMREQ_UNKNOWN puts the next
 * part behind it and asks again. whole: nothing else comes (nothing came for a long time), so that
 * a text that was cut off is judged by what there is. */
void camreq_answer(enum camreq_kind kind, const void *text, size_t n, bool whole,
                   struct camreq_answer *out);

/* The tracker's words for people and lists, in one line: blanks, line ends and NULs at both ends
 * are left out, what is not to be shown is \xNN, what has no room is "...". Returns out; room: 16
 * or more. */
const char *camreq_words(const void *text, size_t n, char *out, size_t room);

#endif
