/* The overlay's font as bytes in the program: font/DejaVuSansMono-Bold.ttf (font/LICENSE). */
#include "dashspool/bytes.h"

    bytes convert_font, DejaVuSansMono-Bold.ttf
