// What batch norm's forms share: their epilogue, of adds and activations.
#pragma once

#include "ir/ops/epilogue_formula.h"
#include "ir/ops/per_channel.h"

namespace kiln::ir {

inline size_t adds_of(const Epilogue& epilogue) { return static_cast<size_t>(operand_count(epilogue)); }

// Whether the step leaves 0 as it is: padding lanes of a blocked tensor, which hold it, need no mask then.
inline bool keeps_zero(const EpilogueStep& step) {
  return apply_epilogue_step(step, 0.0, [] { return 0.0; }) == 0;
}

inline void expect_normalization_epilogue(std::string_view op, const Epilogue& epilogue, Operands operands,
                                          const Dims& result) {
  expect_epilogue_parameters(op, epilogue);
  for (const EpilogueStep& step : epilogue)
    if (step.kind == EpilogueKind::bias || step.kind == EpilogueKind::scale || !keeps_zero(step))
      refuse(op, "epilogue", "adds, and activations that leave 0 as it is", to_string(epilogue));
  for (const TensorType& operand : operands) expect_type(op, "add", operand, DType::f32, result);
}

} // namespace kiln::ir
