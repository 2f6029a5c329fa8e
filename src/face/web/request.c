/* What somebody asks: its parameters, its form. */
#include "web_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORM_PIECE = 1024 };

/* ---- a request ---- */

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

/* ---- forms ---- */

/* A piece of a field; the first has `at` 0. */
static enum MHD_Result on_form_data(void *arg, enum MHD_ValueKind kind, const char *key,
                                    const char *file, const char *type, const char *encoding,
                                    const char *data, uint64_t at, size_t n)
{
    struct web_request *r = arg;
    (void)kind;
    (void)file;
    (void)type;
    (void)encoding;
    if (!key || memchr(data, '\0', n) || (at == 0 && r->n_fields == WEB_FIELDS_MAX)) {
        r->unfit = true;
        return MHD_NO;
    }
    if (at == 0) {
        struct web_field *f = &r->field[r->n_fields];
        f->name = strdup(key);
        f->value = calloc(1, 1);
        if (!f->name || !f->value) {
            free(f->name);
            free(f->value);
            r->unfit = true;
            return MHD_NO;
        }
        r->n_fields++;
    }
    struct web_field *f = &r->field[r->n_fields - 1];
    char *longer = realloc(f->value, at + n + 1); /* bounded by WEB_FORM_BYTES_MAX */
    if (!longer || strlen(longer) != at) {
        f->value = longer ? longer : f->value;
        r->unfit = true;
        return MHD_NO;
    }
    f->value = longer;
    memcpy(longer + at, data, n);
    longer[at + n] = '\0';
    return MHD_YES;
}

void request_free(struct web_request **request)
{
    struct web_request *r = *request;
    if (r && r->parser)
        MHD_destroy_post_processor(r->parser);
    for (size_t i = 0; r && i < r->n_fields; i++) {
        free(r->field[i].name);
        free(r->field[i].value);
    }
    free(r);
    *request = NULL;
}

struct web_request *request_new(struct MHD_Connection *connection, bool form)
{
    struct web_request *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->connection = connection;
    if (form && !(r->parser = MHD_create_post_processor(connection, FORM_PIECE, on_form_data, r)))
        r->unfit = true; /* it is no form */
    return r;
}

bool request_take(struct web_request *r, const char *data, size_t n)
{
    r->bytes += n;
    if (r->bytes > WEB_FORM_BYTES_MAX)
        return false;
    if (r->parser && !r->unfit && MHD_post_process(r->parser, data, n) != MHD_YES)
        r->unfit = true;
    return true;
}
