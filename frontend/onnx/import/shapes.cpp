// Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout: the same elements under other dims.
// Dropout drops nothing where a model predicts.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/node_import.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {
namespace {

// From the attribute, or since `since` from input 1; empty when neither is there.
std::optional<std::vector<int64_t>> take_axes(NodeImport& node, int64_t since) {
  if (node.version < since) return node.integers("axes");
  if (!node.has_input(1)) return std::nullopt;
  return node.integers(1, "axes");
}

} // namespace

void import_reshape(NodeImport& node) {
  std::optional<std::vector<int64_t>> shape;
  if (node.version < 5) {
    node.expect_inputs(1, 1);
    shape = node.integers("shape");
    if (!shape) refuse_invalid("it has no shape");
  } else {
    node.expect_inputs(2, 2);
    shape = node.integers(1, "shape");
  }
  const ir::Dims& from = node.dims();
  const bool zero_is_a_size = node.version >= 14 && node.integer("allowzero", 0) != 0;
  ir::Dims to;
  int64_t open = -1;
  int64_t rest = 1;
  for (size_t i = 0; i < shape->size(); ++i) {
    int64_t size = (*shape)[i];
    if (size == -1) {
      if (open >= 0) refuse_invalid(fmt::format("its shape [{}] has -1 twice", fmt::join(*shape, ",")));
      open = static_cast<int64_t>(i);
    } else if (size == 0 && !zero_is_a_size) {
      if (i >= from.size())
        refuse_invalid(
            fmt::format("its shape [{}] copies dim {} of an input of rank {}", fmt::join(*shape, ","), i, from.size()));
      size = from[i];
    } else if (size < 0) {
      refuse_invalid(fmt::format("its shape [{}] has sizes below -1", fmt::join(*shape, ",")));
    }
    to.push_back(size);
    if (size != -1) rest = count_elements({rest, size});
  }
  const int64_t elements = count_elements(from);
  if (open >= 0 && rest > 0 && elements % rest == 0) to[static_cast<size_t>(open)] = elements / rest;
  if (std::count(to.begin(), to.end(), -1) != 0 || count_elements(to) != elements)
    refuse_invalid(fmt::format("its input is [{}], its shape [{}]", fmt::join(from, ","), fmt::join(*shape, ",")));
  node.output_alias(to);
}

void import_flatten(NodeImport& node) {
  node.expect_inputs(1, 1);
  const int64_t rank = node.rank();
  int64_t axis = node.integer("axis", 1);
  if (axis != rank) axis = axis_of(axis, rank); // behind the last one is possible here
  const auto split = static_cast<size_t>(axis);
  node.output_alias({product(node.dims(), 0, split), product(node.dims(), split, node.dims().size())});
}

void import_squeeze(NodeImport& node) {
  node.expect_inputs(1, node.version < 13 ? 1 : 2);
  const auto stated = take_axes(node, 13);
  const ir::Dims& from = node.dims();
  std::vector<int64_t> axes;
  if (stated) {
    axes = axes_of(*stated, node.rank());
  } else {
    for (size_t i = 0; i < from.size(); ++i)
      if (from[i] == 1) axes.push_back(static_cast<int64_t>(i));
  }
  ir::Dims to = from;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    if (from[static_cast<size_t>(*axis)] != 1)
      refuse_invalid(fmt::format("it drops dim {} of [{}], which is not 1", *axis, fmt::join(from, ",")));
    to.erase(to.begin() + *axis);
  }
  node.output_alias(to);
}

void import_unsqueeze(NodeImport& node) {
  node.expect_inputs(node.version < 13 ? 1 : 2, node.version < 13 ? 1 : 2);
  const auto stated = take_axes(node, 13);
  if (!stated) refuse_invalid("it has no axes");
  ir::Dims to = node.dims();
  // Axes are those of the result: in ascending order each is right when it is put in.
  for (int64_t axis : axes_of(*stated, node.rank() + static_cast<int64_t>(stated->size())))
    to.insert(to.begin() + axis, 1);
  node.output_alias(to);
}

void import_identity(NodeImport& node) {
  node.expect_inputs(1, 1);
  node.output_alias(node.dims());
}

void import_dropout(NodeImport& node) {
  node.expect_inputs(1, node.version < 12 ? 1 : 3);
  node.ignore("seed");
  if (node.version < 12) node.ignore("ratio"); // later an input
  if (node.version < 7 && node.integer("is_test", 0) == 0)
    refuse_unsupported("it has is_test 0: it drops", "export the model for inference");
  if (node.has_input(2) && node.number(2, "training_mode") != 0 &&
      (node.has_input(1) ? node.number(1, "ratio") : 0.5) != 0)
    refuse_unsupported("it has training_mode true: it drops", "export the model for inference");
  node.output_alias(node.dims());
}

} // namespace kiln::frontend::onnx
