// MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool: to max_pool and average_pool.
// A row of values is an image one high.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/window.h"
#include "ir/ops/average_pool.h"
#include "ir/ops/max_pool.h"

#include <algorithm>

#include <fmt/format.h>

namespace kiln::frontend::onnx {
namespace {

void take_pool(NodeImport& node, ir::PoolWindow& attributes) {
  node.expect_inputs(1, 1);
  const WindowAttributes window = take_window(node, std::nullopt);
  attributes.kernel = window.kernel;
  attributes.stride = window.stride;
  attributes.pad = window.pad;
  attributes.dilation = window.dilation;
  attributes.rounding = node.integer("ceil_mode", 0) != 0 ? ir::Rounding::ceil : ir::Rounding::floor;
}

template <class Pool> void create_pool(NodeImport& node, const typename Pool::Attributes& attributes) {
  ir::Value& image = node.reshape(node.input(), image_dims(node.dims(), "its input"));
  ir::Value& result = node.create<Pool>(attributes, {&image});
  const ir::Dims dims = spatial_dims(result.type.dims, node.rank());
  node.output(0, node.reshape(result, dims), dims);
}

// Over everything behind batch and channels, however many dims that is.
template <class Pool> void create_global_pool(NodeImport& node) {
  node.expect_inputs(1, 1);
  const ir::Dims& dims = node.dims();
  if (dims.size() < 3) refuse_invalid(fmt::format("its input has rank {}, expected at least 3", dims.size()));
  const ir::Dims image = dims.size() == 4 ? dims : ir::Dims{dims[0], dims[1], product(dims, 2, dims.size()), 1};
  typename Pool::Attributes attributes;
  attributes.kernel = {image[2], image[3]};
  attributes.stride = {1, 1};
  ir::Value& result = node.create<Pool>(attributes, {&node.reshape(node.input(), image)});
  ir::Dims output = dims;
  std::fill(output.begin() + 2, output.end(), 1);
  node.output(0, node.reshape(result, output), output);
}

} // namespace

void import_max_pool(NodeImport& node) {
  ir::MaxPool::Attributes attributes;
  take_pool(node, attributes);
  node.ignore("storage_order"); // of the second output, the positions
  create_pool<ir::MaxPool>(node, attributes);
}

void import_average_pool(NodeImport& node) {
  ir::AveragePool::Attributes attributes;
  take_pool(node, attributes);
  attributes.count_include_pad = node.integer("count_include_pad", 0) != 0;
  create_pool<ir::AveragePool>(node, attributes);
}

void import_global_max_pool(NodeImport& node) { create_global_pool<ir::MaxPool>(node); }

void import_global_average_pool(NodeImport& node) { create_global_pool<ir::AveragePool>(node); }

} // namespace kiln::frontend::onnx
