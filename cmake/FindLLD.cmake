# lld as a library, from the installation of LLVM that was found: target LLD::elf.
find_library(LLD_ELF_LIBRARY lldELF HINTS ${LLVM_LIBRARY_DIRS} NO_DEFAULT_PATH)
find_library(LLD_COMMON_LIBRARY lldCommon HINTS ${LLVM_LIBRARY_DIRS} NO_DEFAULT_PATH)
find_library(LLD_ZSTD_LIBRARY zstd) # lld's archives do not say what they need
find_package(ZLIB REQUIRED)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LLD REQUIRED_VARS LLD_ELF_LIBRARY LLD_COMMON_LIBRARY LLD_ZSTD_LIBRARY)
if(LLD_FOUND AND NOT TARGET LLD::elf)
  add_library(LLD::elf STATIC IMPORTED)
  set_target_properties(LLD::elf PROPERTIES IMPORTED_LOCATION "${LLD_ELF_LIBRARY}"
                                            INTERFACE_LINK_LIBRARIES "${LLD_COMMON_LIBRARY};LLVM;${LLD_ZSTD_LIBRARY};ZLIB::ZLIB")
endif()
