/* What the pages load, as bytes in the program: assets/, and Leaflet (see CMakeLists.txt). */
#include "dashspool/bytes.h"

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
