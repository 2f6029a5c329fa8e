#include "support/workplace.h"
#include <stdio.h>
#include <stdlib.h>

int workplace_set_up(void **state)
{
    struct workplace *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->dir = support_tmp_dir();
    snprintf(w->root, sizeof w->root, "%s/root", w->dir);
    snprintf(w->log, sizeof w->log, "%s/service.log", w->dir);
    *state = w;
    return 0;
}

int workplace_tear_down(void **state)
{
    struct workplace *w = *state;
    support_tmp_remove(&w->dir);
    free(w);
    return 0;
}

void workplace_start(struct workplace *w, const char *binary, const char *command)
{
    const char *const argv[] = {binary, "--root", w->root, command, NULL};
    w->service = proc_start(w->log, argv);
}

void workplace_listens(struct workplace *w)
{
    proc_wait_for(&w->service, "listening on ", w->address, sizeof w->address);
}
