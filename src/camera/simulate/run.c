#include "dashspool/dial.h"
#include "dashspool/simulate.h"
#include <errno.h>
#include <poll.h>

enum { CHUNK_BYTES = 64 * 1024 };

/* Sends what there is; *left bytes of `out` from *at on did not fit into the socket. */
static int push(struct dial *l, const uint8_t *out, size_t *at, size_t *left, struct err *err)
{
    size_t taken = 1;
    while (taken > 0) {
        int rc = dial_send(l, out + *at, *left, &taken, err);
        if (rc < 0)
            return rc;
        *at += taken;
        *left -= taken;
        if (*left == 0)
            return ERR_OK;
    }
    return ERR_OK;
}

static int pull(struct dial *l, struct simulate_camera *camera, struct err *err)
{
    uint8_t in[4096];
    bool end = false;
    for (size_t n = 1; n > 0 && !simulate_camera_done(camera);) {
        int rc = dial_receive(l, in, sizeof in, &n, &end, err);
        if (rc == ERR_OK && n > 0)
            rc = simulate_camera_feed(camera, in, n, err);
        if (rc < 0)
            return rc;
    }
    return end ? err_set(err, ERR_IO, "the server closed the connection (files acknowledged: %d)",
                         simulate_camera_stats(camera)->files_sent)
               : ERR_OK;
}

static int converse(struct dial *l, struct simulate_camera *camera, int timeout_ms, struct err *err)
{
    static _Thread_local uint8_t out[CHUNK_BYTES];
    size_t at = 0, left = 0;
    int rc = ERR_OK;
    /* Who hangs up has said before what was to be said. */
    while (rc == ERR_OK && (!simulate_camera_done(camera) ||
                            (left > 0 && simulate_camera_stats(camera)->hung_up))) {
        if (left == 0) {
            at = 0;
            left = simulate_camera_fill(camera, out, sizeof out);
        }
        struct pollfd p = {.fd = dial_fd(l), .events = dial_events(l, left > 0)};
        int n = poll(&p, 1, timeout_ms);
        if (n < 0 && errno != EINTR)
            rc = err_sys(err, "poll");
        if (n == 0)
            rc = err_set(err, ERR_AGAIN, "no response from the server for %d s", timeout_ms / 1000);
        if (rc == ERR_OK && n > 0 && p.revents & POLLOUT)
            rc = push(l, out, &at, &left, err);
        if (rc == ERR_OK && n > 0 && p.revents & (POLLIN | POLLHUP | POLLERR))
            rc = pull(l, camera, err);
    }
    return rc;
}

int simulate_run(struct simulate_camera *camera, const char *host, const char *port,
                 const struct dial_tls *tls, int timeout_ms, struct err *err)
{
    struct dial *l = NULL;
    int rc = dial_open(&l, host, port, tls, timeout_ms, err);
    if (rc < 0)
        return rc;
    rc = converse(l, camera, timeout_ms, err);
    dial_close(&l);
    return rc < 0 ? err_wrap(err, "%s:%s", host, port) : rc;
}
