// What the steps of an epilogue compute and which operands they take: the formulas of the ops of the same names, for
// double in the reference and for codegen's vectors in emitted kernels.
#pragma once

#include "ir/epilogue.h"
#include "ir/ops/expect.h"
#include "ir/ops/leaky_relu.h"
#include "ir/ops/relu.h"
#include "ir/ops/sigmoid.h"
#include "ir/ops/tanh.h"

#include <stdexcept>

namespace kiln::ir {

// A step without an operand, applied to x.
template <class T> T apply_epilogue_step(const EpilogueStep& step, const T& x) {
  switch (step.kind) {
  case EpilogueKind::bias:
    break;
  case EpilogueKind::relu:
    return Relu::formula<T>({}, x);
  case EpilogueKind::leaky_relu:
    return LeakyRelu::formula<T>({step.slope}, x);
  case EpilogueKind::sigmoid:
    return Sigmoid::formula<T>({}, x);
  case EpilogueKind::tanh:
    return Tanh::formula<T>({}, x);
  }
  throw std::logic_error("epilogue step without a formula");
}

// The whole list; operand(i) gives the value, at x's channel, of the i-th operand that the list adds.
template <class T, class OperandAt> T apply_epilogue(const Epilogue& epilogue, T x, OperandAt&& operand) {
  int64_t next = 0;
  for (const EpilogueStep& step : epilogue) {
    if (step.kind == EpilogueKind::bias)
      x = x + operand(next++);
    else
      x = apply_epilogue_step(step, x);
  }
  return x;
}

// Shape rule of an op with an epilogue: its own operands are `names`, and one follows for each bias.
inline void expect_epilogue(std::string_view op, const Epilogue& epilogue, Operands operands,
                            std::initializer_list<std::string_view> names) {
  if (operands.size() != names.size() + static_cast<size_t>(operand_count(epilogue)))
    throw TypeError(fmt::format("{}: expected {} operands ({}) and {} for epilogue {}, got {}", op, names.size(),
                                fmt::join(names, ", "), operand_count(epilogue), to_string(epilogue), operands.size()));
  for (const EpilogueStep& step : epilogue) {
    if (step.kind != EpilogueKind::leaky_relu) continue;
    try {
      LeakyRelu::check({step.slope});
    } catch (const TypeError& error) {
      throw TypeError(fmt::format("{}: epilogue: {}", op, error.what()));
    }
  }
}

// The operands that follow are each f32[channels].
inline void expect_epilogue_operands(std::string_view op, Operands operands, int64_t channels) {
  for (const TensorType& operand : operands) expect_type(op, "bias", operand, DType::f32, {channels});
}

} // namespace kiln::ir
