// SgdUpdate: one step of stochastic gradient descent with momentum and weight decay on one parameter.
// An effect: it writes the parameter and its velocity and has no result.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// sgd_update(@param, @velocity, gradient, learning_rate), per element:
//   g' = gradient + weight_decay * param
//   velocity = momentum * velocity + g'
//   param = param - learning_rate * lr_multiplier * velocity
// as PyTorch's SGD with dampening 0.
//   @param, @velocity, gradient  f32 of one shape; the first two are states
//   learning_rate                f32[1]
//   momentum                     finite, at least 0
//   weight_decay, lr_multiplier  finite, at least 0; of this parameter
struct SgdUpdate {
  struct Attributes {
    double momentum = 0;
    double weight_decay = 0;
    double lr_multiplier = 1;
    void fields(FieldVisitor& visit) {
      visit("momentum", momentum);
      visit("weight_decay", weight_decay);
      visit("lr_multiplier", lr_multiplier);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true, .effect = true};

  // Of weight w, velocity v, gradient g and learning rate `rate`; for double, float and codegen's vector, as in
  // elementwise.h. w_out and v_out may be w and v.
  template <class T> static void formula(const Attributes& attributes, const T& w, const T& v, const T& g,
                                         const T& rate, T& w_out, T& v_out) {
    using math::like;
    using math::mul_add;
    const T decayed = mul_add(like(w, attributes.weight_decay), w, g);
    const T velocity = mul_add(like(v, attributes.momentum), v, decayed);
    const T weight = w - rate * like(rate, attributes.lr_multiplier) * velocity;
    w_out = weight;
    v_out = velocity;
  }
};

} // namespace kiln::ir
