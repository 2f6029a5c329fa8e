/* Which libraries make the copies, as loaded now. They are asked themselves where they can tell. */
#define _GNU_SOURCE /* memmem */
#include "dashspool/convert.h"
#include "media/av.h"
#include <ass/ass.h>
#include <ft2build.h>
#include FT_FREETYPE_H
#include <gnu/libc-version.h>
#include <hb.h>
#include <jpeglib.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <string.h>

#define VERSION_ROOM 64

static AVCodecContext *tiny_encoder(void)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!c)
        return NULL;
    c->width = c->height = 16;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){1, 25};
    c->thread_count = 1;
    if (avcodec_open2(c, codec, NULL) < 0)
        avcodec_free_context(&c);
    return c;
}

/* x264 tells its version in what it writes only: "x264 - core 164 r3095 baee400 - H.264/…". */
static void take_x264(const AVPacket *packet, char out[VERSION_ROOM])
{
    static const char begins[] = "x264 - ";
    const char *end = (const char *)packet->data + packet->size;
    const char *at = memmem(packet->data, (size_t)packet->size, begins, sizeof begins - 1);
    if (!at)
        return;
    at += sizeof begins - 1;
    const char *stop = memmem(at, (size_t)(end - at), " - ", 3);
    if (stop)
        snprintf(out, VERSION_ROOM, "%.*s", (int)(stop - at < 60 ? stop - at : 60), at);
}

static void tell_av(convert_library_fn *fn, void *arg)
{
    const struct {
        const char *name;
        unsigned version;
    } parts[] = {
        {"libavcodec", avcodec_version()},       {"libavformat", avformat_version()},
        {"libavutil", avutil_version()},         {"libswscale", swscale_version()},
        {"libswresample", swresample_version()},
    };
    fn(arg, "FFmpeg", av_version_info());
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char text[VERSION_ROOM];
        snprintf(text, sizeof text, "%u.%u.%u", AV_VERSION_MAJOR(parts[i].version),
                 AV_VERSION_MINOR(parts[i].version), AV_VERSION_MICRO(parts[i].version));
        fn(arg, parts[i].name, text);
    }
}

#define AS_TEXT(x)  AS_TEXT_(x)
#define AS_TEXT_(x) #x

/* All of one family were found to make the same bytes; another's assembler may round otherwise. */
static const char *processor(void)
{
#if defined(__x86_64__)
    return "x86-64";
#elif defined(__aarch64__)
    return "aarch64";
#else
    return "another, of " AS_TEXT(__SIZEOF_POINTER__) "-byte pointers";
#endif
}

void convert_libraries(convert_library_fn *fn, void *arg)
{
    av_log_route();
    tell_av(fn, arg);
    /* It tells only by encoding a picture; a process loads no other one later. */
    static _Thread_local char version[VERSION_ROOM];
    if (!version[0]) {
        /* "" where there is none. */
        AVCodecContext *c = tiny_encoder();
        AVFrame *frame = av_frame_alloc();
        AVPacket *packet = av_packet_alloc();
        version[0] = '\0';
        if (c && frame && packet) {
            frame->width = frame->height = 16;
            frame->format = AV_PIX_FMT_YUV420P;
            frame->pts = 0;
            if (av_frame_get_buffer(frame, 0) == 0) {
                for (int k = 0; k < 3; k++)
                    memset(frame->data[k], 128, (size_t)(frame->linesize[k] * (k ? 8 : 16)));
                if (avcodec_send_frame(c, frame) == 0 && avcodec_send_frame(c, NULL) == 0 &&
                    avcodec_receive_packet(c, packet) == 0)
                    take_x264(packet, version);
            }
        }
        av_packet_free(&packet);
        av_frame_free(&frame);
        avcodec_free_context(&c);
    }
    const char *x264 = version;
    if (x264[0])
        fn(arg, "x264", x264);
    /* How the letters of the overlay are drawn. */
    char text[VERSION_ROOM];
    FT_Library type = NULL;
    int major = 0, minor = 0, patch = 0;
    unsigned ass = (unsigned)ass_library_version(); /* 0x0MNNPP00, digits as decimal ones */
    snprintf(text, sizeof text, "%x.%x.%x", ass >> 28, ass >> 20 & 0xff, ass >> 12 & 0xff);
    fn(arg, "libass", text);
    if (FT_Init_FreeType(&type) == 0) {
        FT_Library_Version(type, &major, &minor, &patch);
        FT_Done_FreeType(type);
        snprintf(text, sizeof text, "%d.%d.%d", major, minor, patch);
        fn(arg, "FreeType", text);
    }
    fn(arg, "HarfBuzz", hb_version_string());
    fn(arg, "libjpeg-turbo", AS_TEXT(LIBJPEG_TURBO_VERSION)); /* it cannot be asked */
    fn(arg, "glibc", gnu_get_libc_version());
    fn(arg, "processor", processor());
    fn(arg, "vectors", convert_vectors());
}
