/*
 * message: what goes over the two wires between parent and child. The request is one raw struct (it
 * is the same program on both sides); the report is a sequence of small framed messages, which the
 * parent takes as hostile: every length, text, count and enum is judged before it is believed.
 */
#ifndef CONFINE_MESSAGE_H
#define CONFINE_MESSAGE_H

#include "dashspool/confine.h"

#define MESSAGE_MAGIC   0x44534350u /* "DSCP" */
#define MESSAGE_VERSION 2

enum message_job { MESSAGE_CONVERT, MESSAGE_READ_SLICES };

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
};

struct message_head {
    uint32_t magic, type;
    uint64_t size; /* of what follows: double, struct err, struct convert_result, …_slices */
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

#endif
