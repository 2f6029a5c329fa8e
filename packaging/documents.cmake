# Run when the program is built: writes what it says of itself. DASHSPOOL is the command, GZIP gzip(1).
include(epoch.cmake)
function(say to)
  execute_process(COMMAND ${DASHSPOOL} help ${ARGN} OUTPUT_FILE ${to} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

say(dashspool.1 --man)
say(dashspool.conf.5 --man-conf)
foreach(shell bash zsh fish)
  say(dashspool.${shell} --completion ${shell})
endforeach()
execute_process(COMMAND ${GZIP} -9nf dashspool.1 dashspool.conf.5 COMMAND_ERROR_IS_FATAL ANY)
