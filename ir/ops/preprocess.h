// Preprocess: image bytes as they come to the tensor that the first layer takes.
// Scale and shift per channel, from H,W,C to C,H,W order, with a border whose value is stated after scaling.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// preprocess(image): dst[n,c,top+y,left+x] = image[n,y,x,c] * scale[c] + shift[c]; pad_value[c] in the border.
//   image             u8[N,H,W,C] or f32[N,H,W,C]
//   scale, shift      one value, or one a channel
//   pad               top, left, bottom, right; at least 0
//   pad_value         one value, or one a channel: what the border holds
//   ->                f32[N, C, top+H+bottom, left+W+right]
// The border lets fold_preprocess keep a padded convolution exact. No gradient: images are inputs.
struct Preprocess {
  struct Attributes {
    std::vector<double> scale = {1};
    std::vector<double> shift = {0};
    std::array<int64_t, 4> pad{0, 0, 0, 0};
    std::vector<double> pad_value = {0};
    void fields(FieldVisitor& visit) {
      visit("scale", scale);
      visit("shift", shift);
      visit("pad", pad);
      visit("pad_value", pad_value);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);

  // Of one image value, as a float, and its channel's scale and shift.
  template <class T> static T formula(const T& x, const T& scale, const T& shift) {
    using math::mul_add;
    return mul_add(x, scale, shift);
  }
};

} // namespace kiln::ir
