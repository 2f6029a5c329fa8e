/* terminal: how wide it is, a line of progress, and the whole of it for one command for a while. */
#ifndef DASHSPOOL_CLI_TERMINAL_H
#define DASHSPOOL_CLI_TERMINAL_H

#include "dashspool/status.h"
#include <stdbool.h>
#include <stdint.h>

/* ---- guard: what of others' words gets to stdout and stderr ----
 *
 * Everything that is printed (stdio; the log has its own) goes through text_one(): no word of a
 * stranger can command a terminal, wherever it was printed. Lines and tabs pass, so whoever prints
 * others' words makes one line of them first (cli_shown()). JSON stays the same JSON. To be called
 * before anything is printed. */
void terminal_guard(void);

/* What is printed until it is false again is ours, or not for a terminal: it goes as it is. */
void terminal_raw(bool raw);

/* Columns of the terminal that fd is: as it says, else $COLUMNS, else 80. 0: fd is none. */
int terminal_columns(int fd);

/* ---- progress: one line on a terminal's stderr that is drawn over and over; nothing elsewhere */

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

/* ---- screen: all of it */

/* What fits, and whether in colour: not without a terminal, with NO_COLOR set, or TERM=dumb. The
 * last row stays free, for the prompt or the cursor. */
struct status_screen screen_of(int fd);

/* From now on Ctrl-C and its like are for screen_wait() to tell. */
void screen_signals(void);

enum screen_event { SCREEN_AGAIN, SCREEN_STOP, SCREEN_END };

/* After so long, or at once when the window has another size, or somebody wants it to stop (Ctrl-Z)
 * or end. */
enum screen_event screen_wait(double seconds);

/* The alternate screen and back; the screen of before is as it was. */
void screen_enter(void);
void screen_leave(void);
void screen_stop(void); /* until somebody lets it go on */

/* Lines, over those that are there: nothing flickers. False: there is no terminal any more. */
bool screen_show(const struct buf *text);

#endif
