// AdamUpdate: one step of Adam, or of AdamW, whose weight decay does not pass through the moments.
// An effect: it writes the parameter and its two moments and has no result.
#pragma once

#include "ir/ops/parameter_update.h"

namespace kiln::ir {

// adam_update(@param, @first, @second, gradient, learning_rate), per element, at step t = 1, 2, ..., as PyTorch's Adam
// and AdamW:
//   g = decoupled ? gradient : gradient + weight_decay * param
//   first = beta1 * first + (1 - beta1) * g
//   second = beta2 * second + (1 - beta2) * g^2
//   r = learning_rate * lr_multiplier
//   param = (decoupled ? 1 - r * weight_decay : 1) * param
//           - r * first / (1 - beta1^t) / (sqrt(second / (1 - beta2^t)) + epsilon)
//   beta1, beta2                 at least 0, below 1
//   epsilon                      1e-30 to 1e30
//   weight_decay, lr_multiplier  finite, at least 0; of this parameter
struct AdamUpdate : ParameterUpdate<AdamUpdate, 2> {
  struct Attributes : UpdateAttributes {
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    bool decoupled = false;
    void fields(FieldVisitor& visit) {
      visit("beta1", beta1);
      visit("beta2", beta2);
      visit("epsilon", epsilon);
      visit("decoupled", decoupled);
      UpdateAttributes::fields(visit);
    }
  };
  static constexpr std::array<std::string_view, 2> slot_names = {"first", "second"};
  static constexpr int64_t flops_an_element = 14;
  static void check(const Attributes&);

  // 1 - beta^t as -(exp(t log beta) - 1), which keeps its digits where beta^t is nearly 1.
  template <class T> struct Corrections { T first, second; };
  template <class T> static T correction(double beta, const T& t) {
    using math::expm1;
    using math::like;
    if (beta == 0) return like(t, 1);
    return like(t, 0) - expm1(t * like(t, std::log(beta)));
  }
  template <class T> static Corrections<T> prepare(const Attributes& attributes, const T& t) {
    return {correction(attributes.beta1, t), correction(attributes.beta2, t)};
  }

  template <class T> static T formula(const Attributes& attributes, const Corrections<T>& corrections, const T& w,
                                      Slots<T>& slots, const T& gradient, const T& rate) {
    using math::like;
    using math::sqrt;
    const T g = attributes.decoupled ? gradient : decayed_gradient(attributes, w, gradient);
    slots[0] = running_mean(attributes.beta1, slots[0], g);
    slots[1] = running_mean(attributes.beta2, slots[1], g * g);
    const T kept = attributes.decoupled ? w - rate * like(w, attributes.weight_decay) * w : w;
    const T size = sqrt(slots[1] / corrections.second) + like(w, attributes.epsilon);
    return kept - rate * (slots[0] / corrections.first) / size;
  }
};

} // namespace kiln::ir
