/* What an action says while it is done. */
#include "action.h"
#include "dashspool/clock.h"
#include "dashspool/log.h"
#include <stdio.h>
#include <string.h>

void act_say(struct acting *act, const char *fmt, ...)
{
    char *text = act->o.text;
    size_t used = strlen(text), room = sizeof act->o.text - used;
    va_list ap;
    if (used > 0 && room > 1) {
        text[used++] = '\n';
        room--;
    }
    va_start(ap, fmt);
    vsnprintf(text + used, room, fmt, ap);
    va_end(ap);
}

bool act_tell_done(struct acting *act, double done)
{
    struct err err;
    int64_t now_us = clock_mono_us();
    if (act->told_us == 0 || now_us - act->told_us > 500000) {
        act->told_us = now_us;
        act->o.state = ACTIONS_AT_WORK;
        act->o.done = done < 0 ? 0 : done > 1 ? 1 : done;
        if (actions_tell(act->w->root, act->job, &act->o, &err) < 0)
            log_warn(act->w->stage->name, "how far it is cannot be told", LOG_TEXT("id", act->job),
                     LOG_ERR(&err));
    }
    return !stop_requested(act->w->stop) && !spool_job_lost(act->w->spool, act->work->job);
}

int act_hold(void *arg, struct catalogue *catalogue, struct err *err)
{
    struct acting *act = arg;
    return worker_hold(act->w, act->work, catalogue, err);
}
