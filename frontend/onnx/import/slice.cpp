// Slice, Split: to slices.
// Bounds are attributes until version 9 (Split: 12), then inputs. Of known integers, parts of a shape, computed here.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/known_values.h"
#include "frontend/onnx/node_import.h"
#include "frontend/onnx/tensors.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {
namespace {

// Positions start, start + step, ... on a dim of `size`, before `end`, as numpy slices.
std::vector<int64_t> slice_positions(int64_t size, int64_t start, int64_t end, int64_t step) {
  if (step == 0) refuse_invalid("one of its steps is 0");
  const int64_t lowest = step > 0 ? 0 : -1;
  const int64_t highest = step > 0 ? size : size - 1;
  const auto from_start = [&](int64_t bound) {
    return std::clamp(bound < 0 ? std::max(bound, -size - 1) + size : bound, lowest, highest);
  };
  std::vector<int64_t> positions;
  const int64_t last = from_start(end);
  for (int64_t at = from_start(start); step > 0 ? at < last : at > last;) {
    positions.push_back(at);
    if (std::abs(step / 2) > size) break; // the next one is beyond every end, and perhaps beyond int64
    at += step;
  }
  return positions;
}

} // namespace

void import_slice(NodeImport& node) {
  std::vector<int64_t> starts, ends;
  std::optional<std::vector<int64_t>> axes, steps;
  if (node.version < 10) {
    node.expect_inputs(1, 1);
    starts = node.integers("starts").value_or(starts);
    ends = node.integers("ends").value_or(ends);
    axes = node.integers("axes");
  } else {
    node.expect_inputs(3, 5);
    starts = node.integers(1, "starts");
    ends = node.integers(2, "ends");
    if (node.has_input(3)) axes = node.integers(3, "axes");
    if (node.has_input(4)) steps = node.integers(4, "steps");
  }
  if (!axes) {
    axes.emplace(starts.size());
    std::iota(axes->begin(), axes->end(), 0);
  }
  if (!steps) steps.emplace(starts.size(), 1);
  if (starts.size() != ends.size() || starts.size() != axes->size() || starts.size() != steps->size())
    refuse_invalid(fmt::format("its starts [{}], ends [{}], axes [{}] and steps [{}] are not equally many",
                               fmt::join(starts, ","), fmt::join(ends, ","), fmt::join(*axes, ","),
                               fmt::join(*steps, ",")));
  axes_of(*axes, node.rank()); // each once

  const bool is_known = node.is_known(0) && is_integer(node.type());
  ir::Dims dims = node.dims();
  std::vector<std::vector<int64_t>> picked(dims.size());
  for (size_t i = 0; i < dims.size(); ++i) {
    picked[i].resize(is_known ? static_cast<size_t>(dims[i]) : 0);
    std::iota(picked[i].begin(), picked[i].end(), 0);
  }
  ir::Value* result = is_known ? nullptr : &node.input();
  for (size_t i = 0; i < starts.size(); ++i) {
    const int64_t axis = axis_of((*axes)[i], node.rank());
    auto& positions = picked[static_cast<size_t>(axis)];
    positions = slice_positions(dims[static_cast<size_t>(axis)], starts[i], ends[i], (*steps)[i]);
    dims[static_cast<size_t>(axis)] = static_cast<int64_t>(positions.size());
    if (result == nullptr) continue;
    if (positions.empty()) refuse_unsupported("its result has no element");
    result = &slice(node, *result, axis, positions.front(), dims[static_cast<size_t>(axis)],
                    positions.size() == 1 ? 1 : (*steps)[i]);
  }
  if (result != nullptr) return result == &node.input() ? node.output_alias(dims) : node.output(0, *result, dims);
  const auto source = [&](const ir::Dims& index) {
    ir::Dims from = index;
    for (size_t i = 0; i < index.size(); ++i) from[i] = picked[i][static_cast<size_t>(index[i])];
    return from;
  };
  node.output(0, gather(node.constant(0, "data"), dims, positions(dims, node.dims(), source)));
}

void import_split(NodeImport& node) {
  const bool has_attribute = node.version >= 2 && node.version < 13;
  node.expect_inputs(1, has_attribute ? 1 : 2);
  const int64_t axis = axis_of(node.integer("axis", 0), node.rank());
  const int64_t size = node.dims()[static_cast<size_t>(axis)];
  std::vector<int64_t> sizes;
  if (node.has_input(1))
    sizes = node.integers(1, "split");
  else if (node.version < 13)
    sizes = node.integers("split").value_or(sizes);
  const auto parts = static_cast<int64_t>(node.output_count());
  if (node.version >= 18 && node.integer("num_outputs", parts) != parts)
    refuse_invalid(fmt::format("its num_outputs is not the number of its outputs, {}", parts));
  if (sizes.empty()) {
    // The last one is smaller where they cannot be alike.
    const int64_t each = (size + parts - 1) / parts;
    for (int64_t i = 0; i < parts; ++i) sizes.push_back(std::clamp<int64_t>(size - i * each, 0, each));
  }
  const bool fits = std::all_of(sizes.begin(), sizes.end(), [&](int64_t part) { return part >= 0 && part <= size; });
  if (!fits || static_cast<int64_t>(sizes.size()) != parts ||
      std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) != size)
    refuse_invalid(
        fmt::format("its parts [{}] are not those of a dim of {}, for {} outputs", fmt::join(sizes, ","), size, parts));
  int64_t begin = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) refuse_unsupported("one of its parts is empty");
    ir::Value& part = slice(node, node.input(), axis, begin, sizes[i]);
    node.output(i, part, part.type.dims);
    begin += sizes[i];
  }
}

} // namespace kiln::frontend::onnx
