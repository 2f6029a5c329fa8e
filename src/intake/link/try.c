/* try: whether what a server's section names is there, and is what it should be. */
#include "dashspool/fsx.h"
#include "dashspool/user.h"
#include "link.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct section {
    const struct cfg *cfg;
    const char *name;
};

static const char *get_text(const struct section *s, const char *key)
{
    return cfg_text(s->cfg, s->name, key);
}

static int blame(const struct section *s, const char *key, struct err *err)
{
    return cfg_blame(s->cfg, s->name, key, err);
}

/* The old server has that port, on whatever address. */
static bool has_port(const struct section *old, const char *listen)
{
    static const char *const keys_of[] = {"listen", "tls_listen"};
    const char *port = strrchr(listen, ':');
    bool has = !old->cfg;
    for (size_t i = 0; port && !has && i < 2; i++) {
        const char *its = strrchr(get_text(old, keys_of[i]), ':');
        has = its && strcmp(its, port) == 0;
    }
    return has;
}

static int try_tls(const struct section *s, struct err *err)
{
    static const char *const files[] = {"tls_cert", "tls_key", "tls_client_ca"};
    const char *cert = get_text(s, "tls_cert"), *key = get_text(s, "tls_key");
    if (!cert[0] != !key[0]) {
        err_set(err, ERR_CONFIG, "tls_cert and tls_key must be set together");
        return blame(s, cert[0] ? "tls_cert" : "tls_key", err);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = get_text(s, files[i]);
        if (path[0] && fsx_check_file(path, err) < 0)
            return blame(s, files[i], err);
    }
    if (!cert[0] || tls_try_server(cert, key, get_text(s, "tls_client_ca"), err) == ERR_OK)
        return ERR_OK;
    /* it names the file first */
    size_t n = strlen(key);
    bool is_key = strncmp(err->text, key, n) == 0 && err->text[n] == ':';
    const char *ca = get_text(s, "tls_client_ca");
    bool is_ca = ca[0] && strncmp(err->text, ca, strlen(ca)) == 0;
    return blame(s, is_key ? "tls_key" : is_ca ? "tls_client_ca" : "tls_cert", err);
}

static int try_allow(const struct section *s, struct err *err)
{
    const char *path = get_text(s, "allow");
    bool learn = cfg_bool(s->cfg, s->name, "learn");
    struct access *access = NULL;
    struct stat st;
    if (!path[0])
        return ERR_OK;
    int rc = learn && stat(path, &st) < 0 && errno == ENOENT
                 ? fsx_check_dir(path, err)
                 : access_open(&access, path, false, err);
    access_close(&access);
    return rc < 0 ? blame(s, "allow", err) : ERR_OK;
}

int link_try(const char *name, const struct cfg *cfg, const struct cfg *old, struct err *err)
{
    const struct section section = {cfg, name}, before = {old, name}, *s = &section;
    static const char *const ports[] = {"listen", "tls_listen"};
    const char *user = get_text(s, "user");
    struct user unused;
    bool tls = get_text(s, "tls_cert")[0];
    if (!cfg_bool(cfg, name, "enabled"))
        return ERR_OK;
    if (!tls && !get_text(s, "listen")[0]) {
        err_set(err, ERR_CONFIG, "nothing to listen on; set it, or tls_cert and tls_key");
        return blame(s, "listen", err);
    }
    for (int i = 0; i < 1 + tls; i++) {
        const char *at = get_text(s, ports[i]);
        if (at[0] && listen_try(at, has_port(&before, at), err) < 0)
            return blame(s, ports[i], err);
    }
    if (tls && listen_same(get_text(s, "listen"), get_text(s, "tls_listen"))) {
        err_set(err, ERR_CONFIG, "listen has the same port");
        return blame(s, "tls_listen", err);
    }
    if (user[0] && user_named(&unused, user, err) < 0)
        return blame(s, "user", err);
    int rc = try_tls(s, err);
    return rc < 0 || strcmp(name, "receive") != 0 ? rc : try_allow(s, err);
}
