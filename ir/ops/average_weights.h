// AverageWeights: a running mean of a parameter takes over a share of its new values.
// An effect: it writes the mean, after the parameter's update, and has no result.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// average_weights(@average, @param): average = decay average + (1 - decay) param.
//   @average, @param  states, f32 of one shape; the parameter stays as it is
//   decay             at least 0 and below 1
struct AverageWeights {
  struct Attributes {
    double decay = 0.999;
    void fields(FieldVisitor& visit) { visit("decay", decay); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true, .effect = true};
};

} // namespace kiln::ir
