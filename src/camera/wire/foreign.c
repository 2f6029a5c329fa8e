#include "dashspool/wire.h"
#include <string.h>

static const char *avl_stream(uint8_t codec)
{
    switch (codec) {
    case 0x08:
        return "a tracker's AVL stream (Codec 8); this port expects the camera link, check the "
               "tracker's server settings";
    case 0x8e:
        return "a tracker's AVL stream (Codec 8 Extended): this port is for its camera, not for "
               "its "
               "records";
    case 0x10:
        return "a tracker's AVL stream (Codec 16): this port is for its camera, not for its "
               "records";
    case 0x0c:
    case 0x0d:
    case 0x0e:
        return "a tracker's command stream (Codec 12 to 14): this port is for its camera";
    default:
        return NULL;
    }
}

/* "000f" and 15 digits: a tracker logs in to the server of its records. */
static bool avl_login(const uint8_t *data, size_t n)
{
    if (n < 6 || data[0] != 0 || data[1] != 15)
        return false;
    for (size_t i = 2; i < n && i < 17; i++)
        if (data[i] < '0' || data[i] > '9')
            return false;
    return true;
}

const char *wire_foreign_protocol(const uint8_t *data, size_t n)
{
    static const char http[] = "HTTP (browser or scanner)";
    static const struct {
        const char *bytes;
        size_t n;
        const char *who;
    } strangers[] = {
        {"GET ", 4, http},
        {"POST ", 5, http},
        {"HEAD ", 5, http},
        {"PUT ", 4, http},
        {"OPTIONS ", 8, http},
        {"CONNECT ", 8, http},
        {"PRI * ", 6, http},
        {"\x16\x03", 2, "TLS; use the TLS port, or disable TLS in the device"},
        {"SSH-", 4, "SSH"},
        {"PROXY ", 6, "a load balancer's PROXY header: switch it off there"},
        {"\r\n\r\n\0\r\nQUIT\n", 12, "a load balancer's PROXY header: switch it off there"},
        {"EHLO ", 5, "SMTP"},
        {"HELO ", 5, "SMTP"},
        {"\x03\0\0", 3, "RDP: a scanner"},
    };
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        if (n >= strangers[i].n && memcmp(data, strangers[i].bytes, strangers[i].n) == 0)
            return strangers[i].who;
    if (n >= 8 && data[0] == 0x10 && memcmp(data + 4, "MQTT", 4) == 0)
        return "MQTT";
    if (avl_login(data, n))
        return "a tracker's AVL login; this port expects the camera link";
    if (n >= 9 && memcmp(data, "\0\0\0", 4) == 0)
        return avl_stream(data[8]);
    return NULL;
}
