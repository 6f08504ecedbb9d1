// The way to write a pointwise op whose operands need not be alike: its scalar formula, as in ir/ops/elementwise.h,
// over operands that stretch to one shape.
#pragma once

#include "ir/ops/elementwise.h"
#include "ir/ops/stretch.h"

namespace kiln::ir {

// A base for `struct Op : Stretching<Op, Arity>`, where Op has what an Elementwise has. Operands of one shape may have
// any layout, all alike; kernel.cpp says which layouts go together where they differ.
template <class Op, size_t Arity> struct Stretching {
  static constexpr size_t arity = Arity;
  static constexpr Traits traits = {.elementwise = true};

  template <class Attributes> static std::vector<TensorType> infer(const Attributes&, Operands operands) {
    const std::string_view op = info<Op>().name;
    if (operands.size() != Arity)
      throw TypeError(fmt::format("{}: expected {} operands ({}), got {}", op, Arity,
                                  fmt::join(Op::operand_names, ", "), operands.size()));
    return {TensorType{DType::f32, stretched_dims(op, operands, Op::operand_names), {}}};
  }

  template <class Attributes> static void evaluate(const Attributes& attributes, EvaluationFrame& frame) {
    Tensor& dst = frame.result();
    [&]<size_t... I>(std::index_sequence<I...>) {
      const std::array<StretchedIndex, Arity> at = {StretchedIndex(frame.operand(I).dims, dst.dims)...};
      for (int64_t e = 0; e < dst.elements(); ++e)
        dst[e] = Op::template formula<double>(attributes, frame.operand(I)[at[I](e)]...);
    }
    (std::make_index_sequence<Arity>{});
  }

  static int64_t flops(const Node& node) { return node.result().type.elements(); }
};

} // namespace kiln::ir
