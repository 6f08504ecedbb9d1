// What is computed while a model is imported: shapes and axes that models make out of shapes by nodes of their own.
#pragma once

#include <functional>
#include <vector>

#include "frontend/onnx/constant.h"

namespace kiln::frontend::onnx {

// The tensor of these dims whose element i is src's element positions[i].
Constant gather(const Constant& src, ir::Dims dims, const std::vector<int64_t>& positions);

// Positions in a row-major tensor of dims `src` of every element of a result of dims `dst`, in order; `source` turns an
// index of the result into one of src.
std::vector<int64_t> positions(const ir::Dims& dst, const ir::Dims& src,
                               const std::function<ir::Dims(const ir::Dims&)>& source);

// Element by element, broadcast; integers only.
Constant combine(const Constant& a, const Constant& b, const std::function<int64_t(int64_t, int64_t)>& operation);

// The row-major index that follows; false after the last one.
bool next_index(const ir::Dims& dims, ir::Dims& index);

} // namespace kiln::frontend::onnx
