// Transpose, Expand, Tile, DepthToSpace, SpaceToDepth: the elements of a tensor elsewhere, or more than once.
// Blocks of depth and space are dims of their own for the time of a transpose.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/known_values.h"
#include "frontend/onnx/node_import.h"
#include "frontend/onnx/tensors.h"
#include "ir/ops/expand.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {

void import_transpose(NodeImport& node) {
  node.expect_inputs(1, 1);
  const auto rank = static_cast<size_t>(node.rank());
  std::vector<int64_t> order;
  for (size_t i = 0; i < rank; ++i) order.push_back(static_cast<int64_t>(rank - 1 - i));
  order = node.integers("perm").value_or(order);
  if (order.size() != rank)
    refuse_invalid(fmt::format("its perm is [{}], its input has rank {}", fmt::join(order, ","), rank));
  axes_of(order, node.rank()); // each once
  for (int64_t& axis : order) axis = axis_of(axis, node.rank());
  ir::Dims dims;
  for (int64_t axis : order) dims.push_back(node.dims()[static_cast<size_t>(axis)]);
  if (rank < 2) return node.output_alias(dims);
  node.output(0, transpose(node, node.input(), order), dims);
}

void import_expand(NodeImport& node) {
  node.expect_inputs(2, 2);
  const ir::Dims dims = broadcast(node.dims(), node.integers(1, "shape"));
  if (count_elements(dims) < 1) refuse_unsupported("its result has no element");
  if (dims == node.dims()) return node.output_alias(dims);
  node.output(0, node.create<ir::Expand>({.dims = ir_dims(dims)}, {&node.input()}), dims);
}

void import_tile(NodeImport& node) {
  node.expect_inputs(2, 2);
  const std::vector<int64_t> repeats = node.integers(1, "repeats");
  if (repeats.size() != node.dims().size() ||
      std::any_of(repeats.begin(), repeats.end(), [](int64_t times) { return times < 1 || times > 4096; }))
    refuse_unsupported(fmt::format("its repeats are [{}], expected {} values from 1 to 4096", fmt::join(repeats, ","),
                                   node.dims().size()));
  ir::Value* result = &node.input();
  for (size_t axis = 0; axis < repeats.size(); ++axis)
    result =
        &concat(node, std::vector<ir::Value*>(static_cast<size_t>(repeats[axis]), result), static_cast<int64_t>(axis));
  node.output(*result);
}

namespace {

int64_t take_block(NodeImport& node) {
  node.expect_inputs(1, 1);
  const int64_t block = node.integer("blocksize", 0);
  if (block < 1 || node.rank() != 4)
    refuse_invalid(fmt::format("its blocksize is {} and its input [{}]: expected at least 1, and an image", block,
                               fmt::join(node.dims(), ",")));
  return block;
}

} // namespace

void import_depth_to_space(NodeImport& node) {
  const int64_t b = take_block(node);
  const std::string mode = node.version < 11 ? "DCR" : node.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") refuse_invalid(fmt::format("its mode is \"{}\", expected DCR or CRD", mode));
  const ir::Dims dims = node.dims();
  if (dims[1] % (b * b) != 0)
    refuse_invalid(fmt::format("its input has {} channels, not a multiple of blocksize {} squared", dims[1], b));
  const int64_t channels = dims[1] / (b * b);
  const bool depth_first = mode == "DCR"; // channels are rows of a block, its columns, then channels of the result
  ir::Value& blocks = node.reshape(node.input(), depth_first ? ir::Dims{dims[0], b, b, channels, dims[2], dims[3]}
                                                             : ir::Dims{dims[0], channels, b, b, dims[2], dims[3]});
  ir::Value& moved = transpose(node, blocks, depth_first ? ir::Dims{0, 3, 4, 1, 5, 2} : ir::Dims{0, 1, 4, 2, 5, 3});
  node.output(node.reshape(moved, {dims[0], channels, dims[2] * b, dims[3] * b}));
}

void import_space_to_depth(NodeImport& node) {
  const int64_t b = take_block(node);
  const ir::Dims dims = node.dims();
  if (dims[2] % b != 0 || dims[3] % b != 0)
    refuse_invalid(fmt::format("its input is {}x{}, not a multiple of blocksize {}", dims[2], dims[3], b));
  ir::Value& blocks = node.reshape(node.input(), {dims[0], dims[1], dims[2] / b, b, dims[3] / b, b});
  ir::Value& moved = transpose(node, blocks, {0, 3, 5, 1, 2, 4});
  node.output(node.reshape(moved, {dims[0], dims[1] * b * b, dims[2] / b, dims[3] / b}));
}

} // namespace kiln::frontend::onnx
