/* A request as it comes: its route, its form, its body. */
#include "web_internal.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FORM_PIECE = 1024 };
#define LEFT_BYTES_MAX (UINT64_C(64) << 20) /* read on, to tell why it is not taken */

/* ---- its route ---- */

/* *known: the address is taken, by this method or another. */
static const struct web_route *find_route(const struct web_app *app, const char *path, bool post,
                                          bool *known)
{
    *known = false;
    for (size_t i = 0; i < app->n_routes; i++) {
        const struct web_route *r = &app->routes[i];
        if (r->below ? strncmp(path, r->path, strlen(r->path)) != 0 : strcmp(path, r->path) != 0)
            continue;
        *known = true;
        if (r->post == post)
            return r;
    }
    return NULL;
}

bool request_is_taken(const struct web_app *app, const char *path, bool post)
{
    bool known;
    return find_route(app, path, post, &known) != NULL;
}

/* ---- bodies ---- */

static void take_piece(struct web_request *r, const struct web_piece *piece)
{
    const struct web_body *body = r->route->body;
    if (r->rc < 0 || r->may != GATE_MAY)
        return;
    if (!gate_is_own_form(r)) {
        r->may = GATE_CSRF;
        return;
    }
    if (!r->begun) {
        r->begun = true;
        r->rc = body->begin(r->web->app->app, &r->ask, &r->ask.body, &r->err);
    }
    if (r->rc == ERR_OK)
        r->rc = body->piece(r->web->app->app, &r->ask, piece, &r->err);
}

/* A piece of a field; the first has `at` 0. */
static enum MHD_Result take_field(struct web_request *r, const char *key, const char *data,
                                  uint64_t at, size_t n)
{
    if (!key || memchr(data, '\0', n) || (at == 0 && r->n_fields == WEB_FIELDS_MAX)) {
        r->unfit = true;
        return MHD_NO;
    }
    r->bytes += n;
    if (r->bytes > WEB_FORM_BYTES_MAX) {
        r->large = true;
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

static enum MHD_Result on_form_data(void *arg, enum MHD_ValueKind kind, const char *key,
                                    const char *file, const char *type, const char *encoding,
                                    const char *data, uint64_t at, size_t n)
{
    struct web_request *r = arg;
    (void)kind;
    (void)type;
    (void)encoding;
    if (!file || !r->route || !r->route->body)
        return take_field(r, key, data, at, n);
    take_piece(r, &(struct web_piece){key ? key : "", file, at, data, n});
    return MHD_YES;
}

bool request_take(struct web_request *r, const char *data, size_t n)
{
    bool body = r->route && r->route->body, raw = body && !r->parser;
    uint64_t at = r->taken;
    r->taken += n;
    if (!body && r->taken > WEB_FORM_BYTES_MAX)
        r->large = true;
    bool lost = r->large || r->unfit || r->rc < 0 || r->may != GATE_MAY;
    if (lost)
        return r->taken <= LEFT_BYTES_MAX;
    if (raw)
        take_piece(r, &(struct web_piece){"", "", at, data, n});
    else if (MHD_post_process(r->parser, data, n) != MHD_YES && !r->large)
        r->unfit = true;
    return true;
}

struct framing {
    int lengths, codings, hosts;
    bool other; /* than chunked, or a length that is no number */
};

static enum MHD_Result look_at_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct framing *f = arg;
    bool length = strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    bool coding = strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    (void)kind;
    f->lengths += length;
    f->codings += coding;
    f->hosts += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
    if (length && (!value || !value[0] || value[strspn(value, "0123456789")]))
        f->other = true;
    if (coding && (!value || strcasecmp(value, "chunked") != 0))
        f->other = true;
    return MHD_YES;
}

bool request_is_ambiguous(const struct web_request *r)
{
    struct framing f = {.lengths = 0};
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, look_at_header, &f);
    return f.other || f.lengths + f.codings > 1 || f.hosts > 1;
}

struct web_request *request_new(struct web *w, struct MHD_Connection *connection, const char *path,
                                const char *method)
{
    struct web_request *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->connection = connection;
    r->web = w;
    r->ask = (struct web_ask){.request = r,
                              .path = path,
                              .rest = "",
                              .head = strcmp(method, "HEAD") == 0,
                              .post = strcmp(method, "POST") == 0};
    r->ask.language = language_choose(web_header_of(&r->ask, "Accept-Language"));
    r->route = find_route(w->app, path, r->ask.post, &r->known);
    r->login = strcmp(path, "/login") == 0;
    r->logout = r->ask.post && strcmp(path, "/logout") == 0;
    if (r->route)
        r->ask.rest = path + strlen(r->route->path);
    gate_peer(connection, r->ask.peer);
    if (r->ask.post)
        r->parser = MHD_create_post_processor(connection, FORM_PIECE, on_form_data, r);
    r->unfit = !r->parser && !(r->route && r->route->body); /* it is no form */
    return r;
}

void request_free(struct web_request **request)
{
    struct web_request *r = *request;
    if (r && r->parser)
        MHD_destroy_post_processor(r->parser);
    if (r && r->ask.body)
        r->route->body->drop(r->web->app->app, r->ask.body);
    for (size_t i = 0; r && i < r->n_fields; i++) {
        free(r->field[i].name);
        free(r->field[i].value);
    }
    free(r);
    *request = NULL;
}
