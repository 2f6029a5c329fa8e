/* Who we are to the S3 store. */
#include "dashspool/fsx.h"
#include "dashspool/site.h"
#include "site_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_BYTES_MAX = 64 * 1024 };

/* A header or a line cannot carry it. */
static bool is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

static int take(char *out, size_t room, const char *value, const char *where, const char *name,
                struct err *err)
{
    if (strlen(value) >= room || !is_plain(value))
        return err_set(err, ERR_CONFIG, "%s: %s is longer than %zu bytes or has a blank", where,
                       name, room - 1);
    snprintf(out, room, "%s", value);
    return ERR_OK;
}

static int take_environment(struct site_keys *out, struct err *err)
{
    static const char where[] = "the environment", id_name[] = "AWS_ACCESS_KEY_ID",
                      secret_name[] = "AWS_SECRET_ACCESS_KEY", token_name[] = "AWS_SESSION_TOKEN";
    const char *id = getenv(id_name), *secret = getenv(secret_name), *token = getenv(token_name);
    bool has_id = id && id[0], has_secret = secret && secret[0];
    if (!has_id && !has_secret)
        return err_set(err, ERR_NOTFOUND, "no %s", id_name);
    if (!has_id || !has_secret)
        return err_set(err, ERR_CONFIG, "%s has %s, but no %s", where,
                       has_id ? id_name : secret_name, has_id ? secret_name : id_name);
    int rc = take(out->id, sizeof out->id, id, where, id_name, err);
    if (rc == ERR_OK)
        rc = take(out->secret, sizeof out->secret, secret, where, secret_name, err);
    if (rc == ERR_OK && token)
        rc = take(out->token, sizeof out->token, token, where, token_name, err);
    return rc;
}

/* ---- the file: AWS's, of which the section [default] counts ---- */

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r", text[n - 1]))
        text[--n] = '\0';
    return text;
}

static int take_line(struct site_keys *out, char *line, const char *path, struct err *err)
{
    struct {
        const char *name;
        char *out;
        size_t room;
    } known[] = {{"aws_access_key_id", out->id, sizeof out->id},
                 {"aws_secret_access_key", out->secret, sizeof out->secret},
                 {"aws_session_token", out->token, sizeof out->token}};
    char *equals = strchr(line, '=');
    if (!equals)
        return ERR_OK;
    *equals = '\0';
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(trim(line), known[i].name) == 0)
            return take(known[i].out, known[i].room, trim(equals + 1), path, known[i].name, err);
    return ERR_OK; /* region, output … of other programs */
}

static int take_text(struct site_keys *out, char *text, const char *path, struct err *err)
{
    bool counts = true;
    for (char *line = text, *end; line; line = end ? end + 1 : NULL) {
        if ((end = strchr(line, '\n')) != NULL)
            *end = '\0';
        line = trim(line);
        if (line[0] == '[')
            counts = strcmp(line, "[default]") == 0;
        else if (counts && line[0] != '#' && line[0] != ';' && take_line(out, line, path, err) < 0)
            return err->code;
    }
    if (out->id[0] && out->secret[0])
        return ERR_OK;
    return err_set(err, ERR_CONFIG, "%s: no aws_%s in [default]", path,
                   out->id[0] ? "secret_access_key" : "access_key_id");
}

static int take_file(struct site_keys *out, const char *path, struct err *err)
{
    struct stat st;
    struct buf text;
    if (fsx_check_file(path, err) < 0)
        return err_wrap(err, "[site] credentials: %s", path);
    if (stat(path, &st) < 0)
        return err_sys(err, "stat %s", path);
    if (st.st_mode & (S_IRWXO | S_IWGRP))
        return err_set(err, ERR_CONFIG,
                       "[site] credentials: %s: others may read or change it; chmod 600, or 640 "
                       "for the group of the service",
                       path);
    buf_init(&text, FILE_BYTES_MAX);
    int rc = fsx_read_file(path, &text, err);
    if (rc == ERR_OK && memchr(buf_data(&text), '\0', text.used))
        rc = err_set(err, ERR_CONFIG, "%s: not a text file", path);
    if (rc == ERR_OK)
        rc = buf_append(&text, "", 1, err);
    if (rc == ERR_OK)
        rc = take_text(out, (char *)text.mem + text.start, path, err);
    buf_clear(&text);
    return rc;
}

int site_keys(const struct site *site, struct site_keys *out, struct err *err)
{
    const char *path = site_credentials_file(site);
    *out = (struct site_keys){{0}};
    int rc = take_environment(out, err);
    if (rc == ERR_NOTFOUND && path[0])
        rc = take_file(out, path, err);
    if (rc < 0)
        memset(out, 0, sizeof *out);
    return rc;
}
