// BatchNormInference: batch norm by statistics that are given, as outside of training.
// Made of batch_norm by use_running_statistics.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// batch_norm_inference(src, mean, variance[, scale, shift], ...):
//   dst = epilogue((src - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c])
//   src             f32[N,C,...], 2 to 6 dims
//   mean, variance  f32[C], variance at least 0
//   scale, shift    f32[C]; 1 and 0 when both are left out
//   ...             as src, per add in the epilogue, in its order
//   epsilon         at least 1e-30
//   epilogue        as batch_norm's
//   ->              as src
// No gradient: it does not train.
struct BatchNormInference {
  struct Attributes {
    double epsilon = 1e-5;
    Epilogue epilogue;
    void fields(FieldVisitor& visit) {
      visit("epsilon", epsilon);
      visit("epilogue", epilogue);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
