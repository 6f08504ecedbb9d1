// Layers that combine inputs value by value: the rule for their sizes.
// How many inputs there are was checked with the wiring.
#include "frontend/import/combine.h"

#include <algorithm>

#include <fmt/format.h>

#include "ir/ops/reshape.h"
#include "ir/ops/stretch.h"

namespace kiln::frontend {

std::vector<ir::Value*> stretching_inputs(LayerImport& import) {
  if (!import.ready() || import.input_count() < 2) return {};
  size_t rank = 0;
  for (size_t i = 0; i < import.input_count(); ++i) rank = std::max(rank, import.input_dims(i).size());
  std::vector<ir::Dims> dims;
  ir::Dims result(rank, 1);
  for (size_t i = 0; i < import.input_count(); ++i) {
    ir::Dims& own = dims.emplace_back(import.input_dims(i));
    own.resize(rank, 1); // a row is one value a channel
    for (size_t d = 0; d < rank; ++d) result[d] = std::max(result[d], own[d]);
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    if (ir::stretches_to(dims[i], result)) continue;
    size_t other = 0; // one that it does not go with
    for (size_t d = 0; d < rank; ++d)
      if (dims[i][d] != 1 && dims[i][d] != result[d])
        while (dims[other][d] != result[d]) ++other;
    const size_t first = std::min(i, other), second = std::max(i, other);
    import.report.error("input", fmt::format("its inputs differ: \"{}\" is {}, \"{}\" is {}", import.input(first).name,
                                             shape_text(import.input_dims(first)), import.input(second).name,
                                             shape_text(import.input_dims(second))));
    return {};
  }
  if (!import.check_size(result, "its output")) return {};
  std::vector<ir::Value*> inputs;
  for (size_t i = 0; i < dims.size(); ++i) {
    ir::Value& input = import.input(i);
    inputs.push_back(input.type.dims.size() == rank
                         ? &input
                         : &import.create<ir::Reshape>({.dims = dims[i]}, {&input}, fmt::format("input{}", i + 1)));
  }
  return inputs;
}

} // namespace kiln::frontend
