// Axes and shapes as ONNX states them: axes count from the end where negative, shapes are broadcast from the end.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/type.h"

namespace kiln::frontend::onnx {

// The axis from 0; throws ImportError when there is none such.
int64_t axis_of(int64_t axis, int64_t rank);
// The same for several, ascending; throws when one stands there twice.
std::vector<int64_t> axes_of(std::span<const int64_t> axes, int64_t rank);

// The shape that two shapes are broadcast to; throws when they do not fit.
ir::Dims broadcast(const ir::Dims& a, const ir::Dims& b);

// The product of the dims [begin, end).
int64_t product(const ir::Dims& dims, size_t begin, size_t end);
// Batch and channels, then all else as rows of one: how ops that treat each channel alike see a tensor of any rank.
// Tensors of rank 2 and 4 stay as they are. Throws below rank 2.
ir::Dims channel_dims(const ir::Dims& dims);

} // namespace kiln::frontend::onnx
