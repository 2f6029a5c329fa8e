/* mixed: may a master hold the bytes of two transfers? Since its first chunk says whose it is, none
 * does. Of those from before, what is known of how they came tells, or nobody can. */
#include "dashspool/buf.h"
#include "dashspool/custody.h"
#include "dashspool/master.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct judging {
    const struct catalogue_transfer *t;
    enum master_verdict verdict;
    char *why; /* MASTER_WHY_ROOM */
    int64_t until_bytes;
    int parts;
    bool begun; /* its custody tells of its beginning */
};

/* What is worse stays. */
static void say(struct judging *j, enum master_verdict verdict, const char *text)
{
    if (verdict <= j->verdict)
        return;
    j->verdict = verdict;
    snprintf(j->why, MASTER_WHY_ROOM, "%s", text);
}

/* Each connection brought what lies between its bounds, in packets of 1024 bytes at most, and began
 * where the one before had ended, or earlier: a camera sends some again. */
static int judge_part(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    struct judging *j = arg;
    char text[MASTER_WHY_ROOM];
    int64_t bytes = a->until_bytes - a->from_bytes;
    (void)err;
    j->parts++;
    snprintf(text, sizeof text,
             "its connection %d brought %" PRId64 " packets, and %" PRId64 " bytes came of it",
             j->parts, a->packets, bytes);
    if (a->from_bytes > j->until_bytes)
        say(j, MASTER_MIXED, "bytes of it came over no connection");
    else if (a->packets == 0 && bytes > 0)
        say(j, MASTER_UNKNOWN, "the receiver was killed while it came");
    else if (bytes > a->packets * WIRE_PACKET_BYTES)
        say(j, MASTER_MIXED, text);
    if (a->until_bytes > j->until_bytes)
        j->until_bytes = a->until_bytes;
    return ERR_OK;
}

/* Who connected, as the custody has it, connection by connection. */
static int judge_line(void *arg, const char *line, struct err *err)
{
    struct judging *j = arg;
    struct custody_record r;
    struct wire_fact list[WIRE_N_FACTS];
    char text[MASTER_WHY_ROOM];
    int decoder;
    (void)err;
    custody_read(&r, line, strlen(line));
    j->begun |= r.kind == CUSTODY_RECEIVED;
    if (r.kind == CUSTODY_REINDEXED)
        j->begun = false;
    if ((r.kind == CUSTODY_RECEIVED || r.kind == CUSTODY_RESUMED) && r.what.facts &&
        wire_facts_read(r.what.facts, &decoder, list))
        for (int i = 0; i < WIRE_N_FACTS; i++)
            if (strcmp(list[i].name, "imei") == 0 && strcmp(list[i].text, j->t->imei) != 0) {
                snprintf(text, sizeof text, "a connection of tracker %.20s brought some of it",
                         list[i].text);
                say(j, MASTER_MIXED, text);
            }
    custody_record_clear(&r);
    return ERR_OK;
}

/* START says how long the file is: packets of 1024 bytes where no path was asked for, else bytes.
 */
static void judge_length(struct judging *j, const struct raw_master *m)
{
    const struct catalogue_wire *w = &j->t->wire;
    char text[MASTER_WHY_ROOM];
    if (w->start_n < 8)
        return;
    int64_t n = (int64_t)w->start[4] << 24 | (int64_t)w->start[5] << 16 |
                (int64_t)w->start[6] << 8 | (int64_t)w->start[7];
    int64_t most = w->path_n > 0 ? n : n * WIRE_PACKET_BYTES;
    int64_t least = !m->sealed      ? 0
                    : w->path_n > 0 ? n
                    : n > 0         ? (n - 1) * WIRE_PACKET_BYTES + 1
                                    : 0;
    snprintf(text, sizeof text,
             "it has %" PRId64 " bytes, and the camera announced %" PRId64 " to %" PRId64,
             m->length_bytes, least, most);
    if (m->length_bytes > most || m->length_bytes < least)
        say(j, MASTER_MIXED, text);
}

int master_judge(struct catalogue *c, struct raw *raw, const struct catalogue_transfer *t,
                 const struct raw_master *m, enum master_verdict *out, char why[MASTER_WHY_ROOM],
                 struct err *err)
{
    struct judging j = {.t = t, .why = why};
    why[0] = '\0';
    *out = MASTER_PURE;
    if (m->noted || strcmp(t->source, "camera") != 0 || m->length_bytes == 0)
        return ERR_OK; /* a file is read in one go, and hashed before */
    bool in_order = true;
    int rc = raw_in_order(raw, t->day, t->key, &in_order, err);
    if (rc == ERR_OK && !in_order)
        say(&j, MASTER_MIXED, "its pieces did not come in their order");
    if (rc == ERR_OK)
        rc = catalogue_arrival_each(c, t->key, judge_part, &j, err);
    if (rc == ERR_OK)
        rc = catalogue_event_each(c, t->id, judge_line, &j, err);
    if (rc < 0)
        return rc;
    judge_length(&j, m);
    if (!j.begun)
        say(&j, MASTER_UNKNOWN, "its custody record does not tell how it began");
    else if (j.parts == 0)
        say(&j, MASTER_UNKNOWN, "no record of its connections");
    else if (t->state != CATALOGUE_RECEIVING && j.until_bytes < m->length_bytes)
        say(&j, MASTER_MIXED, "bytes of it came over no connection");
    *out = j.verdict;
    return ERR_OK;
}
