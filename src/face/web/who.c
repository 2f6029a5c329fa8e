/* Who asks: by a token, by a session, or nobody in particular. */
#include "dashspool/fsx.h"
#include "dashspool/text.h"
#include "web_internal.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum { TOKEN_BYTES_MAX = 512 };

/* In a time that tells nothing of where they differ. */
bool who_same(const char a[HASH_HEX_ROOM], const char b[HASH_HEX_ROOM])
{
    volatile unsigned char differ = 0;
    for (int i = 0; i < HASH_HEX_ROOM - 1; i++)
        differ |= (unsigned char)(a[i] ^ b[i]);
    return differ == 0;
}

/* ---- token_file ---- */

static int hash_token(struct who *a, const char *token, struct err *err)
{
    int rc = hash_text(token, strlen(token), a->sha256, err);
    if (rc == ERR_OK) { /* sessions that began with another token are over */
        char first[16];
        snprintf(first, sizeof first, "%.15s", a->sha256);
        a->token_mark = strtoll(first, NULL, 16);
    }
    return rc;
}

/* The first line of the file. */
static int read_token(struct who *a, const char *path, struct err *err)
{
    struct buf b;
    char token[TOKEN_BYTES_MAX + 1] = "";
    buf_init(&b, TOKEN_BYTES_MAX);
    int rc = fsx_check_file(path, err); /* a FIFO would be waited for */
    if (rc == ERR_OK)
        rc = fsx_read_file(path, &b, err);
    if (rc == ERR_OK)
        snprintf(token, sizeof token, "%.*s", (int)b.used, (const char *)buf_data(&b));
    buf_clear(&b);
    if (rc < 0)
        return err_set(err, ERR_CONFIG, "token_file %s: cannot be read", path);
    token[strcspn(token, "\r\n")] = '\0';
    for (const char *c = token; *c; c++)
        if (!isgraph((unsigned char)*c))
            return err_set(err, ERR_CONFIG, "token_file %s: the token must not contain spaces",
                           path);
    if (strlen(token) < WEB_TOKEN_LEAST)
        return err_set(err, ERR_CONFIG,
                       "token_file %s: the first line must be a token of at least %d characters; "
                       "create one with 'openssl rand -hex 24'",
                       path, WEB_TOKEN_LEAST);
    a->token = true;
    return hash_token(a, token, err);
}

static bool is_token(const struct who *a, const char *token)
{
    char sha256[HASH_HEX_ROOM];
    struct err unimportant;
    return a->token && strlen(token) <= TOKEN_BYTES_MAX &&
           hash_text(token, strlen(token), sha256, &unimportant) == ERR_OK &&
           who_same(sha256, a->sha256);
}

/* ---- people ---- */

/* people.db as it is now: it may come, or come anew, while this runs. Where somebody has to log in,
 * it stays so until this process ends: a file that went, or that cannot be read, opens no door. */
static int look(struct who *a, struct err *err)
{
    bool any = false;
    if (a->people && people_moved(a->people))
        people_close(&a->people);
    int rc = a->people ? ERR_OK : people_open(&a->people, a->root, false, err);
    if (rc == ERR_NOTFOUND && !a->in_use)
        return ERR_OK;
    if (rc == ERR_NOTFOUND)
        return err_set(
            err, ERR_BUSY,
            "The file of people (people.db) is gone: nobody can be known. Put it back, or "
            "restart the server.");
    if (rc == ERR_OK && (rc = people_any(a->people, &any, err)) == ERR_OK)
        a->in_use = a->in_use || any;
    if (rc == ERR_MALFORMED) /* it is the server's fault, not that of who asks */
        rc = err->code = ERR_UNSUPPORTED;
    return rc;
}

int who_open(struct who *a, const char *root, const char *token_file, struct err *err)
{
    *a = (struct who){.root = root};
    if (getrandom(a->secret, sizeof a->secret, 0) != sizeof a->secret)
        return err_sys(err, "random numbers");
    int rc = token_file[0] ? read_token(a, token_file, err) : ERR_OK;
    return rc < 0 || !root ? rc : look(a, err);
}

void who_close(struct who *a)
{
    people_close(&a->people);
    sessions_close(&a->sessions);
}

bool who_is_asked_for(const struct who *a)
{
    return a->token || a->in_use;
}

/* ---- a request's ---- */

/* Each form has it: what no other site's page can read, of this session or, without one, of this
 * process. */
static int make_csrf(const struct who *a, const char *cookie, char csrf[WEB_CSRF_ROOM],
                     struct err *err)
{
    static const char what[] = "dashspool csrf\n";
    char text[sizeof what + HASH_HEX_ROOM];
    size_t n = strlen(what), more = cookie ? strlen(cookie) : sizeof a->secret;
    memcpy(text, what, n);
    memcpy(text + n, cookie ? cookie : (const char *)a->secret, more);
    return hash_text(text, n + more, csrf, err);
}

static int know_bearer(struct who *a, struct web_request *r, const char *token, struct err *err)
{
    struct people_person person;
    int wait_s;
    r->bearer = true;
    r->mark = a->token_mark;
    if (tries_left(&a->tries, TRY_BEARER, r->ask.peer, &wait_s) == 0)
        return ERR_NOTFOUND;
    if (is_token(a, token)) {
        r->ask.role = PEOPLE_VIEWER;
        return ERR_OK;
    }
    int rc = a->in_use ? people_by_token(a->people, token, &person, &r->mark, err) : ERR_NOTFOUND;
    if (rc == ERR_OK) {
        snprintf(r->ask.name, sizeof r->ask.name, "%s", person.name);
        r->ask.role = person.role;
    } else if (rc == ERR_NOTFOUND) {
        tries_failed(&a->tries, TRY_BEARER, r->ask.peer);
    }
    return rc;
}

/* Whether the person of a session still is who logged in. */
int who_holds(struct who *a, const char *name, int64_t mark, enum people_role *role,
              struct err *err)
{
    struct people_person person;
    int64_t now = 0;
    *role = PEOPLE_NOBODY;
    if (!name[0])
        *role = a->token && mark == a->token_mark ? PEOPLE_VIEWER : PEOPLE_NOBODY;
    int rc = look(a, err);
    if (rc < 0 || !name[0] || !a->in_use)
        return rc;
    rc = people_find(a->people, name, &person, &now, err);
    if (rc == ERR_OK && now == mark)
        *role = person.role;
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

static int know_session(struct who *a, struct web_request *r, const char *cookie, struct err *err)
{
    const struct session *s = sessions_find(&a->sessions, cookie);
    enum people_role role = PEOPLE_NOBODY;
    if (!s)
        return ERR_NOTFOUND;
    int rc = who_holds(a, s->name, s->mark, &role, err);
    if (rc == ERR_OK && role == PEOPLE_NOBODY)
        rc = sessions_end(&a->sessions, cookie, err);
    if (rc < 0 || role == PEOPLE_NOBODY)
        return rc < 0 ? rc : ERR_NOTFOUND;
    snprintf(r->ask.name, sizeof r->ask.name, "%s", s->name);
    snprintf(r->session, sizeof r->session, "%s", s->sha256);
    r->mark = s->mark;
    r->ask.role = role;
    return make_csrf(a, cookie, r->ask.csrf, err);
}

const char *who_cookie(const struct web_request *r)
{
    const char *cookie = MHD_lookup_connection_value(r->connection, MHD_COOKIE_KIND, WHO_COOKIE);
    return cookie ? cookie : "";
}

int who_asks(struct who *a, struct web_request *r, struct err *err)
{
    static const char bearer[] = "Bearer ";
    const char *header = web_header_of(&r->ask, "Authorization"), *cookie = who_cookie(r);
    int rc = look(a, err);
    if (rc == ERR_OK)
        rc = make_csrf(a, NULL, r->ask.csrf, err);
    if (rc < 0)
        return rc;
    if (!who_is_asked_for(a)) {
        r->ask.role = PEOPLE_ADMIN;
        return ERR_OK;
    }
    r->ask.role = PEOPLE_NOBODY;
    if (strncasecmp(header, bearer, strlen(bearer)) == 0)
        rc = know_bearer(a, r, header + strlen(bearer), err);
    else if (cookie[0])
        rc = know_session(a, r, cookie, err);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* ---- logging in and out ---- */

int who_logs_in(struct who *a, const struct web_request *r, const char *name, const char *token,
                char cookie[HASH_HEX_ROOM], struct err *err)
{
    struct people_person person = {.name = ""};
    int64_t mark = a->token_mark;
    int rc = look(a, err);
    if (rc < 0)
        return rc;
    if (!name[0] && !is_token(a, token))
        rc = ERR_NOTFOUND;
    if (name[0])
        rc = a->in_use ? people_by_token(a->people, token, &person, &mark, err) : ERR_NOTFOUND;
    if (rc == ERR_OK && name[0] && !text_same(person.name, name))
        rc = ERR_NOTFOUND;
    if (rc == ERR_NOTFOUND) {
        if (name[0])
            tries_failed(&a->tries, TRY_NAME, name);
        tries_failed(&a->tries, TRY_ADDRESS, r->ask.peer);
        return err_set(err, ERR_NOTFOUND, "Name and token do not match.");
    }
    if (rc < 0)
        return rc;
    if (name[0])
        tries_succeeded(&a->tries, TRY_NAME, name);
    if ((rc = sessions_end(&a->sessions, who_cookie(r), err)) < 0)
        return rc;
    return sessions_new(&a->sessions, person.name, mark, cookie, err);
}
