/* What pages see of a request. */
#include "web_internal.h"
#include <stdio.h>
#include <string.h>

const char *web_asked(const struct web_ask *ask, const char *name)
{
    const char *value =
        MHD_lookup_connection_value(ask->request->connection, MHD_GET_ARGUMENT_KIND, name);
    return value ? value : "";
}

const char *web_header_of(const struct web_ask *ask, const char *name)
{
    const char *value =
        MHD_lookup_connection_value(ask->request->connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

const char *web_field_at(const struct web_ask *ask, const char *name, size_t i)
{
    const struct web_request *r = ask->request;
    for (size_t k = 0; k < r->n_fields; k++)
        if (strcmp(r->field[k].name, name) == 0 && i-- == 0)
            return r->field[k].value;
    return NULL;
}

const char *web_field(const struct web_ask *ask, const char *name)
{
    const char *value = web_field_at(ask, name, 0);
    return value ? value : "";
}

const char *web_who(const struct web_ask *ask, char out[PEOPLE_NAME_ROOM + WEB_PEER_ROOM])
{
    snprintf(out, PEOPLE_NAME_ROOM + WEB_PEER_ROOM, "%s%s", ask->name[0] ? "" : "somebody at ",
             ask->name[0] ? ask->name : ask->peer);
    return out;
}
