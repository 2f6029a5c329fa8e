# Run by `cmake --install` and cpack: what depends on where it goes.
set(root "$ENV{DESTDIR}")
set(prefix "${CMAKE_INSTALL_PREFIX}")

# Settings that are there are a person's: they stay.
foreach(file ${SETTINGS})
  get_filename_component(name "${file}" NAME)
  if(EXISTS "${root}${SYSCONFDIR}/dashspool/pipeline.d/${name}")
    message(STATUS "Kept: ${root}${SYSCONFDIR}/dashspool/pipeline.d/${name}")
  else()
    file(INSTALL "${file}" DESTINATION "${SYSCONFDIR}/dashspool/pipeline.d")
  endif()
endforeach()

# The unit names the binary.
configure_file("${SOURCE}/packaging/systemd/dashspool.service.in" "${MADE}/dashspool.service" @ONLY)
file(INSTALL "${MADE}/dashspool.service" DESTINATION "${prefix}/lib/systemd/system")
file(INSTALL "${SOURCE}/packaging/systemd/dashspool.sysusers" DESTINATION "${prefix}/lib/sysusers.d"
  RENAME dashspool.conf)

if(DOCUMENTS)
  set(zsh site-functions)
  if(prefix STREQUAL "/usr")
    set(zsh vendor-completions) # Debian's place for packages
  endif()
  file(INSTALL "${MADE}/dashspool.1.gz" DESTINATION "${prefix}/share/man/man1")
  file(INSTALL "${MADE}/dashspool.conf.5.gz" DESTINATION "${prefix}/share/man/man5")
  file(INSTALL "${MADE}/dashspool.bash"
    DESTINATION "${prefix}/share/bash-completion/completions" RENAME dashspool)
  file(INSTALL "${MADE}/dashspool.zsh" DESTINATION "${prefix}/share/zsh/${zsh}" RENAME _dashspool)
  file(INSTALL "${MADE}/dashspool.fish" DESTINATION "${prefix}/share/fish/vendor_completions.d")
endif()
