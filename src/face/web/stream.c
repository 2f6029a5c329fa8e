/* Streams: what happens, told to browsers as it happens (text/event-stream, HTML Living Standard,
 * 9.2). One that has nothing to tell is suspended; a comment now and then finds out who left. */
#include "dashspool/clock.h"
#include "web_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OF_ONE_PERSON = 32, PIECE = 4096 };
#define UNREAD_BYTES_MAX ((size_t)64 << 10) /* who takes nothing is ended: it comes again */
#define BEAT_US          INT64_C(15000000)

struct stream {
    struct streams *all;
    struct stream *next, **self;
    struct MHD_Connection *connection;
    int fd;
    struct buf unread;
    bool suspended, over;
    int64_t told_us; /* monotonic */
    char session[HASH_HEX_ROOM], name[PEOPLE_NAME_ROOM];
    int64_t mark;
    bool anybody; /* nobody had to log in when it began */
};

static void go_on(struct stream *s)
{
    if (s->suspended)
        MHD_resume_connection(s->connection);
    s->all->resumed |= s->suspended;
    s->suspended = false;
}

static void end(struct stream *s)
{
    s->over = true;
    go_on(s);
}

static void put(struct stream *s, const char *text)
{
    struct err unimportant;
    s->told_us = clock_mono_us();
    if (!s->over && buf_append(&s->unread, text, strlen(text), &unimportant) < 0) {
        s->over = true;
        shutdown(s->fd, SHUT_RDWR); /* its end would wait behind what it does not take */
    }
    go_on(s);
}

static ssize_t read_stream(void *arg, uint64_t at, char *out, size_t room)
{
    struct stream *s = arg;
    size_t n = s->unread.used < room ? s->unread.used : room;
    (void)at;
    if (s->over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        s->suspended = true;
        MHD_suspend_connection(s->connection);
        return 0;
    }
    memcpy(out, buf_data(&s->unread), n);
    buf_consume(&s->unread, n);
    return (ssize_t)n;
}

static void stream_free(void *arg)
{
    struct stream *s = arg;
    *s->self = s->next;
    if (s->next)
        s->next->self = s->self;
    s->all->n--;
    buf_clear(&s->unread);
    free(s);
}

static bool has_room(const struct streams *all, const char *name)
{
    size_t of_person = 0;
    for (const struct stream *s = all->first; s; s = s->next)
        of_person += name[0] && strcmp(s->name, name) == 0;
    return all->n < WEB_STREAMS_MAX && of_person < OF_ONE_PERSON;
}

int web_stream(const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct web_request *r = ask->request;
    struct streams *all = &r->web->streams;
    *out = (struct web_answer){.status = MHD_HTTP_OK};
    if (!has_room(all, ask->name))
        return err_set(err, ERR_BUSY, W_("There are too many pages that are kept up to date."));
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct stream *s = fd ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return err_nomem(err, "a stream");
    s->fd = fd->connect_fd;
    s->all = all;
    s->connection = r->connection;
    buf_init(&s->unread, UNREAD_BYTES_MAX);
    s->mark = r->mark;
    s->anybody = !who_is_asked_for(&r->web->who);
    snprintf(s->session, sizeof s->session, "%s", r->session);
    snprintf(s->name, sizeof s->name, "%s", ask->name);
    s->next = all->first;
    s->self = &all->first;
    if (s->next)
        s->next->self = &s->next;
    all->first = s;
    all->n++;
    out->response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE, read_stream, s, stream_free);
    if (!out->response) {
        stream_free(s);
        return err_nomem(err, "a stream");
    }
    put(s, "retry: 3000\n\n");
    r->stream = true;
    int rc = web_headers(out, "text/event-stream", "no-store", err);
    if (rc == ERR_OK)
        rc = web_header(out, "X-Accel-Buffering", "no", err); /* nginx */
    /* Its connection counts as a stream's, not as a client's: it must not outlive it. */
    return rc < 0 ? rc : web_header(out, "Connection", "close", err);
}

void web_publish(struct web *w, const char *event, const char *data)
{
    struct buf b;
    struct err unimportant;
    buf_init(&b, UNREAD_BYTES_MAX);
    int rc = buf_append(&b, "event: ", 7, &unimportant);
    if (rc == ERR_OK)
        rc = buf_append(&b, event, strlen(event), &unimportant);
    for (const char *line = data; rc == ERR_OK; line++) {
        size_t n = strcspn(line, "\r\n");
        rc = buf_append(&b, "\ndata: ", 7, &unimportant);
        if (rc == ERR_OK)
            rc = buf_append(&b, line, n, &unimportant);
        line += n;
        if (!*line)
            break;
    }
    if (rc == ERR_OK)
        rc = buf_append(&b, "\n\n", 3, &unimportant);
    /* What is too much for one event tells nobody anything: they look when they come again. */
    for (struct stream *s = w->streams.first; s; s = s->next)
        if (rc == ERR_OK)
            put(s, (const char *)buf_data(&b));
        else
            end(s);
    buf_clear(&b);
}

size_t web_streams(const struct web *w)
{
    return w->streams.n;
}

/* Whether its person still may listen. */
static bool holds(const struct stream *s, struct who *who)
{
    enum people_role role = PEOPLE_NOBODY;
    struct err unimportant; /* it comes again, and is told why not */
    if (s->anybody)
        return !who_is_asked_for(who);
    return (!s->session[0] || sessions_has(&who->sessions, s->session)) &&
           who_holds(who, s->name, s->mark, &role, &unimportant) == ERR_OK && role > PEOPLE_NOBODY;
}

void streams_beat(struct streams *all, struct who *who)
{
    int64_t now_us = clock_mono_us();
    for (struct stream *s = all->first; s; s = s->next)
        if (!s->over && !holds(s, who))
            end(s);
        else if (now_us - s->told_us >= BEAT_US)
            put(s, ":\n\n");
}

void streams_end(struct streams *all)
{
    for (struct stream *s = all->first; s; s = s->next)
        end(s);
}
