/*
 * child: what goes over the two wires between parent and child. The request is one raw struct (it
 * is the same program on both sides); the report is a sequence of small framed messages, which the
 * parent takes as hostile: every length, text, count and enum is judged before it is believed.
 */
#ifndef CONFINE_CHILD_H
#define CONFINE_CHILD_H

#include "dashspool/confine.h"
#include <sys/resource.h>
#include <sys/types.h>

#define MESSAGE_MAGIC   0x44534350u /* "DSCP" */
#define MESSAGE_VERSION 3

enum message_job { MESSAGE_CONVERT, MESSAGE_READ_SLICES, MESSAGE_COUNT_RECORDINGS };

struct message_request {
    uint32_t magic, version;
    uint64_t size; /* of this struct */
    enum message_job job;
    char path[4096], out_dir[4096], stage_dir[4096], stem[256];
    struct media_facts facts;
    struct convert_options options;
    struct confine_limits limits; /* all decided: 0 is none */
};

enum message_type {
    MESSAGE_PROGRESS = 1,
    MESSAGE_FAILURE = 2,
    MESSAGE_RESULT = 3, /* of MESSAGE_CONVERT */
    MESSAGE_SLICES = 4, /* of MESSAGE_READ_SLICES */
    MESSAGE_COUNT = 5,  /* of MESSAGE_COUNT_RECORDINGS */
};

struct message_head {
    uint32_t magic, type;
    uint64_t size; /* of what follows: double, struct err, struct convert_result, …_slices, int */
};

/* What has come so far. */
struct message_inbox {
    uint8_t data[sizeof(struct message_head) + sizeof(struct convert_result)];
    size_t used;
    double done;
    enum message_type last; /* MESSAGE_FAILURE or what the job gives, once one has come */
    struct err failure;
    struct convert_result result;
    struct media_slices slices;
    int recordings;
};

/* Takes n bytes of the report. ERR_MALFORMED for anything that a child of ours would not send; then
 * the inbox is of no use any more. */
int message_take(struct message_inbox *in, const struct message_request *asked, const void *data,
                 size_t n, struct err *err) DS_MUST_CHECK;

/* The child's side: one message, whole. */
int message_send(int fd, enum message_type type, const void *payload, size_t n,
                 struct err *err) DS_MUST_CHECK;

/* Reads the request and judges magic, version and size. */
int message_read_request(int fd, struct message_request *out, struct err *err) DS_MUST_CHECK;

/*
 * forkserver: where the children come from. Loading this program and its 140 libraries costs 34 ms,
 * more than most conversions. So it is executed anew once, with a clean environment and no
 * descriptors of ours, and that process does nothing but fork a child for each request, which is
 * then as clean as if it had been executed itself. The forkserver never looks at a master.
 *
 * One a process, started when first needed, gone when its owner is: its socket ends, and it gets
 * SIGKILL with the owner, as its children do with it.
 */
struct forkserver_end { /* of a child */
    int status;         /* as wait() has it */
    struct rusage used;
};

/* Starts it before it is needed: by who cannot, later (sandbox.h). */
int forkserver_start(struct err *err) DS_MUST_CHECK;

/* From now on it and its children read nothing but these (lists end with NULL), whatever a request
 * says; they are looked up once. */
int forkserver_fence(const char *const *reads, const char *const *write_dirs,
                     struct err *err) DS_MUST_CHECK;

/* A child that reads its request from request_fd and reports to report_fd (both stay the caller's).
 * *status_fd, the caller's, becomes readable when the child has ended and was reaped. */
int forkserver_spawn(int request_fd, int report_fd, pid_t *pid, int *status_fd,
                     struct err *err) DS_MUST_CHECK;

/* SIGKILL to one of its children: by the forkserver, as the owner may not signal any process. */
void forkserver_kill(pid_t pid);

/* Waits for the end. False: the forkserver itself is gone, and the child with it. */
bool forkserver_wait(int status_fd, struct forkserver_end *out);

/* The forkserver's life. fn is the child's, with its parent's process id; it does not return. */
typedef void forkserver_child_fn(pid_t parent);
int forkserver_run(forkserver_child_fn *fn);

/* The child that converts; does not return. */
void child_convert(pid_t parent);

#endif
