// AdagradUpdate: one step of AdaGrad, which divides by the root of all squared gradients so far.
// An effect: it writes the parameter and their sum and has no result.
#pragma once

#include "ir/ops/parameter_update.h"

namespace kiln::ir {

// adagrad_update(@param, @sum, gradient, learning_rate), per element, as PyTorch's Adagrad without decay of the rate:
//   g = gradient + weight_decay * param
//   sum = sum + g^2
//   param = param - learning_rate * lr_multiplier * g / (sqrt(sum) + epsilon)
//   epsilon                      1e-30 to 1e30
//   weight_decay, lr_multiplier  finite, at least 0; of this parameter
struct AdagradUpdate : ParameterUpdate<AdagradUpdate, 1> {
  struct Attributes : UpdateAttributes {
    double epsilon = 1e-10;
    void fields(FieldVisitor& visit) {
      visit("epsilon", epsilon);
      UpdateAttributes::fields(visit);
    }
  };
  static constexpr std::array<std::string_view, 1> slot_names = {"sum"};
  static constexpr int64_t flops_an_element = 8;
  static void check(const Attributes&);

  template <class T>
  static T formula(const Attributes& attributes, int, const T& w, Slots<T>& slots, const T& gradient, const T& rate) {
    using math::like;
    using math::mul_add;
    using math::sqrt;
    const T g = decayed_gradient(attributes, w, gradient);
    slots[0] = mul_add(g, g, slots[0]);
    return w - rate * g / (sqrt(slots[0]) + like(w, attributes.epsilon));
  }
};

} // namespace kiln::ir
