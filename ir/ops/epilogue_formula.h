// What the steps of an epilogue compute and which operands they take: the formulas of the ops of the same names, for
// double in the reference and for codegen's vectors in emitted kernels.
#pragma once

#include "ir/epilogue.h"
#include "ir/ops/clip.h"
#include "ir/ops/expect.h"
#include "ir/ops/hard_swish.h"
#include "ir/ops/leaky_relu.h"
#include "ir/ops/relu.h"
#include "ir/ops/sigmoid.h"
#include "ir/ops/silu.h"
#include "ir/ops/tanh.h"

#include <stdexcept>

namespace kiln::ir {

// A step on x; operand() gives the value that it takes, if it takes one.
template <class T, class Operand> T apply_epilogue_step(const EpilogueStep& step, const T& x, Operand&& operand) {
  switch (step.kind) {
  case EpilogueKind::bias:
  case EpilogueKind::add:
    return x + operand();
  case EpilogueKind::scale:
    return x * operand();
  case EpilogueKind::relu:
    return Relu::formula<T>({}, x);
  case EpilogueKind::leaky_relu:
    return LeakyRelu::formula<T>({step.first}, x);
  case EpilogueKind::clip:
    return Clip::formula<T>({step.first, step.second}, x);
  case EpilogueKind::sigmoid:
    return Sigmoid::formula<T>({}, x);
  case EpilogueKind::tanh:
    return Tanh::formula<T>({}, x);
  case EpilogueKind::silu:
    return Silu::formula<T>({}, x);
  case EpilogueKind::hard_swish:
    return HardSwish::formula<T>({}, x);
  }
  throw std::logic_error("epilogue step without a formula");
}

// The whole list; operand(i) gives the value, at x's place, of the i-th operand that the list adds.
template <class T, class OperandAt> T apply_epilogue(const Epilogue& epilogue, T x, OperandAt&& operand) {
  int64_t next = 0;
  for (const EpilogueStep& step : epilogue) x = apply_epilogue_step(step, x, [&] { return operand(next++); });
  return x;
}

// The gradient that a step passes back, by the operand x of the step; for activations whose op takes it from its result
// by comparing that with constants, which the operand answers alike.
inline bool has_backward_by_operand(const EpilogueStep& step) {
  return step.kind == EpilogueKind::relu || step.kind == EpilogueKind::leaky_relu || step.kind == EpilogueKind::clip;
}
template <class T> T epilogue_step_backward(const EpilogueStep& step, const T& x, const T& dy) {
  if (step.kind == EpilogueKind::relu) return ReluBackward::formula<T>({}, x, dy);
  if (step.kind == EpilogueKind::leaky_relu) return LeakyReluBackward::formula<T>({step.first}, x, dy);
  if (step.kind == EpilogueKind::clip) return ClipBackward::formula<T>({step.first, step.second}, x, dy);
  throw std::logic_error("epilogue step without a gradient by its operand");
}

// Refuses parameters that the steps' ops refuse.
inline void expect_epilogue_parameters(std::string_view op, const Epilogue& epilogue) {
  for (const EpilogueStep& step : epilogue) {
    try {
      if (step.kind == EpilogueKind::leaky_relu) LeakyRelu::check({step.first});
      if (step.kind == EpilogueKind::clip) Clip::check({step.first, step.second});
    } catch (const TypeError& error) {
      throw TypeError(fmt::format("{}: epilogue: {}", op, error.what()));
    }
  }
}

// Shape rule of an op with an epilogue: its own operands are `names`, and one follows for each step that takes one.
inline void expect_epilogue(std::string_view op, const Epilogue& epilogue, Operands operands,
                            std::initializer_list<std::string_view> names) {
  if (operands.size() != names.size() + static_cast<size_t>(operand_count(epilogue)))
    throw TypeError(fmt::format("{}: expected {} operands ({}) and {} for epilogue {}, got {}", op, names.size(),
                                fmt::join(names, ", "), operand_count(epilogue), to_string(epilogue), operands.size()));
  expect_epilogue_parameters(op, epilogue);
}

// Of the operands that follow: f32[channels], or of the result's dims.
inline void expect_epilogue_operands(std::string_view op, const Epilogue& epilogue, Operands operands,
                                     const Dims& result) {
  const std::vector<EpilogueKind> kinds = operand_kinds(epilogue);
  for (size_t i = 0; i < kinds.size(); ++i)
    expect_type(op, name_of(kinds[i]), operands[i], DType::f32,
                kinds[i] == EpilogueKind::add ? result : Dims{result[1]});
}

// In the reference: the value that operand `tensor` of a step of this kind has at an element of the result.
inline double epilogue_operand_at(EpilogueKind kind, const Tensor& tensor, int64_t element, int64_t channel) {
  return tensor[kind == EpilogueKind::add ? element : channel];
}

} // namespace kiln::ir
