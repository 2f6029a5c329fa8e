/* Who follows a recipe: the program and its libraries, then and now. */
#include "dashspool/recipe.h"
#include <stdio.h>
#include <string.h>

static void add_library(void *arg, const char *name, const char *version)
{
    struct recipe *r = arg;
    if (r->n_libraries == RECIPE_LIBRARIES_MAX)
        return;
    int i = r->n_libraries++;
    snprintf(r->library[i].name, sizeof r->library[i].name, "%s", name);
    snprintf(r->library[i].version, sizeof r->library[i].version, "%s", version);
}

void recipe_sign(struct recipe *r)
{
    snprintf(r->program, sizeof r->program, "dashspool %s", DASHSPOOL_VERSION);
    r->n_libraries = 0;
    convert_libraries(add_library, r);
}

static const char *version_of(const struct recipe *r, const char *name)
{
    for (int i = 0; i < r->n_libraries; i++)
        if (strcmp(r->library[i].name, name) == 0)
            return r->library[i].version;
    return "none";
}

static void add_difference(char *out, size_t room, const char *name, const char *then,
                           const char *now)
{
    size_t used = strlen(out);
    if (strcmp(then, now) != 0)
        snprintf(out + used, room - used, "%s%s%s%s, here %s", used ? "; " : "", name,
                 name[0] ? " " : "", then, now);
}

bool recipe_differs(const struct recipe *then, const struct recipe *now, char *out, size_t room)
{
    out[0] = '\0';
    add_difference(out, room, "", then->program, now->program);
    for (int i = 0; i < then->n_libraries; i++)
        add_difference(out, room, then->library[i].name, then->library[i].version,
                       version_of(now, then->library[i].name));
    for (int i = 0; i < now->n_libraries; i++)
        if (strcmp(version_of(then, now->library[i].name), "none") == 0)
            add_difference(out, room, now->library[i].name, "none", now->library[i].version);
    return out[0] != '\0';
}
