// Resize: another height and width, by the nearest pixel or by bilinear interpolation; and its gradient.
// Every convention of coordinates is a straight line from result to source, so the op states that line, in whole
// numbers: which pixel is nearest never hangs on a rounding.
#pragma once

#include "ir/op.h"
#include "ir/window.h"

#include <algorithm>

namespace kiln::ir {

enum class ResizeMode : uint8_t { nearest, bilinear };

// One axis: result position o lies at (step o + offset) / denominator on the source, moved to the edge if beyond it.
struct ResizeAxis {
  int64_t input = 1;
  std::array<int64_t, 3> line{1, 0, 1}; // step, offset, denominator

  int64_t denominator() const { return line[2]; }
  int64_t numerator(int64_t o) const {
    return std::clamp<int64_t>(o * line[0] + line[1], 0, (input - 1) * denominator());
  }
  int64_t lower(int64_t o) const { return numerator(o) / denominator(); }
  int64_t upper(int64_t o) const { return std::min(lower(o) + 1, input - 1); }
  double upper_weight(int64_t o) const {
    return static_cast<double>(numerator(o) % denominator()) / static_cast<double>(denominator());
  }
};

// resize(src): with row(y) = (rows[0] y + rows[1]) / rows[2], moved into [0, H - 1], and column(x) likewise,
//   nearest: dst[n,c,y,x] = src[n,c,floor(row(y)),floor(column(x))]
//   bilinear: the mean of the four pixels around (row(y), column(x)), weighed by their nearness on each axis.
//   src      f32[N,C,H,W]
//   mode     nearest or bilinear
//   size     [OH,OW]
//   rows     step, offset, denominator
//   columns  step, offset, denominator
//   ->       f32[N,C,OH,OW]
struct Resize {
  struct Attributes {
    ResizeMode mode = ResizeMode::nearest;
    Size2 size{0, 0};
    std::array<int64_t, 3> rows{1, 0, 1};
    std::array<int64_t, 3> columns{1, 0, 1};

    void fields(FieldVisitor& visit) {
      static constexpr std::string_view modes[] = {"nearest", "bilinear"};
      enum_field(visit, "mode", modes, mode);
      visit("size", size);
      visit("rows", rows);
      visit("columns", columns);
    }
  };
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static void gradient(GradientBuilder& builder, const Node& node);
  static constexpr Traits traits = {.any_layout = true};
};

// resize_backward(ddst): dsrc[n,c,h,w] = sum of ddst[n,c,y,x] times the weight with which src[n,c,h,w] enters dst
// there.
//   ddst      f32[N,C,OH,OW]
//   mode, size, rows, columns  as resize's
//   src_size  [H,W]
//   ->        f32[N,C,H,W]
struct ResizeBackward {
  struct Attributes : Resize::Attributes {
    Size2 src_size{0, 0};

    void fields(FieldVisitor& visit) {
      Resize::Attributes::fields(visit);
      visit("src_size", src_size);
    }
  };
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
