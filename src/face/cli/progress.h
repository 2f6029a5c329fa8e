/* progress: one line on a terminal's stderr that is drawn over and over; nothing elsewhere. */
#ifndef DASHSPOOL_CLI_PROGRESS_H
#define DASHSPOOL_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool on;
    int64_t began_us, drawn_us;
};

void progress_begin(struct progress *p);

/* `ended` of `of` items are through, all of the work is done to 0..1; name: what is waited for.
 * Draws ten times a second at most. */
void progress_show(struct progress *p, int ended, int of, double all, const char *name);

/* Takes the line away, before something else is printed. */
void progress_clear(struct progress *p);

#endif
