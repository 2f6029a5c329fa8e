/* Pages of its own: what went wrong, who may not, who has to log in. */
#include "web_internal.h"
#include <string.h>

void own_begin(const struct web_request *r, struct web_page *h, const char *title)
{
    r->web->app->begin(r->web->app->app, h, &r->ask, title);
    web_print(h, "<h1>%s</h1>\n", title);
}

int own_end(const struct web_request *r, struct web_page *h, unsigned status,
            struct web_answer *out, struct err *err)
{
    r->web->app->end(r->web->app->app, h, &r->ask);
    return web_page_send(h, status, out, err);
}

static void put_way_out(struct web_page *h)
{
    web_print(h, "<p class=\"row\"><a class=\"button\" href=\"/\">%s</a></p>\n",
              web_tr(h, "All events"));
}

int own_error(const struct web_request *r, const struct err *why, struct web_answer *out,
              struct err *err)
{
    struct web_page h;
    int code = why->code;
    bool bad = code == ERR_MALFORMED || code == ERR_CONFIG;
    web_page_init(&h, &r->ask);
    own_begin(r, &h,
              code == ERR_NOTFOUND ? web_tr(&h, "Not found")
              : bad                ? web_tr(&h, "Bad request")
                                   : web_tr(&h, "Server error"));
    if (code == ERR_NOTFOUND)
        web_print(&h, "<p>%s</p>\n",
                  web_tr(&h, "What you look for is not here: it was deleted, or the address is "
                             "mistyped."));
    web_put(&h, "<p>");
    web_told(&h, why->text);
    web_put(&h, "</p>\n");
    put_way_out(&h);
    return own_end(r, &h,
                   code == ERR_NOTFOUND     ? MHD_HTTP_NOT_FOUND
                   : bad                    ? MHD_HTTP_BAD_REQUEST
                   : err_is_temporary(code) ? MHD_HTTP_SERVICE_UNAVAILABLE
                                            : MHD_HTTP_INTERNAL_SERVER_ERROR,
                   out, err);
}

/* "These pages" are of ask->role; the route asks for more. */
static void put_role(struct web_page *h, const struct web_request *r)
{
    web_put(h, "<p>");
    web_sayf(h, "This needs the role %s; yours is %s.", people_role_name(r->route->least),
             people_role_name(r->ask.role));
    web_put(h, "</p>\n<p>");
    if (r->ask.name[0])
        web_sayf(h,
                 "If it is your work, ask the administrator of this server for it: dashspool user "
                 "role %s --role %s",
                 r->ask.name, people_role_name(r->route->least));
    else
        web_say(h, "The access token of this server only lets you look. Ask its administrator for "
                   "a name and a token of your own: dashspool user add NAME --role ROLE");
    web_put(h, "</p>\n");
}

int own_refusal(const struct web_request *r, struct web_answer *out, struct err *err)
{
    struct web_page h;
    web_page_init(&h, &r->ask);
    switch (r->may) {
    case GATE_OTHER_NAME:
        own_begin(r, &h, web_tr(&h, "Wrong host name"));
        web_print(&h, "<p>%s</p>\n",
                  web_tr(&h, "Without a token, these pages are only served as http://127.0.0.1 or "
                             "http://localhost."));
        break;
    case GATE_HANDED_ON:
        own_begin(r, &h, web_tr(&h, "Not allowed"));
        web_print(&h, "<p>%s</p>\n",
                  web_tr(&h,
                         "A web server hands on what others ask, and nobody has to log in here: "
                         "everybody could look, and work. Ask the administrator to add people: "
                         "dashspool user add NAME --role ROLE"));
        break;
    case GATE_ROLE:
        own_begin(r, &h, web_tr(&h, "Not allowed"));
        put_role(&h, r);
        put_way_out(&h);
        break;
    case GATE_ORIGIN:
        own_begin(r, &h, web_tr(&h, "Not allowed"));
        web_print(&h, "<p>%s</p>\n<p>%s</p>\n",
                  web_tr(&h, "Another site's page asked for this, so nothing was done."),
                  web_tr(&h, "If it was a page of this server, behind a proxy: the proxy must hand "
                             "on the Host header as the browser sent it."));
        put_way_out(&h);
        break;
    case GATE_CSRF:
        own_begin(r, &h, web_tr(&h, "The page was too old"));
        web_print(&h, "<p>%s</p>\n<p>%s</p>\n",
                  web_tr(&h, "Nothing was done: the page was made before you logged in, or before "
                             "the server was started again."),
                  web_tr(&h, "Go back, reload the page, and do it again."));
        put_way_out(&h);
        break;
    case GATE_UNKNOWN: /* login.c asks who that is */
    case GATE_MAY:
        break;
    }
    return own_end(r, &h, MHD_HTTP_FORBIDDEN, out, err);
}

int own_too_large(const struct web_request *r, struct web_answer *out, struct err *err)
{
    struct web_page h;
    web_page_init(&h, &r->ask);
    own_begin(r, &h, web_tr(&h, "Too large"));
    web_print(&h, "<p>%s</p>\n",
              web_tr(&h, "The form holds more text than is taken. Nothing was done; go back and "
                         "shorten it."));
    return own_end(r, &h, MHD_HTTP_CONTENT_TOO_LARGE, out, err);
}

int own_method(const struct web_request *r, struct web_answer *out, struct err *err)
{
    struct web_page h;
    bool get =
        request_is_taken(r->web->app, r->ask.path, false) || strcmp(r->ask.path, "/login") == 0;
    bool post = request_is_taken(r->web->app, r->ask.path, true) ||
                strcmp(r->ask.path, "/login") == 0 || strcmp(r->ask.path, "/logout") == 0;
    web_page_init(&h, &r->ask);
    own_begin(r, &h, web_tr(&h, "Method not allowed"));
    web_print(&h, "<p>%s</p>\n", web_tr(&h, "This address does not take that method."));
    int rc = own_end(r, &h, MHD_HTTP_METHOD_NOT_ALLOWED, out, err);
    const char *allow = get && post ? "GET, HEAD, POST" : post ? "POST" : "GET, HEAD";
    return rc < 0 ? rc : web_header(out, "Allow", allow, err);
}
