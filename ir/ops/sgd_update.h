// SgdUpdate: one step of stochastic gradient descent with momentum and weight decay on one parameter.
// An effect: it writes the parameter and its velocity and has no result.
#pragma once

#include "ir/ops/parameter_update.h"

namespace kiln::ir {

// sgd_update(@param, @velocity, gradient, learning_rate), per element:
//   g = gradient + weight_decay * param
//   velocity = momentum * velocity + g
//   param = param - learning_rate * lr_multiplier * (nesterov ? g + momentum * velocity : velocity)
// as PyTorch's SGD with dampening 0.
//   momentum                     finite, at least 0
//   weight_decay, lr_multiplier  finite, at least 0; of this parameter
struct SgdUpdate : ParameterUpdate<SgdUpdate, 1> {
  struct Attributes : UpdateAttributes {
    double momentum = 0;
    bool nesterov = false;
    void fields(FieldVisitor& visit) {
      visit("momentum", momentum);
      visit("nesterov", nesterov);
      UpdateAttributes::fields(visit);
    }
  };
  static constexpr std::array<std::string_view, 1> slot_names = {"velocity"};
  static constexpr int64_t flops_an_element = 6;
  static void check(const Attributes&);

  template <class T>
  static T formula(const Attributes& attributes, int, const T& w, Slots<T>& slots, const T& gradient, const T& rate) {
    using math::like;
    using math::mul_add;
    const T momentum = like(w, attributes.momentum);
    const T g = decayed_gradient(attributes, w, gradient);
    slots[0] = mul_add(momentum, slots[0], g);
    return w - rate * (attributes.nesterov ? mul_add(momentum, slots[0], g) : slots[0]);
  }
};

} // namespace kiln::ir
