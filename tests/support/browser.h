/*
 * browser: a real Chromium without a window, driven by its DevTools protocol over a pipe. One page
 * at a time. Everything fails the running test on error, also what the page itself complains of: an
 * exception that nobody caught, or what its security policy refuses.
 */
#ifndef TESTS_BROWSER_H
#define TESTS_BROWSER_H

#include "support/support.h"

struct browser;

/* NULL: there is no Chromium here, which is said. */
struct browser *browser_open(void);
void browser_close(struct browser **b);

/* Opens a file of this computer as a person does, by a double click. */
void browser_go(struct browser *b, const char *path);

/* The value of an expression, a string; a promise is awaited. Until the next call. */
const char *browser_value(struct browser *b, const char *expression);

/* The file, or folder, is chosen in this <input>; it is dropped onto the page. */
void browser_choose(struct browser *b, const char *selector, const char *path);
void browser_drop(struct browser *b, const char *path);

/* A picture of the whole page (PNG), so wide. */
void browser_picture(struct browser *b, const char *path, int width_px, bool dark);

/* The most memory that any process with a page in it has had so far. */
int64_t browser_peak_bytes(const struct browser *b);

#endif
