// Multi-class hinge: the loss of a support vector machine, a value per sample, from logits and labels; and its
// gradient. The label's logit should exceed every other one by a margin.
#pragma once

#include "ir/op.h"
#include "runtime/vector_math.h"

#include <array>

namespace kiln::ir {

enum class HingeNorm : uint8_t {
  l1, // what is missing of the margin
  l2, // its square
};
inline constexpr std::array<std::string_view, 2> kHingeNorms = {"l1", "l2"};

// multi_class_hinge(logits, labels): loss[n] = sum over c other than the label y of max(0, margin + x[c] - x[y]), each
// squared if norm is l2; x = logits[n].
//   logits  f32[N,C]
//   labels  i32[N]; no gradient flows to them
//   margin  finite, above 0
//   norm    l1 or l2
//   ->      f32[N]
// A label outside [0,C) gives NaN and reads nothing out of bounds. PyTorch's MultiMarginLoss is this divided by C.
struct MultiClassHinge {
  struct Attributes {
    double margin = 1;
    HingeNorm norm = HingeNorm::l1;
    void fields(FieldVisitor& visit) {
      visit("margin", margin);
      enum_field(visit, "norm", kHingeNorms, norm);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);

  // What another class adds whose logit x the label's does not exceed by the margin; for double, float and codegen's
  // vector, as in elementwise.h.
  template <class T> static T formula(const Attributes& attributes, const T& x, const T& of_label) {
    using math::like;
    using math::max;
    const T missing = max(like(x, 0), (x - of_label) + like(x, attributes.margin));
    return attributes.norm == HingeNorm::l1 ? missing : missing * missing;
  }
};

// multi_class_hinge_backward(logits, labels, dloss): with g[c] = (margin + x[c] - x[y] > 0 ? 1 : 0), times twice what
// is missing if norm is l2, dlogits[n,c] = g[c] * dloss[n] for c other than y, and dlogits[n,y] = -(sum of them).
//   logits  f32[N,C]
//   labels  i32[N]
//   dloss   f32[N]
//   margin, norm  as multi_class_hinge's
//   ->      f32[N,C]
// A label outside [0,C) gives a row of NaN.
struct MultiClassHingeBackward {
  struct Attributes {
    double margin = 1;
    HingeNorm norm = HingeNorm::l1;
    void fields(FieldVisitor& visit) {
      visit("margin", margin);
      enum_field(visit, "norm", kHingeNorms, norm);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);

  template <class T> static T formula(const Attributes& attributes, const T& x, const T& of_label) {
    using math::like;
    using math::max;
    using math::select;
    const T zero = like(x, 0);
    const T missing = (x - of_label) + like(x, attributes.margin);
    if (attributes.norm == HingeNorm::l2) return max(zero, missing + missing);
    // What compares false both ways is 0 or NaN, and stays it.
    return select(missing > zero, like(x, 1), select(missing < zero, zero, missing));
  }
};

} // namespace kiln::ir
