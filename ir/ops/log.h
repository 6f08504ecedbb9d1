// Log: the natural logarithm.
// Of 0 it is -inf, of a negative number a NaN.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// log(src): y = ln x. dx = dy / x.
//   src  f32 of any shape
//   ->   as src
struct Log : Elementwise<Log, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::log;
    return log(x);
  }
};

} // namespace kiln::ir
