/*
 * export: evidence packages. A package is a BagIt bag (RFC 8493), a folder or (by its name) a
 * .zip: the masters as they were received, their copies, what is known of them and how they came,
 * their custody, and manifests with which anybody can check it all by sha256sum, without this
 * program:
 *
 *     README.txt               what this is, what to open first, how to check it
 *     data/master/<id>.<ext>   the original bytes, hashed again on the way and compared with the
 *                              hash of receipt; <id>.json: what is known
 *     data/working, viewing, stills, timing, position/   the copies that the catalogue has, each
 *                              compared with the hash that was taken when it was made
 *     data/transfer/<id>.json  how it came: connections, packets, bad frames, resumptions
 *     data/telemetry/          what the tracker said on its own link around each clip (account.h):
 *                              <id>.records.txt as it came, <id>.telemetry.json decoded,
 *                              <id>.track.csv as the copies show it; where it said anything
 *     data/custody.jsonl       what happened to each, chained by hash (custody.h)
 *     data/report.html         one page that tells all of it in words (report.h)
 *     data/report.pdf          the same, to print
 *     data/tool.json           what made the package: program, libraries, settings, command
 *     bagit.txt bag-info.txt manifest-sha256.txt tagmanifest-sha256.txt
 *     signature/manifest.p7s   CMS (RFC 5652), detached, over tagmanifest-sha256.txt, and
 *     signature/certificate.pem   whose it is; where a key was given
 *     signature/request.tsq    what an authority is asked for a time stamp, and
 *     signature/token.tsr      its answer
 *
 * A redacted package is for those who may not see or hear all of it. It has no data/master and no
 * data/working, but copies made anew from the masters without what is hidden (convert.h):
 *
 *     data/viewing, stills/    …-REDACTED-DERIVED.mp4, .jpg where something was hidden
 *     data/facts/<id>.json     what is known, without the wire's own bytes and the store's copies
 *     bag-info.txt             Redacted-From-Tagmanifest-SHA256: of the full package, which has the
 *                              originals; Redacted: one line for each thing that is hidden
 *
 * It has no data/telemetry, unless that is asked for (with_position).
 *
 * Its README.txt and report.html say so, too, with what is not hidden, and so does the event in the
 * custody. Its custody.jsonl is retold (custody.h): hashes of the originals and of the full package
 * stay, none of any other copy. Files beside the copies are made anew, of the redacted ones.
 *
 * The same store, the same choice and the same `at_us` give the same bytes, but for the signature
 * and the time stamp. A package is written under another name and renamed when all of it is on
 * disk.
 */
#ifndef DASHSPOOL_EXPORT_H
#define DASHSPOOL_EXPORT_H

#include "dashspool/catalogue.h"
#include "dashspool/cfg.h"
#include "dashspool/confine.h"
#include "dashspool/hash.h"
#include "dashspool/seal.h"
#include <stdbool.h>

#define EXPORT_TRANSFERS_MAX 20000
#define EXPORT_MASKS_MAX     CONVERT_MASKS_MAX

struct export_mask {
    char of[CATALOGUE_ID_ROOM]; /* "": all transfers; "front" …: a camera's; else one by its id */
    struct convert_mask mask;
};

/* "[front:|rear:|…|ID:]x,y,w,h[,from[,to]]", see convert_mask_parse(). ERR_CONFIG. Pure. */
int export_mask_parse(const char *text, struct export_mask *out, struct err *err) DS_MUST_CHECK;

/* What is hidden of a redacted package, and how its copies are made. */
struct export_redaction {
    bool no_sound;
    unsigned hide;      /* enum convert_hide: also in names, facts, custody and report */
    bool with_position; /* with data/telemetry/ as it came: ERR_CONFIG where it could tell what is
                           hidden */
    struct export_mask mask[EXPORT_MASKS_MAX];
    size_t n_masks;
    const char *of; /* the full package, a folder or zip; NULL: the last one that was exported with
                       all of these transfers in it, by their custody */
    struct convert_options options; /* without masks and copies */
    struct confine_limits limits;
};

struct export_request {
    const char *root;
    const char *const *ids; /* of n transfers; the package has them by name */
    size_t n;
    const char *path; /* of the package; nothing may be there */
    const char *who;  /* the person who exports, for the custody and bag-info.txt */
    const char *title, *recipient, *case_number; /* of report and bag-info.txt; NULL, "": none */
    int64_t at_us;                               /* when, UTC: bag-info.txt */
    const char *sign_cert, *sign_key; /* PEM files, or a pkcs11: URI for the key; NULL: unsigned */
    const char *const *command; /* n_command: the command line without paths, for data/tool.json */
    size_t n_command;
    const struct cfg *cfg;                    /* the settings, likewise; NULL: not told */
    const struct export_redaction *redaction; /* NULL: nothing is hidden */
    const char *for_job;  /* a transfer whose job this is (export.h); NULL: a person's */
    bool as_found;        /* also what is not what came: that stands on the report's first page */
    bool no_protect;      /* else what is in the package is protected (catalogue.h) */
    int64_t telemetry_us; /* the tracker's records from so long before each clip to as long after
                             it: JOURNEY_PICTURES_US (also 0) to JOURNEY_AROUND_US */
    /* Told, one line each: what may be meant otherwise (before anything is written), and what the
     * conversions of a redacted package note. NULL: to nobody. */
    void (*warn)(void *arg, const char *text);
    void *warn_arg;
    /* Asked last in the transaction that notes the package, with its catalogue: negative, with
     * err set, and no package stays. NULL: nobody. */
    int (*may_note)(void *arg, struct catalogue *catalogue, struct err *err);
    void *may_note_arg;
    const char *tsa_url; /* an authority to ask for a time stamp (RFC 3161); NULL: none is asked */
};

struct export_result {
    int64_t files, bytes; /* payload */
    int transfers, partial, without_copies;
    int telemetry;    /* transfers with the tracker's records */
    int64_t withheld; /* … of these records, for private mode */
    int differences;  /* of facts, originals, copies, custodies from what they should be */
    bool stamped;
    char no_stamp[256]; /* why not, where one was wanted: the package is there all the same, and
                           export_stamp_attach() adds one later */
    char full_sha256[HASH_HEX_ROOM]; /* of a redacted one: the full one's tag_sha256 */
    char
        tag_sha256[HASH_HEX_ROOM]; /* of tagmanifest-sha256.txt: it stands for all of the package */
};

/* Called often; done in 0..1. False ends it: nothing stays of the package. */
typedef bool export_progress_fn(void *arg, const char *id, double done);

/* Writes the package, and notes it in the custody of each transfer, which it protects.
 * ERR_NOTFOUND: no such transfer or store; ERR_BUSY: something is at `path`; ERR_MALFORMED: a
 * master or a copy is not what its hash says, a fact is not what its source says (master.h), or a
 * custody is broken (with as_found these go along, and bag-info.txt, README.txt and the report say
 * so; only what cannot be read is ERR_MALFORMED then); ERR_AGAIN: the caller ended
 * it. On failure no package comes to be.
 *
 * A redacted one: also ERR_NOTFOUND if there is no full package yet; ERR_MALFORMED if the one that
 * was named is not what it was, or has not all of these masters; ERR_CONFIG for a mask that hides
 * nothing. It converts in children (confine.h), and keeps a master in ROOT meanwhile
 * (MASTER_STAGE): nothing that is hidden ever lies on the disk of the package. */
int export_package(const struct export_request *request, export_progress_fn *progress, void *arg,
                   struct export_result *out, struct err *err) DS_MUST_CHECK;

/* ---- a time stamp (RFC 3161) for a package that exists: an authority's word that it saw the tag
 * manifest, and so all of the package, at that time.
 *
 * Each package has signature/request.tsq, the question to an authority: it can be carried to where
 * there is a network. The answer becomes signature/token.tsr, which no manifest names: the package
 * stays what it was. */

struct export_stamp_request {
    const char *package;    /* folder or zip; hostile */
    const char *token_path; /* the answer, or its token alone; or … */
    const char *tsa_url;    /* … an authority that is asked now */
};

/* Checks the stamp over the package and puts it there; a zip is written anew beside itself and then
 * renamed. ERR_BUSY: it has one. ERR_MALFORMED: no package, or the stamp is of another one; nothing
 * is changed then. ERR_IO: the authority did not answer. */
int export_stamp_attach(const struct export_stamp_request *request, struct seal_stamp *out,
                        struct err *err) DS_MUST_CHECK;

/* ---- what the catalogue knows of a transfer, as facts for its copies ---- */

/* Only what can be true. Without a time in the metadata it is that of the name, and where that is
 * from. What people call the vehicle is there where the overlay's template has it. */
int export_media_facts(struct catalogue *c, const struct catalogue_transfer *t,
                       const char *osd_template, struct media_facts *out,
                       struct err *err) DS_MUST_CHECK;

/* "Van 4, VNO 123", what there is of it; "": nobody named it. */
#define EXPORT_VEHICLE_ROOM 136
int export_vehicle(struct catalogue *c, const char *imei, char out[EXPORT_VEHICLE_ROOM],
                   struct err *err) DS_MUST_CHECK;

/* ---- packages of events ----
 *
 * Evidence packages that are made by themselves, one for an event.
 *
 * An event is what one vehicle recorded for one reason: transfers of the same IMEI with the same
 * trigger, each of which begins within `window` of another one. What follows upon itself for longer
 * than EXPORT_EVENT_SPAN_US is cut at whole quarters of an hour, UTC: such an event would never
 * end. A transfer whose time is not known is an event of its own.
 *
 * Its package is DIR/<imei>-<trigger>-<UTC of the first>.zip (or a folder). A package that was
 * issued is never altered: what comes later makes another one, …-2, with all of the event in it.
 * That a transfer is in such a package stands in its custody: the event "exported" names the
 * package and, as "for_job", the transfer whose job made it. A package that has its name, but is
 * not noted yet (the power failed in between), is checked, and noted then; none is made beside it.
 *
 * The caller sees to it that nobody else makes packages of the same IMEI meanwhile.
 */

#define EXPORT_EVENT_SPAN_US   (15 * 60 * INT64_C(1000000))
#define EXPORT_EVENT_NAME_ROOM 128

/* ---- settings ---- */

/* [export]: the keys that say what is made; those of a stage are in stages.h. */
extern const struct cfg_section export_cfg_section;

struct export_policy { /* borrows from the configuration */
    const char *triggers;
    bool zip, protect;
    const char *dir; /* "" ROOT/packages */
    int64_t window_us, settle_us;
    int64_t broken_off_us; /* 0: what broke off waits for its camera for ever */
    const char *who;
    const char *sign_cert, *sign_key, *tsa_url; /* NULL: none */
};

/* ERR_CONFIG: a certificate without its key, or a key without a certificate. */
int export_policy_read(struct export_policy *out, const struct cfg *cfg,
                       struct err *err) DS_MUST_CHECK;

/* Tries what [export] names: the folder of packages, certificate and key, authority. ERR_CONFIG
 * with "file:line: key = value: …". */
int export_try(const struct cfg *cfg, struct err *err) DS_MUST_CHECK;

/* Are packages made for this trigger? "" is one that nobody knows. */
bool export_policy_wants(const struct export_policy *policy, const char *trigger);

/* ---- events ---- */

struct export_event_member {
    char id[CATALOGUE_ID_ROOM];
    int64_t key;
    enum catalogue_state state;
    bool published;
    int64_t arrived_us;
    int64_t at_us;      /* when it began to be recorded; of arrival, if that is not known */
    int64_t last_us;    /* the last that came of it */
    uint64_t recording; /* as of export_event_recording() */
};

/* A number that is the same for what is the same file of a camera, offered twice: its facts, as far
 * as they are known before its bytes (those by which a transfer is resumed, and the trigger). */
uint64_t export_event_recording(const struct catalogue_transfer *t);

struct export_event {
    char imei[16], trigger[24];
    struct export_event_member *member; /* by time, then id */
    size_t n;
};

/* Which of n times, in ascending order, belong to the event of times[at]: *first .. *end - 1. */
void export_event_range(const int64_t *times, size_t n, size_t at, int64_t window_us, size_t *first,
                        size_t *end);

/* The event that t belongs to, t with it. export_event_clear() *out, also after a failure. */
int export_event_find(struct export_event *out, struct catalogue *c,
                      const struct catalogue_transfer *t, int64_t window_us,
                      struct err *err) DS_MUST_CHECK;
void export_event_clear(struct export_event *event);

/* The last package, by name, that was made by itself with the transfer as it is now; "" if there is
 * none. own: only one that its own job made. */
int export_event_issued(char out[EXPORT_EVENT_NAME_ROOM], struct catalogue *c, const char *id,
                        bool own, struct err *err) DS_MUST_CHECK;

/* Makes the package of an event in `dir`, which is made; the request is as export.h has it, but for
 * `path`, which is found here: *path is the caller's (free). *adopted: it was there, and is noted
 * now; of *out only the hash is set then. Removes what was left unfinished by a process that was
 * killed. Errors are those of export_package(). */
int export_event_package(struct export_request *request, const struct export_event *event,
                         const char *dir, bool zip, export_progress_fn *progress, void *arg,
                         struct export_result *out, char **path, bool *adopted,
                         struct err *err) DS_MUST_CHECK;

#endif
