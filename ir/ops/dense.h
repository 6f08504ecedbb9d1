// Dense: the fully connected layer; and its two gradients.
// Weights lie as in every framework: a row per output.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// dense(src, weights, ...): dst[n,m] = epilogue(sum over k of src[n,k] weights[m,k]).
//   src       f32[N,K]
//   weights   f32[M,K]
//   ...       an operand per bias and scale (f32[M]) and add (as the result) in the epilogue, in its order
//   epilogue  what is done to each sum before it is stored, e.g. [bias, relu]
//   ->        f32[N,M]
struct Dense {
  struct Attributes {
    Epilogue epilogue;

    void fields(FieldVisitor& visit) { visit("epilogue", epilogue); }
  };
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static void gradient(GradientBuilder& builder, const Node& node); // the epilogue must be empty
  static int64_t flops(const Node& node);
};

// dense_backward_data(weights, ddst): dsrc[n,k] = sum over m of ddst[n,m] weights[m,k].
//   weights  f32[M,K]
//   ddst     f32[N,M]
//   ->       f32[N,K]
struct DenseBackwardData {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static int64_t flops(const Node& node);
};

// dense_backward_weights(src, ddst): dweights[m,k] = sum over n of ddst[n,m] src[n,k].
//   src   f32[N,K]
//   ddst  f32[N,M]
//   ->    f32[M,K]
struct DenseBackwardWeights {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static int64_t flops(const Node& node);
};

} // namespace kiln::ir
