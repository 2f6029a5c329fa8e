/* text, inside: the parts of the screen. */
#ifndef STATUS_TEXT_H
#define STATUS_TEXT_H

#include "page.h"

enum { INDENT = 11, CAMERAS_TOLD = 12 };

/* How many lines a part may have; the rest is counted. */
struct limits {
    int cameras, errors, claims, job_rows, troubles;
    int details; /* 0: what is well is told in as few lines as can be */
    const struct camera *recent[CAMERAS_TOLD]; /* who was here last, but for those that are now */
    int n_recent;
};

/* "2 h": for how long. */
const char *text_since(const struct status *s, int64_t since_us, char out[24]);
/* "… 5 more", if there are. */
void text_more(struct page *p, long long n);

void text_find_recent(const struct status *s, struct limits *l);

void text_transfers(struct page *p, const struct status *s);
void text_cameras(struct page *p, const struct status *s, const struct limits *most);
void text_disk(struct page *p, const struct status *s, const struct limits *most);
void text_errors(struct page *p, const struct status *s, const struct limits *most);
void text_oldest(struct page *p, const struct status *s);

#endif
