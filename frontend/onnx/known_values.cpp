// What is computed while a model is imported.
// All of it is picking elements: only integers are calculated with.
#include "frontend/onnx/known_values.h"

#include "frontend/onnx/axes.h"
#include "frontend/onnx/import_error.h"

namespace kiln::frontend::onnx {

bool next_index(const ir::Dims& dims, ir::Dims& index) {
  for (size_t i = dims.size(); i-- > 0;) {
    if (++index[i] < dims[i]) return true;
    index[i] = 0;
  }
  return false;
}

Constant gather(const Constant& src, ir::Dims dims, const std::vector<int64_t>& positions) {
  Constant result{src.type, std::move(dims), {}, {}};
  for (int64_t position : positions) {
    if (is_floating(src.type))
      result.reals.push_back(src.reals[static_cast<size_t>(position)]);
    else
      result.integers.push_back(src.integers[static_cast<size_t>(position)]);
  }
  return result;
}

std::vector<int64_t> positions(const ir::Dims& dst, const ir::Dims& src,
                               const std::function<ir::Dims(const ir::Dims&)>& source) {
  std::vector<int64_t> result;
  if (count_elements(dst) == 0) return result;
  ir::Dims index(dst.size(), 0);
  do {
    const ir::Dims from = source(index);
    int64_t position = 0;
    for (size_t i = 0; i < src.size(); ++i) position = position * src[i] + from[i];
    result.push_back(position);
  } while (next_index(dst, index));
  return result;
}

Constant combine(const Constant& a, const Constant& b, const std::function<int64_t(int64_t, int64_t)>& operation) {
  const ir::Dims dims = broadcast(a.dims, b.dims);
  const auto expand = [&](const Constant& operand) {
    return gather(operand, dims, positions(dims, operand.dims, [&](const ir::Dims& index) {
                    ir::Dims from(index.end() - static_cast<int64_t>(operand.dims.size()), index.end());
                    for (size_t i = 0; i < from.size(); ++i)
                      if (operand.dims[i] == 1) from[i] = 0;
                    return from;
                  }));
  };
  Constant result = expand(a);
  const Constant second = expand(b);
  for (size_t i = 0; i < result.integers.size(); ++i)
    result.integers[i] = operation(result.integers[i], second.integers[i]);
  return result;
}

} // namespace kiln::frontend::onnx
