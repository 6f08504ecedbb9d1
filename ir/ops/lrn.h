// Lrn: local response normalisation across channels; and its gradient.
// Neighbourhoods are ONNX's; for odd sizes that is Caffe's too. The gradient computes the sums anew.
#pragma once

#include "ir/op.h"
#include "runtime/vector_math.h"

namespace kiln::ir {

// lrn(src): dst = src s^-beta, s[n,c,h,w] = k + alpha / size * sum over d from -below to above of src[n,c+d,h,w]^2,
//   channels that do not exist left out; below = floor((size - 1) / 2), above = ceil((size - 1) / 2).
//   src    f32[N,C,H,W]
//   size   at least 1
//   alpha  at least 0
//   beta   at least 0
//   k      above 0
//   ->     as src
struct Lrn {
  struct Attributes {
    int64_t size = 5;
    double alpha = 1e-4;
    double beta = 0.75;
    double k = 1;

    void fields(FieldVisitor& visit) {
      visit("size", size);
      visit("alpha", alpha);
      visit("beta", beta);
      visit("k", k);
    }
    int64_t below() const { return (size - 1) / 2; }
    int64_t above() const { return size / 2; }
  };
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static void gradient(GradientBuilder& builder, const Node& node);
  static int64_t flops(const Node& node);
  static constexpr Traits traits = {.any_layout = true};

  // s from the sum of squares, and s^-beta.
  template <class T> static T scale(const Attributes& attributes, const T& squares) {
    using math::like, math::mul_add;
    return mul_add(squares, like(squares, attributes.alpha / static_cast<double>(attributes.size)),
                   like(squares, attributes.k));
  }
  template <class T> static T damping(const Attributes& attributes, const T& s) {
    using math::like, math::pow;
    return pow(s, like(s, -attributes.beta));
  }
};

// lrn_backward(src, ddst): dsrc[n,c,h,w] = ddst s^-beta - 2 alpha beta / size src * sum over d from -above to below of
//   (ddst src s^(-beta-1))[n,c+d,h,w], s as lrn's.
//   src   f32[N,C,H,W]
//   ddst  as src
//   size, alpha, beta, k  as lrn's
//   ->    as src
struct LrnBackward {
  using Attributes = Lrn::Attributes;
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static int64_t flops(const Node& node);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
