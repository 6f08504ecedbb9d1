# Finds the serial variant of BLIS (one thread a call) as BLIS::BLIS, from its static archive: Debian's alternatives
# may point libblis.so at the OpenMP build.
find_path(BLIS_INCLUDE_DIR blis.h PATH_SUFFIXES blis-serial x86_64-linux-gnu/blis-serial)
find_library(BLIS_LIBRARY NAMES libblis.a PATH_SUFFIXES blis-serial x86_64-linux-gnu/blis-serial)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BLIS REQUIRED_VARS BLIS_LIBRARY BLIS_INCLUDE_DIR)
if(BLIS_FOUND AND NOT TARGET BLIS::BLIS)
  add_library(BLIS::BLIS UNKNOWN IMPORTED)
  set_target_properties(BLIS::BLIS PROPERTIES IMPORTED_LOCATION "${BLIS_LIBRARY}"
                                              INTERFACE_INCLUDE_DIRECTORIES "${BLIS_INCLUDE_DIR}"
                                              INTERFACE_LINK_LIBRARIES "m;pthread")
endif()
