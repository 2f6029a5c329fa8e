#define _GNU_SOURCE /* strcasestr */
#include "support/scripted.h"
#include "support/support.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Until there is something to read; false: it is to end, or `ms` (-1: never) are over. */
static bool readable(const struct scripted *s, int fd, int ms)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = s->wake[0], .events = POLLIN}};
    return poll(p, 2, ms) > 0 && !p[1].revents && p[0].revents;
}

/* False: the other side left before it had asked. */
static bool read_request(struct scripted *s, int fd)
{
    char head[SCRIPTED_HEAD_ROOM] = "", body[65536];
    size_t n = 0, took = 0;
    char *end = NULL;
    while (!end && n < sizeof head - 1) {
        ssize_t got = readable(s, fd, -1) ? recv(fd, head + n, sizeof head - 1 - n, 0) : 0;
        if (got <= 0)
            return false;
        n += (size_t)got;
        head[n] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    if (!end)
        return false;
    const char *length = strcasestr(head, "\r\ncontent-length: ");
    size_t want = length && length < end ? strtoull(length + 18, NULL, 10) : 0;
    if (strcasestr(head, "\r\nexpect: 100-continue") &&
        send(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL) < 0)
        return false;
    took = n - (size_t)(end + 4 - head);
    while (took < want) {
        ssize_t got = readable(s, fd, -1) ? recv(fd, body, sizeof body, 0) : 0;
        if (got <= 0)
            break;
        took += (size_t)got;
    }
    size_t at = atomic_load(&s->n);
    if (at < SCRIPTED_REQUESTS) {
        end[2] = '\0';
        snprintf(s->head[at], SCRIPTED_HEAD_ROOM, "%s", head);
        s->body_bytes[at] = took;
    }
    atomic_store(&s->n, at + 1);
    return took >= want;
}

static bool send_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data += sent;
        n -= (size_t)sent;
    }
    return true;
}

static void answer(const struct scripted *s, const struct scripted_answer *a, int fd)
{
    size_t n = a->n ? a->n : strlen(a->text);
    bool goes_on = !a->before || send_all(fd, a->before, strlen(a->before));
    for (int i = 0; goes_on && (i == 0 || i < a->repeat || a->repeat < 0); i++) {
        if (!a->drip_ms)
            goes_on = send_all(fd, a->text, n);
        for (size_t k = 0; a->drip_ms && goes_on && k < n; k++)
            goes_on = send_all(fd, a->text + k, 1) && !readable(s, fd, a->drip_ms);
        struct pollfd wake = {.fd = s->wake[0], .events = POLLIN};
        goes_on = goes_on && poll(&wake, 1, 0) == 0;
    }
    if (a->hold && goes_on)
        readable(s, fd, -1);
}

static void *serve(void *arg)
{
    struct scripted *s = arg;
    size_t at = 0;
    while (readable(s, s->fd, -1)) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            continue;
        if (read_request(s, fd)) {
            answer(s, &s->answers[at], fd);
            at += at + 1 < s->n_answers;
        }
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

void scripted_begin(struct scripted *s, const struct scripted_answer *answers, size_t n)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t room = sizeof addr;
    memset(s, 0, sizeof *s);
    s->answers = answers;
    s->n_answers = n;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(0, bind(s->fd, (struct sockaddr *)&addr, sizeof addr));
    assert_int_equal(0, listen(s->fd, 64));
    assert_int_equal(0, getsockname(s->fd, (struct sockaddr *)&addr, &room));
    s->port = ntohs(addr.sin_port);
    assert_int_equal(0, pipe(s->wake));
    assert_int_equal(0, pthread_create(&s->thread, NULL, serve, s));
}

void scripted_end(struct scripted *s)
{
    close(s->wake[1]);
    assert_int_equal(0, pthread_join(s->thread, NULL));
    close(s->wake[0]);
    close(s->fd);
}
