/* What SIGHUP tells a service that takes no new settings: its terminal is gone, and it ends; else
 * it goes on. */
#define _GNU_SOURCE /* posix_openpt, ptsname */
#include "dashspool/log.h"
#include "dashspool/stop.h"
#include "support/support.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process on a terminal of its own; true: told to end by the terminal's end, and not before. */
static int live_on(const char *terminal, int ready)
{
    struct stop stop;
    struct err err;
    log_setup(LOG_LEVEL_ERROR, false);
    if (setsid() < 0 || open(terminal, O_RDWR) < 0 || stop_open(&stop, "work", &err) < 0)
        return 10;
    if (kill(getpid(), SIGHUP) < 0 || stop_requested(&stop))
        return 11;
    if (write(ready, "x", 1) != 1)
        return 12;
    while (!stop_requested(&stop))
        stop_wait(&stop, -1, 60000);
    stop_close(&stop);
    return 0;
}

static void test_sighup_ends_what_has_lost_its_terminal_alone(void **state)
{
    (void)state;
    int ready[2], status, master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char byte;
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char terminal[64];
        snprintf(terminal, sizeof terminal, "%s", ptsname(master));
        close(master);
        _exit(live_on(terminal, ready[1]));
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(master); /* it is hung up */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(ready[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sighup_ends_what_has_lost_its_terminal_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
