/* Logging in and out. */
#include "dashspool/log.h"
#include "web_internal.h"
#include <stdio.h>
#include <string.h>

/* ---- the page ---- */

struct form {
    const char *to, *name; /* where it leads then; what was given before, "" */
    bool failed;
    int left, wait_s; /* tries */
};

static void put_trouble(struct web_page *h, const struct form *f)
{
    char minutes[16];
    snprintf(minutes, sizeof minutes, "%d", (f->wait_s + 59) / 60);
    web_put(h, "<p class=\"note bad\" role=\"alert\"><svg class=\"i\" aria-hidden=\"true\"><use "
               "href=\"/assets/icons.svg#i-warn\"/></svg><span>");
    if (f->failed)
        web_say(h, "Name and token do not match.");
    web_put(h, f->failed ? " " : "");
    if (f->left > 0)
        web_sayn(h, "You can try %s more time.", "You can try %s more times.", f->left);
    else
        web_sayf(h, "There were too many attempts. Wait %s minutes, then try again.", minutes);
    web_put(h, "</span></p>\n");
}

/* With people, by name; else by the token that is for all. */
static void put_form(struct web_page *h, const struct who *a, const struct form *f)
{
    bool again = f->failed || f->left == 0;
    web_print(h,
              "<form class=\"form\" method=\"post\" action=\"/login\"><input type=\"hidden\" "
              "name=\"to\" value=\"%s\">\n",
              f->to);
    if (again)
        put_trouble(h, f);
    if (a->in_use)
        web_print(h,
                  "<label class=\"field\"><span>%s</span><input name=\"name\" "
                  "autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" "
                  "maxlength=\"64\" value=\"%s\"",
                  web_tr(h, "Name"), f->name);
    if (a->in_use)
        web_put(h, a->token ? "></label>\n" : " required></label>\n");
    web_print(h,
              "<div class=\"field\"><label for=\"tok\">%s</label><input id=\"tok\" name=\"token\" "
              "type=\"password\" autocomplete=\"current-password\" required "
              "aria-describedby=\"tok-help\"",
              web_tr(h, "Token"));
    web_put(h, again ? " aria-invalid=\"true\" autofocus>" : ">");
    web_print(h, "<p class=\"help\" id=\"tok-help\">%s</p></div>\n",
              a->in_use ? web_tr(h, "Your administrator gave it to you once.")
                        : web_tr(h, "Ask the administrator of this server for it."));
    web_print(h, "<button class=\"primary\">%s</button>\n", web_tr(h, "Log in"));
    if (a->in_use)
        web_print(h, "<p class=\"help\">%s</p>\n",
                  web_tr(h, "What you download, protect, note or export is recorded with your "
                            "name."));
    web_put(h, "</form>\n");
}

static int send_form(const struct web_request *r, const struct form *f, unsigned status,
                     struct web_answer *out, struct err *err)
{
    struct web_page h;
    char seconds[16];
    web_page_init(&h, &r->ask);
    r->web->app->begin(r->web->app->app, &h, &r->ask, web_tr(&h, "Log in"));
    web_print(&h, "<div class=\"login\"><div class=\"panel\">\n<h1 class=\"brand\">%s</h1>\n",
              web_tr(&h, "Log in"));
    put_form(&h, &r->web->who, f);
    web_put(&h, "</div></div>\n");
    int rc = own_end(r, &h, status, out, err);
    if (rc == ERR_OK && status == MHD_HTTP_UNAUTHORIZED)
        rc = web_header(out, "WWW-Authenticate", "Bearer", err);
    snprintf(seconds, sizeof seconds, "%d", f->wait_s);
    return rc < 0 || status != MHD_HTTP_TOO_MANY_REQUESTS
               ? rc
               : web_header(out, "Retry-After", seconds, err);
}

static enum MHD_Result add_parameter(void *arg, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct web_page *to = arg;
    (void)kind;
    if (strcmp(name, "token") == 0) /* worth nothing here, and not to be written down again */
        return MHD_YES;
    web_put(to, memchr(buf_data(&to->b), '?', to->b.used) ? "&" : "?");
    web_url(to, name);
    if (value) {
        web_put(to, "=");
        web_url(to, value);
    }
    return MHD_YES;
}

/* A link in a mail, or on another site: the browser keeps its cookie to itself (SameSite=Strict),
 * although its person is logged in. Asked for anew by this page, it comes along. */
static bool comes_from_elsewhere(const struct web_request *r)
{
    return !r->ask.post && strcmp(web_header_of(&r->ask, "Sec-Fetch-Site"), "cross-site") == 0 &&
           strcmp(web_header_of(&r->ask, "Sec-Fetch-Mode"), "navigate") == 0;
}

int login_ask(const struct web_request *r, struct web_answer *out, struct err *err)
{
    struct web_page to = {.rc = ERR_OK};
    buf_init(&to.b, 8192);
    if (r->route && !r->ask.post) {
        web_path(&to, r->ask.path);
        MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, add_parameter, &to);
    }
    if (to.rc == ERR_OK)
        to.rc = buf_append(&to.b, "", 1, &to.err);
    struct form f = {.to = to.rc == ERR_OK ? (const char *)buf_data(&to.b) : "", .left = 1};
    f.to = f.to[0] ? f.to : "/";
    f.name = "";
    int rc = send_form(r, &f, MHD_HTTP_UNAUTHORIZED, out, err);
    if (rc == ERR_OK && comes_from_elsewhere(r))
        rc = web_header(out, "Refresh", "0", err);
    buf_clear(&to.b);
    return rc;
}

/* ---- in ---- */

/* The browser has it from now on, for no script to read and no other site to send. */
static int set_cookie(const struct web_request *r, const char *cookie, bool end,
                      struct web_answer *out, struct err *err)
{
    char text[HASH_HEX_ROOM + 120];
    snprintf(text, sizeof text, WHO_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict%s%s", cookie,
             r->https ? "; Secure" : "", end ? "; Max-Age=0" : "");
    return web_header(out, "Set-Cookie", text, err);
}

/* A page of these, never another site's: the path is judged, the query of it goes along. */
static void to_own_page(const struct web_request *r, const char *wanted, struct web_page *to)
{
    char path[1024];
    size_t n = strcspn(wanted, "?");
    buf_init(&to->b, 8192);
    snprintf(path, sizeof path, "%.*s", (int)(n < sizeof path ? n : 0), wanted);
    if (!request_is_taken(r->web->app, path, false)) {
        web_put(to, "/");
        return;
    }
    web_path(to, path);
    for (const char *at = wanted + n; *at; at++) {
        char one[4] = {*at};
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 127)
            snprintf(one, sizeof one, "%%%02X", (unsigned char)*at);
        web_put(to, one);
    }
}

static int redirect(const struct web_request *r, const char *wanted, struct web_answer *out,
                    struct err *err)
{
    struct web_page to = {.rc = ERR_OK};
    to_own_page(r, wanted, &to);
    if (to.rc == ERR_OK)
        to.rc = buf_append(&to.b, "", 1, &to.err);
    int rc = web_redirect(to.rc == ERR_OK ? (const char *)buf_data(&to.b) : "/", out, err);
    buf_clear(&to.b);
    return rc;
}

/* How many tries are left, of the name and of the address, or when there are some again. */
static void count_tries(const struct web_request *r, struct form *f)
{
    struct tries *tries = &r->web->who.tries;
    int of_name = 1, wait_s = 0;
    f->left = tries_left(tries, TRY_ADDRESS, r->ask.peer, &f->wait_s);
    if (f->name[0] && (of_name = tries_left(tries, TRY_NAME, f->name, &wait_s)) < f->left)
        f->left = of_name;
    if (wait_s > f->wait_s)
        f->wait_s = wait_s;
}

static int take_login(struct web_request *r, struct web_answer *out, struct err *err)
{
    struct form f = {.to = web_field(&r->ask, "to"), .name = web_field(&r->ask, "name")};
    char cookie[HASH_HEX_ROOM];
    count_tries(r, &f);
    if (f.left == 0)
        return send_form(r, &f, MHD_HTTP_TOO_MANY_REQUESTS, out, err);
    int rc = who_logs_in(&r->web->who, r, f.name, web_field(&r->ask, "token"), cookie, err);
    if (rc == ERR_NOTFOUND) {
        f.failed = true;
        count_tries(r, &f);
        if (log_may(LOG_LEVEL_WARN, r->ask.peer))
            log_warn("serve", "login refused", LOG_TEXT("name", f.name),
                     LOG_TEXT("from", r->ask.peer));
        return send_form(r, &f, MHD_HTTP_UNAUTHORIZED, out, err);
    }
    if (rc == ERR_OK) {
        access_note(r->web, f.name, r->ask.peer, "login", "");
        rc = redirect(r, f.to, out, err);
    }
    return rc < 0 ? rc : set_cookie(r, cookie, false, out, err);
}

int login_answer(struct web_request *r, struct web_answer *out, struct err *err)
{
    struct form f = {.to = web_asked(&r->ask, "to"), .name = "", .left = 1};
    if (!who_is_asked_for(&r->web->who))
        return redirect(r, "/", out, err);
    if (r->ask.post && !r->unfit && !r->large)
        return take_login(r, out, err);
    return send_form(r, &f, r->ask.post ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_OK, out, err);
}

/* ---- out ---- */

int logout_answer(struct web_request *r, struct web_answer *out, struct err *err)
{
    int rc = sessions_end(&r->web->who.sessions, who_cookie(r), err);
    if (rc == ERR_OK) {
        web_note(&r->ask, "logout", "");
        rc = web_redirect("/login", out, err);
    }
    return rc < 0 ? rc : set_cookie(r, "", true, out, err);
}
