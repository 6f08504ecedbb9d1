# The sysroot that `kiln build` links executables against, in the build tree and installed: the files that
# codegen/linker.cpp names, and the licences of what they hold. The compiler says where its own files are.

set(KILN_SYSROOT "${PROJECT_BINARY_DIR}/sysroot")

function(kiln_find_static_file name variable)
  execute_process(COMMAND "${CMAKE_CXX_COMPILER}" "-print-file-name=${name}" OUTPUT_VARIABLE path
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  if(NOT IS_ABSOLUTE "${path}")
    message(FATAL_ERROR "${CMAKE_CXX_COMPILER} finds no ${name}: are the static libraries of libc and GCC installed?")
  endif()
  set(${variable} "${path}" PARENT_SCOPE)
endfunction()

function(kiln_sysroot)
  set(copies "")
  foreach(name crt1.o crti.o crtn.o crtbeginT.o crtend.o libc.a libgcc.a libgcc_eh.a libstdc++.a libjpeg.a libz.a)
    kiln_find_static_file(${name} path)
    list(APPEND copies "${name}=${path}")
  endforeach()
  # Linker scripts and links stand under these names: what they point to is wanted.
  kiln_find_static_file(libpng.a path)
  get_filename_component(path "${path}" REALPATH)
  list(APPEND copies "libpng.a=${path}")
  kiln_find_static_file(libm.a path)
  file(STRINGS "${path}" script REGEX "^GROUP" LENGTH_MAXIMUM 1000)
  if(script MATCHES "GROUP *\\( *([^ ]+)")
    set(path "${CMAKE_MATCH_1}")
  endif()
  list(APPEND copies "libm.a=${path}")

  set(outputs "")
  foreach(copy IN LISTS copies)
    string(REGEX MATCH "^([^=]+)=(.+)$" unused "${copy}")
    set(output "${KILN_SYSROOT}/${CMAKE_MATCH_1}")
    add_custom_command(OUTPUT "${output}" DEPENDS "${CMAKE_MATCH_2}"
                       COMMAND "${CMAKE_COMMAND}" -E copy "${CMAKE_MATCH_2}" "${output}")
    list(APPEND outputs "${output}")
  endforeach()
  foreach(library runtime products)
    set(output "${KILN_SYSROOT}/libkiln_${library}.a")
    add_custom_command(OUTPUT "${output}" DEPENDS kiln_${library}
                       COMMAND "${CMAKE_COMMAND}" -E copy "$<TARGET_FILE:kiln_${library}>" "${output}")
    list(APPEND outputs "${output}")
  endforeach()

  # Debian's texts, one after the other. Products show them.
  set(texts "")
  foreach(package libc6-dev libstdc++-12-dev libjpeg62-turbo-dev libpng-dev zlib1g-dev)
    if(EXISTS "/usr/share/doc/${package}/copyright")
      list(APPEND texts "/usr/share/doc/${package}/copyright")
    endif()
  endforeach()
  add_custom_command(OUTPUT "${KILN_SYSROOT}/licences.txt" DEPENDS ${texts} VERBATIM
                     COMMAND cat /dev/null ${texts} > "${KILN_SYSROOT}/licences.txt")
  add_custom_target(kiln_sysroot ALL DEPENDS ${outputs} "${KILN_SYSROOT}/licences.txt")
  install(DIRECTORY "${KILN_SYSROOT}" DESTINATION "${CMAKE_INSTALL_LIBDIR}/kiln")
endfunction()
