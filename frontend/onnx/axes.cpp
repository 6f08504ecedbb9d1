// Axes and shapes as ONNX states them.
// Checked here once, in its words.
#include "frontend/onnx/axes.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "frontend/onnx/import_error.h"

namespace kiln::frontend::onnx {

int64_t axis_of(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    refuse_invalid(fmt::format("axis {} does not exist: the tensor has rank {}", axis, rank));
  return axis < 0 ? axis + rank : axis;
}

std::vector<int64_t> axes_of(std::span<const int64_t> axes, int64_t rank) {
  std::vector<int64_t> result;
  for (int64_t axis : axes) result.push_back(axis_of(axis, rank));
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end())
    refuse_invalid(fmt::format("axes [{}] name one axis twice", fmt::join(axes, ",")));
  return result;
}

ir::Dims broadcast(const ir::Dims& a, const ir::Dims& b) {
  ir::Dims result(std::max(a.size(), b.size()), 1);
  for (const ir::Dims* dims : {&a, &b})
    for (size_t i = 0; i < dims->size(); ++i) {
      int64_t& to = result[result.size() - dims->size() + i];
      const int64_t from = (*dims)[i];
      if (from == 1) continue;
      if (to != 1 && to != from)
        refuse_invalid(fmt::format("shapes [{}] and [{}] do not fit each other", fmt::join(a, ","), fmt::join(b, ",")));
      to = from;
    }
  return result;
}

int64_t product(const ir::Dims& dims, size_t begin, size_t end) {
  int64_t result = 1;
  for (size_t i = begin; i < end; ++i) result *= dims[i];
  return result;
}

ir::Dims channel_dims(const ir::Dims& dims) {
  if (dims.size() < 2)
    refuse_unsupported(fmt::format("its input has rank {}, a batch and channels are needed", dims.size()));
  if (dims.size() == 2 || dims.size() == 4) return dims;
  return {dims[0], dims[1], product(dims, 2, dims.size()), 1};
}

} // namespace kiln::frontend::onnx
