// NormalizeImage: image bytes to the tensor that the first layer takes, by statistics of the training images.
// As preprocess, with values that the states hold, for each channel or each value of the image; colours may be rotated.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// normalize_image(image, center, factor): dst[n,c,y,x] = (image[n,y,x,c] - center[c,y,x]) * factor[c,y,x].
// normalize_image(image, center, factor, rotation): dst[n,k,y,x] = sum over c of rotation[k,c] times that.
//   image     u8[N,H,W,C] or f32[N,H,W,C]
//   center    f32[C] or f32[C,H,W]
//   factor    f32[C] or f32[C,H,W]
//   rotation  f32[K,C]
//   ->        f32[N,C,H,W], f32[N,K,H,W] when rotated
// No gradient: images are inputs.
struct NormalizeImage {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);

  // Of one image value, as a float, and what belongs to it.
  template <class T> static T formula(const T& x, const T& center, const T& factor) { return (x - center) * factor; }
};

} // namespace kiln::ir
