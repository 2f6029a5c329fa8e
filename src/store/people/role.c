/* The roles, by name. */
#include "dashspool/people.h"
#include <string.h>

static const char *const names[] = {"nobody", "viewer", "reviewer", "admin"};

const char *people_role_name(enum people_role role)
{
    return (unsigned)role < sizeof names / sizeof *names ? names[role] : names[0];
}

bool people_role_of(const char *name, enum people_role *out)
{
    for (unsigned i = PEOPLE_VIEWER; i <= PEOPLE_ADMIN; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum people_role)i;
            return true;
        }
    return false;
}
