#include "dashspool/log.h"
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOG_LINE_BYTES = 4096, /* PIPE_BUF: a pipe takes so many at once, or none (pipe(7)) */
    LOG_VALUE_BYTES = 800, /* of one value as it is written; an err's text fits */
};

struct log_line {
    char bytes[LOG_LINE_BYTES];
    size_t used, room, head; /* room: up to what the end needs; head: the first key is there */
    bool json, full, cut;
};

_Static_assert(LOG_LINE_BYTES <= PIPE_BUF, "a line is one write to a pipe");

#define CUT_MARK "\xe2\x80\xa6" /* … */
enum { END_BYTES = 40 };        /* `,"cut":true,"pid":2147483647}` and a newline */

static void put(struct log_line *l, const char *bytes, size_t n)
{
    if (l->full || n > l->room - l->used) {
        l->full = true;
        return;
    }
    memcpy(l->bytes + l->used, bytes, n);
    l->used += n;
}

static void put_text(struct log_line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* ---- text ---- */

/* The next character of a string of JSON, as it is written; *p goes behind it. */
static size_t take_character(const char **p, char out[8])
{
    uint32_t c = 0xfffd; /* for a byte that is no UTF-8 */
    const char *from = *p;
    size_t n = utf8_next(from, 4, &c);
    char escape = c == '\n'               ? 'n'
                  : c == '\r'             ? 'r'
                  : c == '\t'             ? 't'
                  : c == '"' || c == '\\' ? (char)c
                                          : '\0';
    n += n == 0;
    *p += n;
    if (escape) {
        out[0] = '\\';
        out[1] = escape;
        return 2;
    }
    if (text_hidden(c))
        return (size_t)snprintf(out, 8, "\\u%04x", c > 0xffff ? 0xfffdU : (unsigned)c);
    memcpy(out, from, n);
    return n;
}

/* How many characters from here on stand for themselves in a string of JSON; with `bare` also in
 * logfmt without quotation marks. */
static size_t plain_bytes(const char *text, bool bare)
{
    size_t n = 0;
    for (char c; (c = text[n]) >= ' ' && c <= '~' && c != '"' && c != '\\'; n++)
        if (bare && (c == ' ' || c == '='))
            break;
    return n;
}

/* Up to `limit`; what is longer gets the mark. */
static void put_characters(struct log_line *l, const char *text, size_t limit)
{
    while (*text) {
        char out[8];
        const char *from = text;
        size_t n = plain_bytes(text, false), left = limit > l->used ? limit - l->used : 0;
        n = n < left ? n : left;
        text += n;
        if (n == 0) {
            n = take_character(&text, out);
            from = out;
        }
        if (n > left) {
            put_text(l, CUT_MARK);
            return;
        }
        put(l, from, n);
    }
}

static void put_value(struct log_line *l, const char *text, bool quoted)
{
    size_t room = l->room - l->used < LOG_VALUE_BYTES ? l->room - l->used : LOG_VALUE_BYTES;
    size_t n = plain_bytes(text, true);
    if (!l->json && !quoted && n > 0 && !text[n] && n <= room) {
        put(l, text, n);
        return;
    }
    size_t limit = l->used + room - sizeof CUT_MARK; /* with its NUL: the closing mark's byte */
    put(l, "\"", 1);
    put_characters(l, text, limit);
    put(l, "\"", 1);
}

/* ---- fields ---- */

static bool key_ok(const char *key)
{
    size_t n = 0;
    while ((key[n] >= 'a' && key[n] <= 'z') || key[n] == '_')
        n++;
    return n > 0 && !key[n];
}

static void put_key(struct log_line *l, const char *key)
{
    assert(key_ok(key)); /* they are ours */
    if (l->used > l->head)
        put(l, l->json ? "," : " ", 1);
    put(l, "\"", l->json);
    put_text(l, key);
    put_text(l, l->json ? "\":" : "=");
}

/* Whatever LC_NUMERIC says. */
static void put_seconds(struct log_line *l, double s)
{
    char text[32];
    long long ms = (long long)(s * 1000 + (s < 0 ? -0.5 : 0.5)), whole = ms / 1000,
              rest = ms % 1000;
    int n = snprintf(text, sizeof text, "%s%lld.%03lld", ms < 0 ? "-" : "",
                     whole < 0 ? -whole : whole, rest < 0 ? -rest : rest);
    while (text[n - 1] == '0')
        n--;
    put(l, text, (size_t)(text[n - 1] == '.' ? n - 1 : n));
}

static void put_field(struct log_line *l, const struct log_field *f)
{
    char text[24];
    switch (f->type) {
    case LOG_TYPE_TEXT:
        put_value(l, f->text, false);
        return;
    case LOG_TYPE_INT:
        snprintf(text, sizeof text, "%lld", (long long)f->number);
        put_text(l, text);
        return;
    case LOG_TYPE_SECONDS:
        put_seconds(l, f->real);
        return;
    case LOG_TYPE_BOOL:
        put_text(l, f->number ? "true" : "false");
        return;
    case LOG_TYPE_NONE:
    case LOG_TYPE_END:
        return;
    }
}

static bool is_there(const struct log_field *f)
{
    return f->type == LOG_TYPE_TEXT      ? f->text && *f->text
           : f->type == LOG_TYPE_SECONDS ? f->real > -1e15 && f->real < 1e15
                                         : f->type != LOG_TYPE_NONE;
}

static void log_line_field(struct log_line *l, const struct log_field *f)
{
    size_t before = l->used;
    if (!is_there(f))
        return;
    put_key(l, f->key);
    put_field(l, f);
    if (!l->full)
        return;
    l->used = before;
    l->full = false;
    l->cut = true;
}

/* ---- the whole ---- */

/* always_quoted: also where logfmt could do without. */
static void log_line_text(struct log_line *l, const char *key, const char *text, bool always_quoted)
{
    put_key(l, key);
    put_value(l, text, always_quoted);
}

/* ---- log ---- */

static atomic_int max_level = LOG_LEVEL_INFO;
static atomic_bool as_json, to_journal;

static const struct {
    const char *name;
    int priority; /* syslog(3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},
    [LOG_LEVEL_WARN] = {"warn", 4},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

const char *log_level_name(enum log_level level)
{
    return levels[level].name;
}

bool log_level_parse(const char *text, enum log_level *out)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(text, levels[i].name) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

/* $JOURNAL_STREAM is "device:inode" of the socket that systemd gave us; stderr may have become
 * another file since (systemd.exec(5)). */
static bool is_journal(void)
{
    const char *text = getenv("JOURNAL_STREAM");
    struct stat st;
    char own[64];
    if (!text || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    return strcmp(own, text) == 0;
}

void log_setup(enum log_level level, bool json)
{
    atomic_store(&max_level, (int)level);
    atomic_store(&as_json, json);
    atomic_store(&to_journal, is_journal());
}

bool log_is_plain(void)
{
    return !atomic_load(&as_json) && !atomic_load(&to_journal);
}

void log_event(enum log_level level, const char *stage, const char *msg,
               const struct log_field *fields)
{
    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
        return;
    struct log_line line;
    bool journal = atomic_load(&to_journal);
    line.used = 0;
    line.room = LOG_LINE_BYTES - END_BYTES;
    line.json = atomic_load(&as_json);
    line.full = line.cut = false;
    if (journal)
        line.used = (size_t)snprintf(line.bytes, LOG_LINE_BYTES, "<%d>", levels[level].priority);
    put(&line, "{", line.json);
    line.head = line.used;
    if (!journal || line.json) {
        char when[CLOCK_TEXT_ROOM];
        clock_rfc3339(clock_utc_us(), 3, when);
        log_line_text(&line, "time", when, false);
    }
    log_line_text(&line, "level", levels[level].name, false);
    log_line_text(&line, "stage", stage, false);
    log_line_text(&line, "msg", msg, true);
    for (; fields->type != LOG_TYPE_END; fields++)
        log_line_field(&line, fields);
    /* Then it is whole, with its newline. */
    line.room = LOG_LINE_BYTES;
    if (line.cut)
        log_line_field(&line, &LOG_BOOL("cut", true));
    log_line_field(&line, &LOG_INT("pid", (int)getpid()));
    put(&line, "}", line.json);
    put(&line, "\n", 1);
    if (write(STDERR_FILENO, line.bytes, line.used) < 0)
        return; /* nowhere left to say it */
}

/* ---- what strangers can cause ---- */

enum {
    PEERS = 256, /* by the hash of their address: who shares one shares its lines */
    PEER_BURST = 4000,
    ALL_BURST = 20000,
    PEER_EACH_US = 100000,
    ALL_EACH_US = 25000,
    LEFT_OUT_EVERY_US = 10000000,
};

static struct {
    pthread_mutex_t lock;
    int64_t peer_us[PEERS], all_us; /* until when what was said is paid off, at its rate */
    int64_t left_out, told_us;
    char peer[64]; /* of the last that was left out */
} others = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool afford(int64_t *until_us, int64_t now_us, int64_t each_us, int64_t burst)
{
    int64_t from_us = *until_us > now_us ? *until_us : now_us;
    if (from_us - now_us >= burst * each_us)
        return false;
    *until_us = from_us + each_us;
    return true;
}

/* FNV-1a, without the port. */
static int slot_of(const char *peer)
{
    const char *port = strrchr(peer, ':');
    uint32_t h = 2166136261U;
    for (const char *p = peer; *p && p != port; p++)
        h = (h ^ (uint8_t)*p) * 16777619U;
    return (int)(h % PEERS);
}

bool log_may(enum log_level level, const char *peer)
{
    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
        return false;
    int64_t now_us = clock_mono_us();
    pthread_mutex_lock(&others.lock);
    bool may = afford(&others.peer_us[slot_of(peer)], now_us, PEER_EACH_US, PEER_BURST) &&
               afford(&others.all_us, now_us, ALL_EACH_US, ALL_BURST);
    if (!may) {
        others.left_out++;
        snprintf(others.peer, sizeof others.peer, "%s", peer);
    }
    pthread_mutex_unlock(&others.lock);
    return may;
}

void log_left_out(const char *stage)
{
    char peer[sizeof others.peer];
    int64_t now_us = clock_mono_us();
    pthread_mutex_lock(&others.lock);
    int64_t n = others.left_out;
    bool due = n > 0 && (others.told_us == 0 || now_us - others.told_us >= LEFT_OUT_EVERY_US);
    if (due) {
        others.left_out = 0;
        others.told_us = now_us;
        memcpy(peer, others.peer, sizeof peer);
    }
    pthread_mutex_unlock(&others.lock);
    if (due)
        log_warn(stage, "log lines left out", LOG_INT("lines", n), LOG_TEXT("peer", peer));
}
