// RegularizeGradient: adds the gradient of a penalty on a parameter to the gradient of the loss.
// Comes in after differentiation, before the update.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// regularize_gradient(param, gradient): g + l1 sign(w) + l2 w; the sign of 0 is 0.
//   param, gradient  f32 of one shape
//   l1, l2           finite, at least 0
//   ->               as param
struct RegularizeGradient : Elementwise<RegularizeGradient, 2> {
  struct Attributes {
    double l1 = 0;
    double l2 = 0;
    void fields(FieldVisitor& visit) {
      visit("l1", l1);
      visit("l2", l2);
    }
  };
  static constexpr std::array<std::string_view, 2> operand_names = {"param", "gradient"};
  static void check(const Attributes&);

  template <class T> static T formula(const Attributes& attributes, const T& w, const T& gradient) {
    using math::like;
    using math::mul_add;
    using math::select;
    const T zero = like(w, 0), l1 = like(w, attributes.l1);
    const T sign = select(w > zero, l1, select(w < zero, -l1, zero));
    return mul_add(like(w, attributes.l2), w, gradient + sign);
  }
};

} // namespace kiln::ir
