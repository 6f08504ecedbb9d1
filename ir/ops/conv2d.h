// Conv2d: convolution (as all of the field means it: cross-correlation) with stride, zero padding, dilation and groups;
// and its two gradients.
#pragma once

#include "ir/op.h"
#include "ir/window.h"

namespace kiln::ir {

// conv2d(src, weights, ...): dst[n,o,y,x] = epilogue(sum over c, i, j of src[n, g C/group + c, row, column]
//   weights[o,c,i,j]), where g = o / (O/group) is the group of output o, row = y stride[0] - pad[0] + i dilation[0],
//   column = x stride[1] - pad[1] + j dilation[1], and src is 0 outside.
//   src       f32[N,C,H,W]
//   weights   f32[O,C/group,KH,KW]
//   ...       an operand per bias and scale (f32[O]) and add (as the result) in the epilogue, in its order
//   stride    rows, columns
//   pad       top, left, bottom, right
//   dilation  rows, columns
//   group     divides C and O
//   epilogue  what is done to each sum before it is stored, e.g. [bias, relu]
//   ->        f32[N,O,OH,OW], OH = floor((pad[0] + H + pad[2] - ((KH-1) dilation[0] + 1)) / stride[0]) + 1, OW likewise
struct Conv2d {
  struct Attributes : ConvolutionWindow {
    Epilogue epilogue;

    void fields(FieldVisitor& visit) {
      ConvolutionWindow::fields(visit);
      visit("epilogue", epilogue);
    }
  };
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static void gradient(GradientBuilder& builder, const Node& node); // the epilogue must be empty
  static int64_t flops(const Node& node);
};

// conv2d_backward_data(weights, ddst): dsrc[n,c,h,w] = sum of weights[o,..] ddst[n,o,y,x] over the products of conv2d
//   that read src[n,c,h,w].
//   weights   f32[O,C/group,KH,KW]
//   ddst      f32[N,O,OH,OW]
//   stride, pad, dilation, group  as conv2d's
//   src_size  [H,W]: stated, since several sizes give the same OH and OW
//   ->        f32[N,C,H,W]
struct Conv2dBackwardData {
  struct Attributes : ConvolutionWindow {
    Size2 src_size{0, 0};

    void fields(FieldVisitor& visit) {
      ConvolutionWindow::fields(visit);
      visit("src_size", src_size);
    }
  };
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static int64_t flops(const Node& node);
};

// conv2d_backward_weights(src, ddst): dweights[o,c,i,j] = sum of src[n,..] ddst[n,o,y,x] over the products of conv2d
//   that read weights[o,c,i,j].
//   src     f32[N,C,H,W]
//   ddst    f32[N,O,OH,OW]
//   stride, pad, dilation, group  as conv2d's
//   kernel  [KH,KW]: stated, since several sizes give the same OH and OW
//   ->      f32[O,C/group,KH,KW]
struct Conv2dBackwardWeights {
  struct Attributes : ConvolutionWindow {
    Size2 kernel{1, 1};

    void fields(FieldVisitor& visit) {
      ConvolutionWindow::fields(visit);
      visit("kernel", kernel);
    }
  };
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static int64_t flops(const Node& node);
};

} // namespace kiln::ir
