/* Which actions there are, and who may do them. */
#include "dashspool/actions.h"
#include <string.h>

static const struct {
    const char *name;
    enum people_role least;
    bool is_long;
} kinds[ACTIONS_KINDS] = {
    [ACTIONS_REVIEWED] = {"reviewed", PEOPLE_REVIEWER, false},
    [ACTIONS_UNREVIEWED] = {"unreviewed", PEOPLE_REVIEWER, false},
    [ACTIONS_PROTECT] = {"protect", PEOPLE_REVIEWER, false},
    [ACTIONS_UNPROTECT] = {"unprotect", PEOPLE_ADMIN, false},
    [ACTIONS_NOTE] = {"note", PEOPLE_REVIEWER, false},
    [ACTIONS_CASE] = {"case", PEOPLE_REVIEWER, false},
    [ACTIONS_EXPORT] = {"export", PEOPLE_REVIEWER, true},
    [ACTIONS_VERIFY] = {"verify", PEOPLE_REVIEWER, true},
    [ACTIONS_REQUEST] = {"request", PEOPLE_REVIEWER, false},
    [ACTIONS_CANCEL] = {"cancel", PEOPLE_REVIEWER, false},
    [ACTIONS_RETRY] = {"retry", PEOPLE_ADMIN, false},
    [ACTIONS_DROP] = {"drop", PEOPLE_ADMIN, false},
    [ACTIONS_VEHICLE] = {"vehicle", PEOPLE_ADMIN, false},
    [ACTIONS_IMPORT] = {"import", PEOPLE_REVIEWER, true},
    [ACTIONS_DOWNLOADED] = {"downloaded", PEOPLE_VIEWER, false},
};

const char *actions_name(enum actions_kind kind)
{
    return (unsigned)kind < ACTIONS_KINDS ? kinds[kind].name : "";
}

bool actions_kind_of(const char *name, enum actions_kind *out)
{
    for (unsigned i = 0; i < ACTIONS_KINDS; i++)
        if (strcmp(name, kinds[i].name) == 0) {
            *out = (enum actions_kind)i;
            return true;
        }
    return false;
}

bool actions_allowed(enum actions_kind kind, enum people_role role)
{
    return (unsigned)kind < ACTIONS_KINDS && role <= PEOPLE_ADMIN && role >= kinds[kind].least;
}

bool actions_is_long(enum actions_kind kind)
{
    return (unsigned)kind < ACTIONS_KINDS && kinds[kind].is_long;
}

bool actions_kind_of_job(const char *job, enum actions_kind *out)
{
    enum { HEX = 32 };
    size_t n = strlen(job);
    if (n >= ACTIONS_JOB_ROOM || n < HEX + 2 || job[n - HEX - 1] != '-' ||
        strspn(job + n - HEX, "0123456789abcdef") != HEX)
        return false;
    for (unsigned i = 0; i < ACTIONS_KINDS; i++)
        if (strlen(kinds[i].name) == n - HEX - 1 && strncmp(job, kinds[i].name, n - HEX - 1) == 0) {
            *out = (enum actions_kind)i;
            return true;
        }
    return false;
}
