// Pad: more elements before and after each dim, or fewer; and its gradient.
// Zero padding of a convolution is the convolution's own; this is for what stands alone, crops, other modes.
#pragma once

#include "ir/op.h"

#include <array>
#include <string_view>

namespace kiln::ir {

enum class PadMode : uint8_t { constant, reflect, edge };
inline constexpr std::array<std::string_view, 3> kPadModeNames = {"constant", "reflect", "edge"};

// pad(src): dst[i, ...] = src[i - before, ...] in each dim; what lies beyond src is, by mode, `value`, src reflected at
// its first and last element (which are not repeated), or its first or last element.
//   src            f32 of any shape
//   before, after  elements added to each dim, one number a dim; a negative number takes elements away
//   mode           constant, reflect (by fewer than a dim has) or edge
//   value          of the mode constant
//   ->             f32 of dims before + dim + after
// Gradient: of constant the same with amounts negated, else pad_backward for each dim.
struct Pad {
  struct Attributes {
    Dims before;
    Dims after;
    PadMode mode = PadMode::constant;
    double value = 0;
    void fields(FieldVisitor& visit) {
      visit("before", before);
      visit("after", after);
      enum_field(visit, "mode", kPadModeNames, mode);
      visit("value", value);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

// pad_backward(dy): along one dim, dsrc[j] = sum of dy[i] over all i that pad would fill from src[j].
//   dy             f32 of any shape
//   axis           the dim that was padded
//   before, after  as pad had them
//   mode           reflect or edge
//   ->             f32 as dy, before + after fewer along the axis
struct PadBackward {
  struct Attributes {
    int64_t axis = 0;
    int64_t before = 0;
    int64_t after = 0;
    PadMode mode = PadMode::edge;
    void fields(FieldVisitor& visit) {
      visit("axis", axis);
      visit("before", before);
      visit("after", after);
      enum_field(visit, "mode", kPadModeNames, mode);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node& node) { return node.operand(0).type.elements(); }
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
