// AdadeltaUpdate: one step of AdaDelta, whose steps have the size of the steps so far.
// An effect: it writes the parameter and two running means and has no result.
#pragma once

#include "ir/ops/parameter_update.h"

namespace kiln::ir {

// adadelta_update(@param, @square, @delta, gradient, learning_rate), per element, as PyTorch's Adadelta:
//   g = gradient + weight_decay * param
//   square = decay * square + (1 - decay) * g^2
//   d = g * sqrt(delta + epsilon) / sqrt(square + epsilon)
//   delta = decay * delta + (1 - decay) * d^2
//   param = param - learning_rate * lr_multiplier * d
//   decay                        at least 0, below 1
//   epsilon                      1e-30 to 1e30
//   weight_decay, lr_multiplier  finite, at least 0; of this parameter
struct AdadeltaUpdate : ParameterUpdate<AdadeltaUpdate, 2> {
  struct Attributes : UpdateAttributes {
    double decay = 0.9;
    double epsilon = 1e-6;
    void fields(FieldVisitor& visit) {
      visit("decay", decay);
      visit("epsilon", epsilon);
      UpdateAttributes::fields(visit);
    }
  };
  static constexpr std::array<std::string_view, 2> slot_names = {"square", "delta"};
  static constexpr int64_t flops_an_element = 16;
  static void check(const Attributes&);

  template <class T>
  static T formula(const Attributes& attributes, int, const T& w, Slots<T>& slots, const T& gradient, const T& rate) {
    using math::like;
    using math::sqrt;
    const T epsilon = like(w, attributes.epsilon);
    const T g = decayed_gradient(attributes, w, gradient);
    slots[0] = running_mean(attributes.decay, slots[0], g * g);
    const T d = g * sqrt(slots[1] + epsilon) / sqrt(slots[0] + epsilon);
    slots[1] = running_mean(attributes.decay, slots[1], d * d);
    return w - rate * d;
  }
};

} // namespace kiln::ir
