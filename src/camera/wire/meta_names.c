#include "dashspool/wire_meta.h"
#include <stdio.h>
#include <string.h>

/* DualCam and DashCam: the list of AVL ID 499, and DIN3, DIN4 of later firmware. DSM and ADAS: the
 * vendor's page and the lists of its later test servers. Of JSON nothing is known. */
static const char *const triggers[WIRE_N_KINDS][16] = {
    [WIRE_KIND_DUALCAM] = {"request", "din1", "din2", "crash", "towing", "idling", "geofence",
                           "unplug", "green-driving", "periodic", "din3", "din4"},
    [WIRE_KIND_DSM] = {"none", "din1", "din2", "din3", "din4", "crash", "towing", "idling",
                       "geofence", "unplug", "green-driving", "request", "periodic", "dsm-event",
                       "retransmit"},
    [WIRE_KIND_ADAS] = {"request", "din1", "din2", "din3", "din4", "crash", "towing", "idling",
                        "geofence", "unplug", "green-driving"},
};

/* Each of them once, as people look for them. */
const char wire_trigger_words[] =
    "request crash periodic din1 din2 din3 din4 towing idling geofence "
    "unplug green-driving none dsm-event retransmit";

enum { TRIGGERS = sizeof triggers[0] / sizeof triggers[0][0] };

const char *wire_trigger_name(enum wire_meta_kind kind, uint8_t trigger,
                              char out[WIRE_TRIGGER_ROOM])
{
    if (trigger < TRIGGERS && triggers[kind][trigger])
        snprintf(out, WIRE_TRIGGER_ROOM, "%s", triggers[kind][trigger]);
    else
        snprintf(out, WIRE_TRIGGER_ROOM, "trigger-%u", trigger);
    return out;
}

int wire_trigger_value(enum wire_meta_kind kind, const char *name)
{
    for (int i = 0; i < TRIGGERS; i++)
        if (triggers[kind][i] && strcmp(name, triggers[kind][i]) == 0)
            return i;
    return -1;
}

const char *wire_events_text(unsigned events, char out[WIRE_EVENTS_ROOM])
{
    static const char *const names[] = {"drowsiness", "distraction", "yawning",
                                        "phone",      "smoking",     "absence",
                                        "mask",       "seat-belt",   "g-sensor"};
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(events & 1u << i))
            continue;
        used += (size_t)snprintf(out + used, WIRE_EVENTS_ROOM - used, "%s%s", used ? "," : "",
                                 names[i]);
        events &= ~(1u << i);
    }
    if (events)
        snprintf(out + used, WIRE_EVENTS_ROOM - used, "%s0x%x", used ? "," : "", events);
    return out;
}
