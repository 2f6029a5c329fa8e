/* The page's style and the fonts of the printed report
 * (font/LICENSE; cjk.ttc: WenQuanYi Micro Hei, Apache-2.0, see CMakeLists.txt) as bytes in the
 * program. */
#include "dashspool/bytes.h"

    bytes report_style, style.css
    bytes report_sans, font/DejaVuSans.ttf
    bytes report_bold, font/DejaVuSans-Bold.ttf
    bytes report_mono, font/DejaVuSansMono.ttf
    bytes report_cjk, cjk.ttc
