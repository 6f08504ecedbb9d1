// Layers that combine inputs value by value: add, subtract, multiply, divide, maximum and minimum. Sizes of 1 stretch;
// a row of values beside images is one value a channel.
#pragma once

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

// The inputs as tensors that stretch to one shape; empty when they do not, which is reported.
std::vector<ir::Value*> stretching_inputs(LayerImport& import);

// Op of the first two inputs, then of that and the third, and so on.
template <class Op> ir::Value* combine_inputs(LayerImport& import) {
  const std::vector<ir::Value*> inputs = stretching_inputs(import);
  if (inputs.size() < 2) return nullptr;
  ir::Value* result = inputs[0];
  for (size_t i = 1; i < inputs.size(); ++i) {
    const bool last = i + 1 == inputs.size();
    result = &import.create<Op>({}, {result, inputs[i]}, last ? std::string() : "of" + std::to_string(i + 1));
  }
  return result;
}

} // namespace kiln::frontend
