#include "support/trackers.h"
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 60000 };

void tracker_say(int fd, const void *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

bool tracker_hear(int fd, uint8_t *out, size_t n)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, WAIT_MS) == 0)
        fail_msg("nothing came within %d s", WAIT_MS / 1000);
    ssize_t got = recv(fd, out, n, MSG_WAITALL);
    return got > 0 && (size_t)got == n;
}

void tracker_is_answered(int fd, uint32_t n)
{
    uint8_t got[4];
    assert_true(tracker_hear(fd, got, sizeof got));
    assert_int_equal(
        (uint32_t)got[0] << 24 | (uint32_t)got[1] << 16 | (uint32_t)got[2] << 8 | got[3], n);
}

void tracker_is_closed(int fd)
{
    uint8_t got;
    assert_false(tracker_hear(fd, &got, 1));
    close(fd);
}

void tracker_is_silent(int fd)
{
    uint8_t got;
    assert_int_equal(recv(fd, &got, 1, MSG_DONTWAIT), -1);
}

int tracker_dial(const struct world *w, const char *imei, uint8_t answer)
{
    uint8_t login[AVL_LOGIN_BYTES], got;
    int fd = world_dial(w->port);
    assert_int_equal(avl_login_put(login, imei), sizeof login);
    tracker_say(fd, login, sizeof login);
    assert_true(tracker_hear(fd, &got, 1));
    assert_int_equal(got, answer);
    return fd;
}
