/*
 * nginx: a real proxy in front of a server of ours.
 */
#ifndef TESTS_NGINX_H
#define TESTS_NGINX_H

#include "proc.h"
#include "support.h"

struct nginx {
    struct proc proc;
    int port; /* 0: it does not run */
};

/* In front of 127.0.0.1:to, by HTTP; more: lines of its "location /", which sets Host and
 * X-Forwarded-For besides. false: there is no nginx on this machine. */
bool nginx_start(struct nginx *n, const char *dir, int to, const char *more);
void nginx_stop(struct nginx *n);

#endif
