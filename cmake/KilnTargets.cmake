# How a Kiln library is declared: every .cpp below its folder belongs to it, so that adding a file needs no edit here.

function(kiln_library folder)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  add_library(kiln_${folder} STATIC ${sources})
  add_library(Kiln::${folder} ALIAS kiln_${folder})
  target_include_directories(kiln_${folder} PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>"
                                                   "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/kiln>")
  target_link_libraries(kiln_${folder} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  set_target_properties(kiln_${folder} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  install(TARGETS kiln_${folder} ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endfunction()

# tests/<folder>/*_test.cpp become one GoogleTest program, <folder>_test.
function(kiln_test folder)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*_test.cpp")
  if(NOT sources)
    return()
  endif()
  add_executable(${folder}_test ${sources})
  target_link_libraries(${folder}_test PRIVATE ${ARG_LINK} kiln_test_support GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${folder}_test PRIVATE KILN_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                                    KILN_BINARY_DIR="${PROJECT_BINARY_DIR}")
  gtest_discover_tests(${folder}_test TEST_PREFIX "${folder}." DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300)
endfunction()
