/*
 * scripted: a TCP server on the loopback that answers what it is told to, byte for byte: for what
 * no honest server can be brought to say. It reads a request whole, body and all, then sends the
 * next answer of its list and closes; the last one is for all that come after it.
 */
#ifndef TESTS_SCRIPTED_H
#define TESTS_SCRIPTED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

struct scripted_answer {
    const char *text;
    const char *before; /* sent once, ahead of it; NULL: nothing */
    size_t n;           /* 0: strlen(text) */
    int drip_ms;        /* between byte and byte; 0: all at once */
    int repeat;         /* text is sent so often; -1: until the other side has enough */
    int hold; /* 1: says nothing more, and stays until scripted_end() or the other side leaves */
};

enum { SCRIPTED_REQUESTS = 32, SCRIPTED_HEAD_ROOM = 4096 };

struct scripted {
    pthread_t thread;
    int fd, port, wake[2];
    const struct scripted_answer *answers;
    size_t n_answers;
    /* The heads of what was asked; n may be more than there is room for. */
    char head[SCRIPTED_REQUESTS][SCRIPTED_HEAD_ROOM];
    size_t body_bytes[SCRIPTED_REQUESTS];
    atomic_size_t n;
};

/* answers: borrowed until scripted_end(), n of them. */
void scripted_begin(struct scripted *s, const struct scripted_answer *answers, size_t n);
void scripted_end(struct scripted *s);

#endif
