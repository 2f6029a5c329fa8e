# cpack -G DEB
set(CPACK_PACKAGE_NAME dashspool)
set(CPACK_PACKAGE_VENDOR "dashspool developers")
set(CPACK_PACKAGE_CONTACT "dashspool developers <dashspool@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "receiver, converter and evidence exporter for Teltonika dash cameras")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # the settings are in /etc
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR DEB)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION video)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "procps, systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "ffmpeg")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"dashspool receives files from Teltonika dash cameras over their own protocol,
keeps every original byte, and converts the raw H.265 to MP4 with the camera's
own frame times. It records how each file arrived, and writes evidence packages
that anyone can verify without it.

Installing does not start the service, because it opens a port to cameras.
'systemctl enable --now dashspool' starts it. Its footage in
/var/lib/dashspool is kept when the package is removed or purged.")

set(kept_epoch "$ENV{SOURCE_DATE_EPOCH}")
set(ENV{SOURCE_DATE_EPOCH} ${epoch})
string(TIMESTAMP changed "%a, %d %b %Y %H:%M:%S +0000" UTC)
string(TIMESTAMP stamp "%Y%m%d.%H%M%S" UTC)
if(kept_epoch)
  set(ENV{SOURCE_DATE_EPOCH} ${kept_epoch})
else()
  unset(ENV{SOURCE_DATE_EPOCH})
endif()
# A later commit is an upgrade, and so is the same one built on the next Debian (its libraries have other names).
file(STRINGS /etc/os-release debian REGEX "^VERSION_ID=\"?[0-9]+\"?$")
string(REGEX REPLACE "[^0-9]" "" debian "${debian}")
set(CPACK_DEBIAN_PACKAGE_VERSION "${PROJECT_VERSION}+${stamp}+deb${debian}")
configure_file(deb/changelog.in changelog @ONLY)
execute_process(COMMAND ${GZIP} -9nf changelog WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})

set(conffiles "")
foreach(file ${settings})
  get_filename_component(name ${file} NAME)
  string(APPEND conffiles "/etc/dashspool/pipeline.d/${name}\n")
endforeach()
file(CONFIGURE OUTPUT deb/conffiles CONTENT "${conffiles}" @ONLY)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_CURRENT_SOURCE_DIR}/deb/postinst ${CMAKE_CURRENT_SOURCE_DIR}/deb/prerm
  ${CMAKE_CURRENT_SOURCE_DIR}/deb/postrm ${CMAKE_CURRENT_BINARY_DIR}/deb/conffiles)

# cpack reads these: the date, and what only the package has.
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_BINARY_DIR}/epoch.cmake)
configure_file(deb/finish.cmake.in finish.cmake @ONLY)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_BINARY_DIR}/finish.cmake)
include(CPack)
