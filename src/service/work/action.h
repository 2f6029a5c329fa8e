/* action: what people want done, inside: one action at a time. */
#ifndef ACTION_H
#define ACTION_H

#include "dashspool/actions.h"
#include "dashspool/text.h"
#include "worker.h"
#include <stdarg.h>

struct acting {
    struct worker *w;
    struct work *work;
    const struct actions_action *a;
    const char *job, *dir; /* its name, its directory */
    struct actions_outcome o;
    int64_t told_us; /* when it last told how far it is; 0: not yet */
};

/* A line of what came of it. */
void act_say(struct acting *act, const char *fmt, ...) DS_PRINTF(2, 3);
/* Tells how far it is, now and then. False: it has to end (ERR_AGAIN). */
bool act_tell_done(struct acting *act, double done);

/* Whether the action is still ours; its form is that of export_request.may_note. ERR_LOST. */
int act_hold(void *act, struct catalogue *catalogue, struct err *err) DS_MUST_CHECK;

/* The transfers that a->package tells of. */
typedef int act_id_fn(void *arg, const char *id, struct err *err);
int act_package_ids(struct acting *act, act_id_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;

/* Each is done, or was done before its worker was killed. */
int act_export(struct acting *act, struct err *err) DS_MUST_CHECK;
int act_verify(struct acting *act, struct err *err) DS_MUST_CHECK;
int act_import(struct acting *act, struct err *err) DS_MUST_CHECK;

#endif
