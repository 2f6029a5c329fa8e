/* screen: the terminal that a command has for itself for a while. */
#ifndef DASHSPOOL_CLI_SCREEN_H
#define DASHSPOOL_CLI_SCREEN_H

#include "dashspool/status.h"

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
