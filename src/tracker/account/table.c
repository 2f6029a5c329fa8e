/* The records of a clip, decoded, as JSON: one line each. */
#include "account_internal.h"
#include "dashspool/clock.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX ((size_t)16 << 20)

/* A line that grows; the first error stays. */
struct line {
    struct buf *to;
    struct err *err;
    int rc;
};

static void say(struct line *l, const char *fmt, ...) DS_PRINTF(2, 3);
static void say(struct line *l, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (l->rc == ERR_OK)
        l->rc = buf_append(l->to, text, n < 0 ? 0 : (size_t)n, l->err);
}

/* A text of printable characters (avl.h). */
static void say_text(struct line *l, const char *text)
{
    say(l, "\"");
    for (; *text; text++)
        say(l, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    say(l, "\"");
}

static void say_hex(struct line *l, const uint8_t *data, size_t n)
{
    char hex[2 * 64 + 1];
    say(l, "\"");
    for (size_t at = 0; at < n; at += 64) {
        hash_hex_bytes(data + at, n - at < 64 ? n - at : 64, hex, sizeof hex);
        say(l, "%s", hex);
    }
    say(l, "\"");
}

/* ---- a record ---- */

static void say_samples(struct line *l, const struct avl_io *io)
{
    say(l, ",\"samples_mg\":[");
    for (size_t i = 0; i < avl_trace_samples(io); i++) {
        struct avl_sample s = avl_trace_at(io, i);
        say(l, "%s[%d,%d,%d]", i ? "," : "", s.x_mg, s.y_mg, s.z_mg);
    }
    say(l, "]");
}

static void say_io(struct line *l, enum avl_family family, const struct avl_io *io)
{
    char text[300];
    double number;
    const struct avl_profile *p = avl_profile(family, io->id);
    say(l, "{\"id\":%u,\"raw\":", (unsigned)io->id);
    say_hex(l, io->bytes, io->width);
    if (p) {
        say(l, ",\"name\":");
        say_text(l, p->name);
    }
    if (avl_io_number(family, io, &number)) {
        say(l, ",\"value\":%.12g", number);
        if (p && p->unit[0]) {
            say(l, ",\"unit\":");
            say_text(l, p->unit);
        }
        const char *word = io->width <= 8 ? avl_word(family, io->id, avl_io_unsigned(io)) : NULL;
        if (word) {
            say(l, ",\"text\":");
            say_text(l, word);
        }
    } else if (p && p->form == AVL_TEXT && (p->width == 0 || p->width == io->width)) {
        say(l, ",\"text\":");
        say_text(l, avl_io_text(family, io, text, sizeof text));
    } else if (p && p->form == AVL_TRACE) {
        say_samples(l, io);
    }
    say(l, "}");
}

static void say_event(struct line *l, enum avl_family family, const struct avl_record *r)
{
    const struct avl_profile *p = avl_profile(family, r->event_id);
    say(l, ",\"priority\":%u,\"event\":{\"id\":%u", (unsigned)r->priority, (unsigned)r->event_id);
    if (p) {
        say(l, ",\"name\":");
        say_text(l, p->name);
    }
    say(l, "}");
}

static void say_private(struct line *l, enum avl_family family, const struct account_row *row)
{
    say_event(l, family, &row->record);
    say(l,
        ",\"position\":null,\"speed_kmh\":null,\"course_deg\":null,\"satellites\":null,\"io\":[");
    for (size_t i = 0; i < row->n_ids; i++)
        say(l, "%s{\"id\":%u}", i ? "," : "", (unsigned)row->id[i]);
    say(l, "]");
}

static void say_record(struct line *l, enum avl_family family, const struct account_row *row)
{
    const struct avl_record *r = &row->record;
    struct avl_ios walk = avl_record_ios(r);
    struct avl_io io;
    char sha256[HASH_HEX_ROOM] = "";
    if (l->rc == ERR_OK)
        l->rc = hash_text(r->raw, r->raw_bytes, sha256, l->err);
    say(l, ",\"sha256\":\"%s\"", sha256);
    say_event(l, family, r);
    say(l, ",\"position\":{\"lat\":%.7f,\"lon\":%.7f,\"altitude_m\":%d,\"valid\":%s}",
        r->latitude_e7 / 1e7, r->longitude_e7 / 1e7, r->altitude_m,
        avl_position_valid(r) ? "true" : "false");
    say(l, ",\"speed_kmh\":%u,\"course_deg\":%u,\"satellites\":%u", (unsigned)r->speed_kmh,
        (unsigned)r->angle_deg, (unsigned)r->satellites);
    if (avl_generation_word(r->generation)) {
        say(l, ",\"generation\":");
        say_text(l, avl_generation_word(r->generation));
    }
    say(l, ",\"io\":[");
    for (bool first = true; avl_ios_next(&walk, &io); first = false) {
        say(l, "%s", first ? "" : ",");
        say_io(l, family, &io);
    }
    say(l, "]");
}

static void say_row(struct line *l, enum avl_family family, const struct account_row *row,
                    bool last)
{
    char at[CLOCK_TEXT_ROOM], arrived[CLOCK_TEXT_ROOM];
    clock_rfc3339(row->time_ms * 1000, 3, at);
    clock_rfc3339(row->arrived_us, 6, arrived);
    say(l, "{\"time\":\"%s\",\"arrived\":\"%s\",\"codec\":\"%02x\"", at, arrived,
        (unsigned)row->codec);
    if (row->withheld)
        say(l, ",\"withheld\":\"%s\"",
            row->withheld == ACCOUNT_PRIVATE ? "private mode" : "no record");
    if (row->withheld == ACCOUNT_PRIVATE)
        say_private(l, family, row);
    else if (row->withheld == ACCOUNT_HERE)
        say_record(l, family, row);
    say(l, last ? "}\n" : "},\n");
}

/* ---- all of it ---- */

/* Which record tells of the camera's trigger at that time; -1: it is not here. */
static int64_t event_record(const struct account *a, int64_t event_ms)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->row[i].time_ms == event_ms && a->row[i].record.event_id == AVL_ID_CAMERA_TRIGGER)
            return (int64_t)i;
    return -1;
}

static void say_head(struct line *l, const struct account *a, const struct account_head *head)
{
    char from[CLOCK_TEXT_ROOM], until[CLOCK_TEXT_ROOM], at[CLOCK_TEXT_ROOM];
    clock_rfc3339(head->from_ms * 1000, 3, from);
    clock_rfc3339(head->until_ms * 1000, 3, until);
    say(l, "{\"format\":%d,\"decoder\":%d,\"id\":\"%s\",\"family\":\"%s\",", ACCOUNT_FORMAT,
        AVL_DECODER_VERSION, head->id, avl_family_name(head->family));
    say(l, "\"clip\":{\"from\":\"%s\",\"until\":\"%s\"},\"event\":", from, until);
    if (head->event) {
        int64_t record = event_record(a, head->event_ms);
        clock_rfc3339(head->event_ms * 1000, 3, at);
        say(l, "{\"time\":\"%s\",\"difference_ms\":%" PRId64 ",\"record\":", at,
            head->difference_ms);
        if (record < 0)
            say(l, "null}");
        else
            say(l, "%" PRId64 "}", record);
    } else {
        say(l, "null");
    }
    say(l, ",\"records\":%zu,\"withheld\":%" PRId64 ",\"tracks\":[", a->n, a->withheld);
    for (int i = 0; i < head->n_tracks; i++)
        say(l, "%s\"%s\"", i ? "," : "", head->track[i]);
    say(l, "],\"table\":[\n");
}

int account_table(const struct account *a, const struct account_head *head, account_line_fn *fn,
                  void *arg, struct err *err)
{
    struct buf text;
    struct line l = {&text, err, ERR_OK};
    buf_init(&text, LINE_BYTES_MAX);
    say_head(&l, a, head);
    for (size_t i = 0; i <= a->n && l.rc == ERR_OK; i++) {
        l.rc = fn(arg, (const char *)buf_data(&text), text.used, err);
        buf_consume(&text, text.used);
        if (i < a->n)
            say_row(&l, head->family, &a->row[i], i + 1 == a->n);
    }
    say(&l, "]}\n");
    if (l.rc == ERR_OK)
        l.rc = fn(arg, (const char *)buf_data(&text), text.used, err);
    buf_clear(&text);
    return l.rc;
}

/* ---- its first line, read ---- */

static bool take_time(const json_t *o, const char *key, int64_t *ms)
{
    const char *text = json_string_value(json_object_get(o, key));
    struct err unimportant;
    int64_t utc_us;
    if (!text || clock_parse(text, 0, &utc_us, NULL, &unimportant) < 0)
        return false;
    *ms = utc_us / 1000;
    return true;
}

static bool take_tracks(const json_t *list, struct account_head *out)
{
    size_t i;
    const json_t *v;
    if (!json_is_array(list) || json_array_size(list) > ACCOUNT_TRACKS_MAX)
        return false;
    json_array_foreach(list, i, v)
    {
        const char *text = json_string_value(v);
        if (!text || strlen(text) != HASH_HEX_ROOM - 1 ||
            strspn(text, "0123456789abcdef") != HASH_HEX_ROOM - 1)
            return false;
        memcpy(out->track[out->n_tracks++], text, HASH_HEX_ROOM);
    }
    return true;
}

/* Letters, digits and hyphens. */
static bool take_id(const char *text, char id[ACCOUNT_ID_ROOM])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    if (!text || strlen(text) >= ACCOUNT_ID_ROOM || strspn(text, letters) != strlen(text))
        return false;
    snprintf(id, ACCOUNT_ID_ROOM, "%s", text);
    return true;
}

int account_head_parse(struct account_head *out, int *format, int *decoder, const char *line,
                       size_t n, struct err *err)
{
    static const char end[] = "]}";
    char *whole = malloc(n + sizeof end);
    *out = (struct account_head){.n_tracks = 0};
    if (!whole)
        return err_nomem(err, "a table of records");
    memcpy(whole, line, n);
    memcpy(whole + n, end, sizeof end);
    json_t *o = json_loadb(whole, n + sizeof end - 1, JSON_REJECT_DUPLICATES, NULL);
    const json_t *event = json_object_get(o, "event"), *clip = json_object_get(o, "clip"),
                 *difference = json_object_get(event, "difference_ms");
    const char *name = json_string_value(json_object_get(o, "family"));
    int family = name ? avl_family_of(name) : -1;
    out->family = family < 0 ? AVL_RAW : (enum avl_family)family;
    out->event = json_is_object(event);
    out->difference_ms = json_integer_value(difference);
    json_int_t its_format = json_integer_value(json_object_get(o, "format")),
               its_decoder = json_integer_value(json_object_get(o, "decoder"));
    *format = its_format > 0 && its_format < 1000000 ? (int)its_format : 0;
    *decoder = its_decoder > 0 && its_decoder < 1000000 ? (int)its_decoder : 0;
    bool good = *format > 0 && *decoder > 0 && family >= 0 &&
                take_id(json_string_value(json_object_get(o, "id")), out->id) &&
                take_time(clip, "from", &out->from_ms) &&
                take_time(clip, "until", &out->until_ms) && out->from_ms <= out->until_ms &&
                (!out->event ||
                 (take_time(event, "time", &out->event_ms) && json_is_integer(difference))) &&
                take_tracks(json_object_get(o, "tracks"), out);
    json_decref(o);
    free(whole);
    return good ? ERR_OK
                : err_set(err, ERR_MALFORMED, "line 1 is not the beginning of a table of records");
}
