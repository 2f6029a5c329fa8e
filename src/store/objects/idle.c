/* Handles that wait to be taken, so that connections outlive a call. */
#include "objects_internal.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { IDLE_MAX = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct objects *idle;
static int n_idle;

static void where_of(const struct site *site, char out[800])
{
    snprintf(out, 800, "%s %s %s", site_endpoint(site), site_bucket(site), site_prefix(site));
}

int objects_take(struct objects **out, struct err *err)
{
    const struct site *site = site_used();
    char where[800];
    *out = NULL;
    if (!site)
        return err_set(err, ERR_CONFIG, "this machine is alone: it has no S3 store");
    where_of(site, where);
    while (!*out) {
        pthread_mutex_lock(&lock);
        struct objects *o = idle;
        if (o) {
            idle = o->idle;
            n_idle--;
        }
        pthread_mutex_unlock(&lock);
        if (!o)
            break;
        if (o->pid == getpid() && o->site == site && strcmp(o->where, where) == 0)
            *out = o;
        else if (o->pid == getpid()) /* of a site that is no longer used */
            objects_close(&o);
        /* else its connections are the parent's: hands off */
    }
    int rc = *out ? ERR_OK : objects_open(out, site, err);
    if (rc == ERR_OK) {
        (*out)->pid = getpid();
        memcpy((*out)->where, where, sizeof where);
    }
    return rc;
}

void objects_give(struct objects **o)
{
    struct objects *one = *o;
    *o = NULL;
    if (!one)
        return;
    pthread_mutex_lock(&lock);
    bool keeps = n_idle < IDLE_MAX;
    if (keeps) {
        one->idle = idle;
        idle = one;
        n_idle++;
    }
    pthread_mutex_unlock(&lock);
    if (!keeps)
        objects_close(&one);
}
