/* The world's outlines (LICENSE) as bytes in the program. */
#include "dashspool/bytes.h"

    bytes atlas_world, world.bin
