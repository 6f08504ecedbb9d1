// ConvTranspose2d: transposed convolution, which spreads each pixel over a window; conv2d's gradient as an op of its
// own.
#pragma once

#include "ir/op.h"
#include "ir/window.h"

namespace kiln::ir {

// conv_transpose2d(src, weights, ...): dst[n,o,h,w] = epilogue(sum of src[n,c,y,x] weights[c, o - g O/group, i, j] over
//   all c, y, x, i, j with h = y stride[0] - pad[0] + i dilation[0], w = x stride[1] - pad[1] + j dilation[1] and c of
//   the group g of o).
//   src       f32[N,C,H,W]
//   weights   f32[C,O/group,KH,KW]
//   ...       an operand per bias and scale (f32[O]) and add (as the result) in the epilogue, in its order
//   stride, pad, dilation, group  those of the conv2d that takes dst's sizes to src's
//   dst_size  [OH,OW]: stated, since that conv2d takes several sizes to H and W
//   epilogue  what is done to each sum before it is stored, e.g. [bias, relu]
//   ->        f32[N,O,OH,OW]
struct ConvTranspose2d {
  struct Attributes : ConvolutionWindow {
    Size2 dst_size{0, 0};
    Epilogue epilogue;

    void fields(FieldVisitor& visit) {
      ConvolutionWindow::fields(visit);
      visit("dst_size", dst_size);
      visit("epilogue", epilogue);
    }
  };
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static void gradient(GradientBuilder& builder, const Node& node); // the epilogue must be empty
  static int64_t flops(const Node& node);
};

} // namespace kiln::ir
