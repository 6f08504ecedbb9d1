// PickClass: from each row of values, a value a class, the one of the row's label; and its gradient.
// Minus what it picks of logarithms of probabilities is the negative log-likelihood.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// pick_class(src, labels): dst[n] = src[n, labels[n]]; 0 where the label is ignored.
//   src            f32[N,C]
//   labels         i32[N]; no gradient flows to them
//   ignores        whether there is a label that is ignored
//   ignored_label  which one, a class or not
//   ->             f32[N]
// Any other label outside [0,C) gives NaN and reads nothing out of bounds.
struct PickClass {
  struct Attributes {
    bool ignores = false;
    int64_t ignored_label = -1;
    void fields(FieldVisitor& visit) {
      visit("ignores", ignores);
      visit("ignored_label", ignored_label);
    }
    bool is_ignored(double label) const { return ignores && label == static_cast<double>(ignored_label); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
};

// pick_class_backward(labels, ddst): dsrc[n,c] = c == labels[n] ? ddst[n] : 0; rows whose label is ignored are 0.
//   labels         i32[N]
//   ddst           f32[N]
//   ignores, ignored_label  as pick_class's
//   classes        C
//   ->             f32[N,C]
// Any other label outside [0,C) gives a row of NaN, the derivative of what it picks.
struct PickClassBackward {
  struct Attributes : PickClass::Attributes {
    int64_t classes = 1;
    void fields(FieldVisitor& visit) {
      PickClass::Attributes::fields(visit);
      visit("classes", classes);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
};

} // namespace kiln::ir
