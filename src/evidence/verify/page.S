/* The page that checks packages in a browser, as bytes in the program: verify.html. */
#include "dashspool/bytes.h"

    bytes verify_page_bytes, verify.html
