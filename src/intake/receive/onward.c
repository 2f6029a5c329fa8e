#include "onward.h"
#include "dashspool/log.h"
#include "dashspool/site.h"
#include "link/link.h"
#include <stdio.h>
#include <string.h>

static void on_stored(void *arg, int64_t key)
{
    struct onward *o = arg;
    if (o->forward) /* else the next start finds it */
        forward_wants(o->forward, key);
}

static void on_heard(void *arg, int64_t key)
{
    struct onward *o = arg;
    if (o->forward)
        forward_heard(o->forward, key);
}

/* On forward's thread. The loop takes many at once; those for whom there is no room are found by
 * their cameras, who come again. */
static void on_accepted(void *arg, int64_t key)
{
    struct onward *o = arg;
    uv_mutex_lock(&o->lock);
    if (o->n < sizeof o->accepted / sizeof *o->accepted)
        o->accepted[o->n++] = key;
    uv_mutex_unlock(&o->lock);
    uv_async_send(&o->wake);
}

/* The thread begins with the loop: who opens the stores shuts himself in after that. */
static void start(struct onward *o)
{
    struct err err;
    o->started = true;
    if (forward_start(o->forward, &err) < 0)
        log_error("receive", "nothing is handed on to the site", LOG_ERR(&err));
}

static void on_wake(uv_async_t *wake)
{
    struct onward *o = wake->data;
    int64_t accepted[sizeof o->accepted / sizeof *o->accepted];
    if (o->closing)
        return;
    if (!o->started)
        start(o);
    uv_mutex_lock(&o->lock);
    size_t n = o->n;
    memcpy(accepted, o->accepted, n * sizeof *accepted);
    o->n = 0;
    uv_mutex_unlock(&o->lock);
    for (size_t i = 0; i < n; i++)
        store_accepted(o->store, accepted[i]);
}

int onward_open(struct onward *o, const char *root, uv_loop_t *loop, const char *const *stages,
                size_t n, struct err *err)
{
    const struct site *site = site_used();
    if (!site)
        return ERR_OK;
    o->feeds = (struct forward_feeds){root, stages, n};
    o->local = site_ack_is_local(site);
    o->calls = (struct store_onward){.at_once = o->local,
                                     .wait_ms = site_ack_wait_ms(site),
                                     .arg = o,
                                     .stored = on_stored,
                                     .heard = on_heard};
    const struct forward_options options = {.who = "receive",
                                            .site = forward_to_site(&o->feeds),
                                            .staged_bytes_max = site_staged_bytes(site),
                                            .staged_age_max_us = site_staged_age_ms(site) * 1000,
                                            .accepted = on_accepted,
                                            .arg = o};
    int rc = forward_open(&o->forward, root, &options, err);
    if (rc < 0)
        return rc;
    uv_mutex_init(&o->lock);
    uv_async_init(loop, &o->wake, on_wake);
    o->wake.data = o;
    uv_async_send(&o->wake);
    return ERR_OK;
}

void onward_close(struct onward *o)
{
    if (!o->forward)
        return;
    o->closing = true;
    forward_close(&o->forward);
    uv_close((uv_handle_t *)&o->wake, NULL);
    uv_mutex_destroy(&o->lock);
}

const struct store_onward *onward_calls(const struct onward *o)
{
    return o->forward ? &o->calls : NULL;
}

bool onward_full(const struct onward *o, char why[256])
{
    struct forward_state s;
    if (!o->forward)
        return false;
    forward_look(o->forward, &s);
    snprintf(why, 256, "%s", s.full);
    return s.full[0] != '\0';
}

json_t *onward_json(const struct onward *o)
{
    struct forward_state s;
    if (!o->forward)
        return json_null();
    forward_look(o->forward, &s);
    return json_pack("{s:s, s:I, s:I, s:o, s:I, s:o, s:o, s:o}", "ack", o->local ? "local" : "site",
                     "files", (json_int_t)s.files, "bytes", (json_int_t)s.bytes, "oldest",
                     s.oldest_us ? link_time_json(s.oldest_us) : json_null(), "accepted",
                     (json_int_t)s.accepted, "last",
                     s.last_us ? link_time_json(s.last_us) : json_null(), "trouble",
                     s.trouble[0] ? link_text_json(s.trouble) : json_null(), "full",
                     s.full[0] ? link_text_json(s.full) : json_null());
}
