/* The world's outlines (LICENSE) as bytes in the program. */
    .section .rodata
    .balign 16
    .global atlas_world
    .global atlas_world_end
    .type atlas_world, %object
atlas_world:
    .incbin "world.bin"
atlas_world_end:
    .byte 0
    .size atlas_world, atlas_world_end - atlas_world
    .section .note.GNU-stack, "", %progbits
