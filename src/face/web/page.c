/* HTML in the making. */
#include "web_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES_MAX ((size_t)4 << 20)

void web_page_init(struct web_page *h, const struct web_ask *ask)
{
    *h = (struct web_page){.rc = ERR_OK, .language = ask->language};
    buf_init(&h->b, PAGE_BYTES_MAX);
}

void web_page_clear(struct web_page *h)
{
    buf_clear(&h->b);
}

static void put_bytes(struct web_page *h, const char *markup, size_t n)
{
    if (h->rc == ERR_OK)
        h->rc = buf_append(&h->b, markup, n, &h->err);
}

void web_put(struct web_page *h, const char *markup)
{
    put_bytes(h, markup, strlen(markup));
}

void web_text(struct web_page *h, const char *text)
{
    static const char special[] = "&<>\"'";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    char shown[TEXT_ONE_ROOM];
    for (size_t n = strlen(text), bytes; n > 0; text += bytes, n -= bytes) {
        const char *at = strchr(special, *text);
        bytes = at ? 1 : text_one(text, n, shown);
        if (bytes == 0) { /* the beginning of a character, and no more */
            web_put(h, "\xef\xbf\xbd");
            return;
        }
        web_put(h, at ? names[at - special] : shown);
    }
}

void web_print(struct web_page *h, const char *markup, ...)
{
    va_list ap;
    va_start(ap, markup);
    for (const char *at; *markup; markup = at) {
        at = strstr(markup, "%s");
        at = at ? at : markup + strlen(markup);
        put_bytes(h, markup, (size_t)(at - markup));
        if (*at) {
            web_text(h, va_arg(ap, const char *));
            at += 2;
        }
    }
    va_end(ap);
}

/* RFC 3986, unreserved; and `also`. */
static void put_address(struct web_page *h, const char *text, char also)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        char one[8];
        bool as_it_is = strchr(plain, *text) || *text == also;
        snprintf(one, sizeof one, as_it_is ? "%c" : "%%%02X", (unsigned char)*text);
        web_put(h, one);
    }
}

void web_url(struct web_page *h, const char *text)
{
    put_address(h, text, '-');
}

void web_path(struct web_page *h, const char *text)
{
    put_address(h, text, '/');
}

void web_json(struct web_page *h, const char *text)
{
    char shown[TEXT_ONE_ROOM];
    web_put(h, "\"");
    for (size_t n = strlen(text), bytes; n > 0; text += bytes, n -= bytes) {
        char one[8];
        unsigned char c = (unsigned char)*text;
        bool escaped = c < 0x20 || c == 0x7f || strchr("\"\\<>&", c);
        bytes = escaped ? 1 : text_one(text, n, shown);
        if (bytes == 0)
            break;
        snprintf(one, sizeof one, "\\u%04x", c);
        if (escaped)
            web_put(h, one);
        else if (shown[0] == '\\') /* hidden ones, as text_one() writes them */
            web_print(h, "\\\\%s", shown + 1);
        else
            web_put(h, shown);
    }
    web_put(h, "\"");
}

void web_append(struct web_page *h, const struct web_page *part)
{
    if (h->rc == ERR_OK && part->b.used > 0)
        put_bytes(h, (const char *)part->b.mem + part->b.start, part->b.used);
}

/* ---- numbers ---- */

/* From five digits on they are in groups of three: 1234 is one look, 100000 is not. */
const char *web_decimal(const struct web_page *h, double value, int decimals,
                        char out[WEB_DECIMAL_ROOM])
{
    /* TRANSLATORS: how your language writes this number; its group and its decimal sign are taken
     * for all others. */
    const char *like = web_tr(h, "1,234.5");
    char plain[WEB_DECIMAL_ROOM];
    snprintf(plain, sizeof plain, "%.*f", decimals, value);
    const char *digits = plain + (plain[0] == '-');
    size_t whole = strcspn(digits, "."), n = 0;
    size_t group = strcspn(like + 1, "2"), decimal = strcspn(like + 1 + group + 3, "5");
    if (group == 0 || decimal == 0 || like[1 + group] == '\0')
        like = "1,234.5", group = decimal = 1;
    const char *const sign = like + 1 + group + 3;
    n += (size_t)snprintf(out, WEB_DECIMAL_ROOM, "%s", digits > plain ? "\xe2\x88\x92" : "");
    for (size_t i = 0; digits[i] && n < WEB_DECIMAL_ROOM - 8; i++) {
        if (i > 0 && i < whole && whole > 4 && (whole - i) % 3 == 0)
            n += (size_t)snprintf(out + n, WEB_DECIMAL_ROOM - n, "%.*s", (int)group, like + 1);
        if (digits[i] == '.')
            n += (size_t)snprintf(out + n, WEB_DECIMAL_ROOM - n, "%.*s", (int)decimal, sign);
        else
            out[n++] = digits[i];
        out[n] = '\0';
    }
    return out;
}

void web_number(struct web_page *h, int64_t n)
{
    char text[WEB_DECIMAL_ROOM];
    web_put(h, web_decimal(h, (double)n, 0, text));
}

/* "2.1 MB": its unit is the same everywhere. */
const char *web_size_text(const struct web_page *h, int64_t bytes, char out[WEB_DECIMAL_ROOM])
{
    char text[SIZE_TEXT_ROOM], *unit;
    double value = strtod(size_text(bytes, text), &unit);
    const char *point = strchr(text, '.');
    int decimals = point && point < unit ? (int)(unit - point) - 1 : 0;
    web_decimal(h, value, decimals, out);
    size_t n = strlen(out);
    snprintf(out + n, WEB_DECIMAL_ROOM - n, "%s", unit);
    return out;
}

void web_size(struct web_page *h, int64_t bytes)
{
    char text[WEB_DECIMAL_ROOM];
    web_text(h, web_size_text(h, bytes, text));
}

/* ---- sentences ---- */

void web_say(struct web_page *h, const char *msgid)
{
    web_text(h, web_tr(h, msgid));
}

void web_told(struct web_page *h, const char *text)
{
    const char *translated = web_tr(h, text);
    bool foreign = translated == text && strcmp(h->language, "en") != 0;
    web_print(h, foreign ? "<span lang=\"en\">%s</span>" : "%s", translated);
}

enum { SAID_MAX = 8 };

/* "%s" in their order, or "%1$s" by number. */
static void put_said(struct web_page *h, const char *text, const char *const said[SAID_MAX])
{
    size_t next = 0;
    char one[1024];
    for (const char *at; *text; text = at) {
        at = strchr(text, '%');
        at = at ? at : text + strlen(text);
        for (size_t n; text < at; text += n) { /* in pieces that end at a character */
            n = (size_t)(at - text) < sizeof one - 1 ? (size_t)(at - text) : sizeof one - 1;
            while (n < (size_t)(at - text) && ((unsigned char)text[n] & 0xc0) == 0x80)
                n--;
            snprintf(one, sizeof one, "%.*s", (int)n, text);
            web_text(h, one);
        }
        if (strncmp(at, "%s", 2) == 0) {
            web_text(h, next < SAID_MAX && said[next] ? said[next] : "");
            next++;
            at += 2;
        } else if (at[0] == '%' && at[1] >= '1' && at[1] <= '8' && strncmp(at + 2, "$s", 2) == 0) {
            const char *its = said[at[1] - '1'];
            web_text(h, its ? its : "");
            at += 4;
        } else if (*at) {
            web_put(h, "%");
            at += at[1] == '%' ? 2 : 1;
        }
    }
}

/* The arguments are as many as the English text has. */
void web_sayf(struct web_page *h, const char *msgid, ...)
{
    const char *said[SAID_MAX] = {NULL};
    size_t n = 0;
    va_list ap;
    va_start(ap, msgid);
    for (const char *at = msgid; (at = strchr(at, '%')) != NULL; at += at[1] ? 2 : 1)
        if (at[1] == 's' && n < SAID_MAX)
            said[n++] = va_arg(ap, const char *);
    va_end(ap);
    put_said(h, web_tr(h, msgid), said);
}

void web_sayn(struct web_page *h, const char *one, const char *many, int64_t n)
{
    char number[WEB_DECIMAL_ROOM];
    const char *const said[SAID_MAX] = {web_decimal(h, (double)n, 0, number)};
    put_said(h, web_trn(h, one, many, n), said);
}
