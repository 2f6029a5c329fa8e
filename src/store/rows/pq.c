/* libpq by its asynchronous calls. */
#include "pq.h"
#include "dashspool/clock.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static int translate(const char *state, bool lost)
{
    static const struct {
        const char *begins;
        int code;
    } codes[] = {{"40", ERR_BUSY},           {"55P03", ERR_BUSY},        {"57014", ERR_BUSY},
                 {"53", ERR_BUSY},           {"22", ERR_MALFORMED},      {"23", ERR_MALFORMED},
                 {"42P01", ERR_UNSUPPORTED}, {"42703", ERR_UNSUPPORTED}, {"42883", ERR_UNSUPPORTED},
                 {"3F000", ERR_UNSUPPORTED}, {"42501", ERR_CONFIG},      {"28", ERR_CONFIG},
                 {"3D000", ERR_CONFIG}};
    for (size_t i = 0; !lost && i < sizeof codes / sizeof *codes; i++)
        if (strncmp(state, codes[i].begins, strlen(codes[i].begins)) == 0)
            return codes[i].code;
    return ERR_IO;
}

int pq_failed(const PGconn *pq, const PGresult *r, bool late, char state[PQ_STATE_ROOM],
              struct err *err)
{
    const char *said = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *text = r ? PQresultErrorMessage(r) : PQerrorMessage(pq);
    snprintf(state, PQ_STATE_ROOM, "%s", said ? said : "");
    if (late)
        return err_set(err, ERR_IO, "the site's database does not answer");
    return err_set(err, translate(state, !said || PQstatus(pq) != CONNECTION_OK),
                   "the site's database: %.*s", (int)strcspn(text, "\n"), text);
}

static bool wait_for(PGconn *pq, short events, int64_t until_us)
{
    struct pollfd p = {.fd = PQsocket(pq), .events = events};
    int64_t left_ms = (until_us - clock_mono_us()) / 1000;
    return left_ms > 0 && (poll(&p, 1, (int)left_ms) > 0 || errno == EINTR);
}

static bool send_off(PGconn *pq, int64_t until_us)
{
    for (int more; (more = PQflush(pq)) != 0;)
        if (more < 0 || !wait_for(pq, POLLIN | POLLOUT, until_us) || !PQconsumeInput(pq))
            return false;
    return true;
}

bool pq_is_good(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);
    return s == PGRES_TUPLES_OK || s == PGRES_COMMAND_OK || s == PGRES_EMPTY_QUERY;
}

PGresult *pq_answer(PGconn *pq, int64_t until_us)
{
    PGresult *last = NULL, *r;
    if (!send_off(pq, until_us))
        return NULL;
    for (;;) {
        while (PQisBusy(pq))
            if (!wait_for(pq, POLLIN, until_us) || !PQconsumeInput(pq)) {
                PQclear(last);
                return NULL;
            }
        if (!(r = PQgetResult(pq)))
            return last;
        if (last && !pq_is_good(last)) {
            PQclear(r);
        } else {
            PQclear(last);
            last = r;
        }
    }
}

static void ignore_notice(void *arg, const PGresult *r)
{
    (void)arg, (void)r;
}

int pq_connect(PGconn **out, const struct site *site, struct err *err)
{
    /* dbname may be a whole text of settings, which counts for more than what is before it */
    const char *const keys[] = {"application_name",     "connect_timeout",  "keepalives_idle",
                                "keepalives_interval",  "keepalives_count", "tcp_user_timeout",
                                "target_session_attrs", "dbname",           NULL};
    char name[100];
    snprintf(name, sizeof name, "dashspool %s", site_node(site));
    const char *const values[] = {
        name, "5", "10", "5", "3", "20000", "read-write", site_database(site), NULL};
    *out = NULL;
    PGconn *pq = PQconnectdbParams(keys, values, 1);
    if (!pq)
        return err_nomem(err, "a connection");
    PQsetNoticeReceiver(pq, ignore_notice, NULL);
    if (PQstatus(pq) == CONNECTION_OK && PQsetnonblocking(pq, 1) == 0) {
        *out = pq;
        return ERR_OK;
    }
    const char *text = PQerrorMessage(pq);
    int rc = err_set(err, ERR_IO, "the site's database cannot be reached: %.*s",
                     (int)strcspn(text, "\n"), text);
    PQfinish(pq);
    return rc;
}
