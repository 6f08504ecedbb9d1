// AveragePool: the mean of each window; and its gradient.
// Padding and what hangs over it are counted as PyTorch, ONNX (from opset 19) and Caffe count them.
#pragma once

#include "ir/op.h"
#include "ir/window.h"

namespace kiln::ir {

// average_pool(src): dst[n,c,y,x] = (sum over i, j of src[n, c, y stride[0] - pad[0] + i dilation[0], x stride[1] -
//   pad[1] + j dilation[1]], 0 outside) / divisor[y,x].
//   src                f32[N,C,H,W]
//   kernel, stride, pad, dilation, rounding  as max_pool's
//   count_include_pad  true: the divisor counts a window's elements on src and padding (not those beyond, which ceil
//                      lets hang over); false: those on src alone
//   ->                 f32[N,C,OH,OW], sizes as max_pool's
struct AveragePool {
  struct Attributes : PoolWindow {
    bool count_include_pad = true;

    void fields(FieldVisitor& visit) {
      PoolWindow::fields(visit);
      visit("count_include_pad", count_include_pad);
    }
  };
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static void gradient(GradientBuilder& builder, const Node& node);

  // The divisor is the product of the two axes' counts.
  static int64_t divisor_factor(bool count_include_pad, const WindowAxis& axis, int64_t window) {
    return count_include_pad ? axis.padded_count(window) : axis.end_tap(window) - axis.first_tap(window);
  }
  static constexpr Traits traits = {.any_layout = true};
};

// average_pool_backward(ddst): dsrc[n,c,h,w] = sum of ddst[n,c,y,x] / divisor[y,x] over the windows that hold (h,w).
//   ddst      f32[N,C,OH,OW]
//   kernel, stride, pad, dilation, rounding, count_include_pad  as average_pool's
//   src_size  [H,W]: stated, since several sizes give the same OH and OW
//   ->        f32[N,C,H,W]
struct AveragePoolBackward {
  struct Attributes : AveragePool::Attributes {
    Size2 src_size{0, 0};

    void fields(FieldVisitor& visit) {
      AveragePool::Attributes::fields(visit);
      visit("src_size", src_size);
    }
  };
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
