// Sliding windows of convolutions and pools: ONNX's attributes as the IR's, for images and for rows of values, which
// are images one high.
#pragma once

#include <array>
#include <vector>

#include "frontend/onnx/node_import.h"
#include "ir/window.h"

namespace kiln::frontend::onnx {

struct WindowAttributes {
  ir::Size2 kernel{1, 1};
  ir::Size2 stride{1, 1};
  ir::Size2 dilation{1, 1};
  std::array<int64_t, 4> pad{0, 0, 0, 0}; // top, left, bottom, right
};

// The first two dims, then height and width. Throws ImportError unless the rank is 3 (height 1) or 4.
ir::Dims image_dims(const ir::Dims& dims, std::string_view what);
// Undoes it: dims of an image as they are for a tensor of this rank.
ir::Dims spatial_dims(const ir::Dims& image, int64_t rank);
// A list with a value for each spatial axis, as rows and columns; `row` for the rows that a rank of 3 has not.
ir::Size2 take_pair(const std::vector<int64_t>& values, int64_t rank, std::string_view what, int64_t row,
                    int64_t least);

// Reads kernel_shape, strides, dilations, pads and auto_pad of a window over input 0. `kernel` is what weights say it
// is; without it kernel_shape must be given.
WindowAttributes take_window(NodeImport& node, std::optional<ir::Size2> kernel);
// The two attributes of padding alone. `padded` says how much there is to pad on each axis in all under SAME.
std::array<int64_t, 4> take_padding(NodeImport& node, ir::Size2 same_total);

} // namespace kiln::frontend::onnx
