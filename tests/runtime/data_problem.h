// What tests of readers ask of every failure: that it is an Error about data, and what it says.
#pragma once

#include "runtime/error.h"

#include <gtest/gtest.h>
#include <string>

namespace kiln::runtime::testing {

// The message of the data error that `function` throws.
template <class Function> std::string data_problem(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::data) << error.message;
    return error.message;
  }
  return "nothing was thrown";
}

} // namespace kiln::runtime::testing
