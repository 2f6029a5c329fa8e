/* What the pages load, as bytes in the program: assets/, and Leaflet (see CMakeLists.txt). */
    .macro bytes name file
    .balign 16
    .global \name
    .global \name\()_end
    .type \name, %object
\name:
    .incbin "\file"
\name\()_end:
    .byte 0
    .size \name, \name\()_end - \name
    .endm

    .section .rodata
    bytes asset_style, style.css
    bytes asset_icons, icons.svg
    bytes asset_icon, icon.svg
    bytes asset_did, did.js
    bytes asset_map, map.js
    bytes asset_leaflet, leaflet.esm.min.js
    bytes asset_leaflet_style, leaflet.css
    bytes asset_list, list.js
    bytes asset_live, live.js
    bytes asset_upload, upload.js
    bytes asset_redact, redact.js
    bytes asset_player, player.js
    .section .note.GNU-stack, "", %progbits
