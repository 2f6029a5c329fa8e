/* The site that site.h names. */
#include "forward.h"

static int open_site(void **out, void *arg, accept_stop_fn *stop, void *stop_arg, struct err *err)
{
    const struct forward_feeds *feeds = arg;
    struct accept *a = NULL;
    int rc = accept_open(&a, site_used(), feeds->root, feeds->stage, feeds->n, err);
    if (rc == ERR_OK)
        accept_stop(a, stop, stop_arg);
    *out = a;
    return rc;
}

static void close_site(void **at)
{
    struct accept *a = *at;
    accept_close(&a);
    *at = NULL;
}

static int take(void *at, const struct accept_from *from, struct accept_taken *out, struct err *err)
{
    return accept_transfer(at, from, out, err);
}

static int note(void *at, const struct accept_from *from, int64_t from_line, struct err *err)
{
    return accept_note(at, from, from_line, err);
}

struct forward_site forward_to_site(struct forward_feeds *feeds)
{
    return (struct forward_site){open_site, close_site, take, note, feeds};
}
