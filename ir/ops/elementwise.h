// The ten-line way to write a pointwise op: its scalar formula, once, as a template. The reference evaluates it in
// double, the emitter (codegen/emit/elementwise.cpp) with its vector type, and so do epilogues.
#pragma once

#include "ir/op.h"
#include "ir/ops/expect.h"
#include "runtime/vector_math.h"

#include <array>
#include <utility>

namespace kiln::ir {

// A base for `struct Op : Elementwise<Op, Arity>`, where Op has
//   struct Attributes { ... };                                       (or: using Attributes = NoAttributes;)
//   static constexpr std::array<std::string_view, Arity> operand_names = {...};
//   template <class T> static T formula(const Attributes&, const T& x, ...);   of Arity operands
//   static void check(const Attributes&);                            optional: throws TypeError
//   static void gradient(GradientBuilder&, const Node&);             optional
// All operands are f32 of the same dims, which are the result's too.
//
// T is double, float or codegen's vector of floats: a formula may use + - * /, < and >, and of kiln::math, named by
// `using`: like(x, constant), select, min, max, mul_add, abs, sqrt, exp, expm1, log, log1p, tanh, sigmoid, normal_cdf,
// pow. Where a comparison meets NaN it is false; let NaN through to the result where there is a choice. In floats it
// must come within eight roundings of formula(|x|, ...) (tests/support/tolerance.h): do not subtract what is nearly
// equal, as exp(x) - 1 does.
// Padding lanes are computed like any other: where formula(0, ...) is not 0, the emitter masks them.
template <class Op, size_t Arity> struct Elementwise {
  static constexpr size_t arity = Arity;
  static constexpr Traits traits = {.elementwise = true};

  template <class Attributes> static std::vector<TensorType> infer(const Attributes& attributes, Operands operands) {
    const std::string_view op = info<Op>().name;
    if (operands.size() != Arity)
      throw TypeError(fmt::format("{}: expected {} operand{} ({}), got {}", op, Arity, Arity == 1 ? "" : "s",
                                  fmt::join(Op::operand_names, ", "), operands.size()));
    expect_dtype(op, Op::operand_names[0], operands[0], DType::f32);
    for (size_t i = 1; i < Arity; ++i) expect_type(op, Op::operand_names[i], operands[i], DType::f32, operands[0].dims);
    if constexpr (requires { Op::check(attributes); }) Op::check(attributes);
    return {operands[0]};
  }

  template <class Attributes> static void evaluate(const Attributes& attributes, EvaluationFrame& frame) {
    Tensor& dst = frame.result();
    [&]<size_t... I>(std::index_sequence<I...>) {
      for (int64_t e = 0; e < dst.elements(); ++e)
        dst[e] = Op::template formula<double>(attributes, frame.operand(I)[e]...);
    }
    (std::make_index_sequence<Arity>{});
  }

  // One an element, whatever the formula: these ops are bound by memory.
  static int64_t flops(const Node& node) { return node.result().type.elements(); }
};

// The gradient rule of an activation whose derivative is a function of its result y: backward(y, dy). It keeps neither
// operand nor mask alive.
template <class Backward>
void pass_back_from_result(GradientBuilder& builder, const Node& node, typename Backward::Attributes attributes = {}) {
  builder.set_operand_gradient(
      0, builder.create<Backward>(std::move(attributes), {&node.result(), builder.result_gradient()}, "backward"));
}

// The same where the derivative is a function of the operand x alone: backward(x, dy). It keeps the operand alive and,
// where a kernel made it, out of that kernel's epilogue.
template <class Backward>
void pass_back_from_operand(GradientBuilder& builder, const Node& node, typename Backward::Attributes attributes = {}) {
  builder.set_operand_gradient(
      0, builder.create<Backward>(std::move(attributes), {&node.operand(0), builder.result_gradient()}, "backward"));
}

} // namespace kiln::ir
