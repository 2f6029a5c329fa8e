/*
 * export_event: evidence packages that are made by themselves, one for an event.
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
#ifndef DASHSPOOL_EXPORT_EVENT_H
#define DASHSPOOL_EXPORT_EVENT_H

#include "dashspool/catalogue.h"
#include "dashspool/cfg.h"
#include "dashspool/export.h"

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
