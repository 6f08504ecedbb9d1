// RmspropUpdate: one step of RMSProp, which divides by the root of a running mean of squared gradients.
// An effect: it writes the parameter, that mean and the velocity and has no result.
#pragma once

#include "ir/ops/parameter_update.h"

namespace kiln::ir {

// rmsprop_update(@param, @square, @velocity, gradient, learning_rate), per element, as PyTorch's RMSprop, not centred:
//   g = gradient + weight_decay * param
//   square = decay * square + (1 - decay) * g^2
//   velocity = momentum * velocity + g / (sqrt(square) + epsilon)
//   param = param - learning_rate * lr_multiplier * velocity
//   decay, momentum              at least 0, below 1
//   epsilon                      1e-30 to 1e30
//   weight_decay, lr_multiplier  finite, at least 0; of this parameter
struct RmspropUpdate : ParameterUpdate<RmspropUpdate, 2> {
  struct Attributes : UpdateAttributes {
    double decay = 0.99;
    double momentum = 0;
    double epsilon = 1e-8;
    void fields(FieldVisitor& visit) {
      visit("decay", decay);
      visit("momentum", momentum);
      visit("epsilon", epsilon);
      UpdateAttributes::fields(visit);
    }
  };
  static constexpr std::array<std::string_view, 2> slot_names = {"square", "velocity"};
  static constexpr int64_t flops_an_element = 11;
  static void check(const Attributes&);

  template <class T>
  static T formula(const Attributes& attributes, int, const T& w, Slots<T>& slots, const T& gradient, const T& rate) {
    using math::like;
    using math::mul_add;
    using math::sqrt;
    const T g = decayed_gradient(attributes, w, gradient);
    slots[0] = running_mean(attributes.decay, slots[0], g * g);
    slots[1] = mul_add(like(w, attributes.momentum), slots[1], g / (sqrt(slots[0]) + like(w, attributes.epsilon)));
    return w - rate * slots[1];
  }
};

} // namespace kiln::ir
