#include "support/balancer.h"
#include "support/support.h"
#include "support/world.h"
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAIRS = 64 };

struct side {
    int from, to;
};

/* False: nothing more comes from there. */
static bool hand_on(const struct side *s)
{
    uint8_t bytes[16384];
    ssize_t n = recv(s->from, bytes, sizeof bytes, 0);
    for (ssize_t at = 0, put; at < n; at += put)
        if ((put = send(s->to, bytes + at, (size_t)(n - at), MSG_NOSIGNAL)) <= 0)
            return false;
    return n > 0;
}

static int begin(const char *to, const uint8_t *says, size_t n, size_t piece)
{
    int fd = world_dial(to);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    for (size_t at = 0; at < n; at += piece) {
        size_t some = n - at < piece ? n - at : piece;
        if (send(fd, says + at, some, MSG_NOSIGNAL) != (ssize_t)some)
            break;
    }
    return fd;
}

static void balance(int listener, const char *to, const uint8_t *says, size_t n, size_t piece)
{
    struct pollfd p[1 + 2 * PAIRS] = {{.fd = listener, .events = POLLIN}};
    for (int i = 1; i < 1 + 2 * PAIRS; i++)
        p[i].fd = -1;
    for (;;) {
        poll(p, 1 + 2 * PAIRS, -1);
        for (int i = 1; i < 1 + 2 * PAIRS; i += 2) {
            struct side there = {p[i].fd, p[i + 1].fd}, back = {p[i + 1].fd, p[i].fd};
            if (p[i].fd < 0 ||
                ((!p[i].revents || hand_on(&there)) && (!p[i + 1].revents || hand_on(&back))))
                continue;
            close(p[i].fd);
            close(p[i + 1].fd);
            p[i].fd = p[i + 1].fd = -1;
        }
        if (!p[0].revents)
            continue;
        int i = 1, fd = accept(listener, NULL, NULL);
        while (i < 1 + 2 * PAIRS && p[i].fd >= 0)
            i += 2;
        if (i >= 1 + 2 * PAIRS)
            _exit(1);
        p[i] = (struct pollfd){.fd = fd, .events = POLLIN};
        p[i + 1] = (struct pollfd){.fd = begin(to, says, n, piece), .events = POLLIN};
    }
}

void balancer_start(struct balancer *b, const char *to, const void *says, size_t n, size_t piece)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    snprintf(b->port, sizeof b->port, "%u", ntohs(at.sin_port));
    b->pid = fork();
    if (b->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        balance(listener, to, says, n, piece);
    }
    assert_true(b->pid > 0);
    close(listener);
}

void balancer_stop(struct balancer *b)
{
    if (b->pid > 0) {
        kill(b->pid, SIGKILL);
        waitpid(b->pid, NULL, 0);
    }
    b->pid = 0;
}

size_t balancer_header(uint8_t out[BALANCER_HEADER_ROOM], const char *client, unsigned port,
                       size_t tlv)
{
    static const uint8_t begins[13] = "\r\n\r\n\0\r\nQUIT\n\x21";
    bool v6 = strchr(client, ':') != NULL;
    size_t address = v6 ? 16 : 4, rest = 2 * address + 4 + tlv;
    assert_true(16 + rest <= BALANCER_HEADER_ROOM);
    memset(out, 0xee, 16 + rest);
    memcpy(out, begins, sizeof begins);
    out[13] = v6 ? 0x21 : 0x11;
    out[14] = (uint8_t)(rest >> 8);
    out[15] = (uint8_t)rest;
    assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, client, out + 16), 1);
    out[16 + 2 * address] = (uint8_t)(port >> 8);
    out[17 + 2 * address] = (uint8_t)port;
    return 16 + rest;
}
