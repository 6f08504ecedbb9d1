// Constant, ConstantOfShape, Shape, Size, Range, Cast, Gather: what shapes and axes are made of in a model.
// Computed here, when everything is known; Gather and Range of anything else are not imported.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/known_values.h"
#include "frontend/onnx/node_import.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace kiln::frontend::onnx {

using proto::TensorProto;

void import_constant(NodeImport& node) {
  node.expect_inputs(0, 0);
  if (const TensorProto* value = node.tensor("value")) return node.output(0, read_constant(*value));
  if (node.has_attribute("value_int")) return node.output(0, Constant::of_integers({}, {node.integer("value_int", 0)}));
  if (const auto values = node.integers("value_ints"))
    return node.output(0, Constant::of_integers({static_cast<int64_t>(values->size())}, *values));
  if (node.has_attribute("value_float"))
    return node.output(0, Constant{TensorProto::FLOAT, {}, {node.real("value_float", 0)}, {}});
  if (const auto values = node.reals("value_floats"))
    return node.output(0, Constant{TensorProto::FLOAT, {static_cast<int64_t>(values->size())}, *values, {}});
  refuse_unsupported("it has no tensor and no numbers");
}

void import_constant_of_shape(NodeImport& node) {
  node.expect_inputs(1, 1);
  const ir::Dims dims = node.integers(0, "shape");
  const TensorProto* given = node.tensor("value");
  const Constant value = given != nullptr ? read_constant(*given) : Constant{TensorProto::FLOAT, {1}, {0}, {}};
  if (value.elements() != 1) refuse_invalid("its value has more than one element");
  const auto elements = static_cast<size_t>(count_elements(dims));
  constexpr size_t most = size_t{1} << 28;
  if (elements > most) refuse_unsupported(fmt::format("it has {} elements, a constant may have 2^28", elements));
  Constant result{value.type, dims, {}, {}};
  if (is_floating(value.type))
    result.reals.assign(elements, value.reals[0]);
  else
    result.integers.assign(elements, value.integers[0]);
  node.output(0, std::move(result));
}

void import_shape(NodeImport& node) {
  node.expect_inputs(1, 1);
  const ir::Dims& dims = node.dims();
  const int64_t rank = node.rank();
  const auto bound = [&](std::string_view attribute, int64_t fallback) {
    const int64_t given = node.integer(attribute, fallback);
    return std::clamp<int64_t>(given < 0 ? given + rank : given, 0, rank);
  };
  const int64_t start = bound("start", 0);
  const int64_t end = std::max(bound("end", rank), start);
  node.output(0, Constant::of_integers({end - start}, {dims.begin() + start, dims.begin() + end}));
}

void import_size(NodeImport& node) {
  node.expect_inputs(1, 1);
  node.output(0, Constant::of_integers({}, {count_elements(node.dims())}));
}

void import_range(NodeImport& node) {
  node.expect_inputs(3, 3);
  const int64_t start = node.integers(0, "start").at(0);
  const int64_t limit = node.integers(1, "limit").at(0);
  const int64_t delta = node.integers(2, "delta").at(0);
  if (delta == 0) refuse_invalid("its delta is 0");
  constexpr double most = 1 << 20;
  const double count =
      std::max(std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta)), 0.0);
  if (count > most) refuse_unsupported(fmt::format("it has {} elements", count));
  std::vector<int64_t> values;
  for (int64_t i = 0; i < static_cast<int64_t>(count); ++i) values.push_back(start + i * delta);
  const auto length = static_cast<int64_t>(values.size());
  Constant result = Constant::of_integers({length}, std::move(values));
  result.type = node.type(0);
  node.output(0, std::move(result));
}

void import_cast(NodeImport& node) {
  node.expect_inputs(1, 1);
  const int64_t stated = node.integer("to", TensorProto::UNDEFINED);
  if (!TensorProto::DataType_IsValid(static_cast<int>(stated))) refuse_unsupported(fmt::format("its to is {}", stated));
  const auto to = static_cast<DataType>(stated);
  if (!node.is_known(0)) {
    // Everything is f32 here: what is wider loses nothing, what is narrower would have to be rounded.
    const bool is_wide = to == TensorProto::FLOAT || to == TensorProto::DOUBLE;
    if (is_wide && is_floating(node.type())) return node.output_alias(node.dims());
    refuse_unsupported(fmt::format("it makes {} of {}", name_of(to), name_of(node.type())));
  }
  if (!is_floating(to) && !is_integer(to)) refuse_unsupported(fmt::format("it makes {}", name_of(to)));
  const Constant& from = node.constant(0, "input");
  Constant result{to, from.dims, {}, {}};
  if (to == TensorProto::FLOAT16 || to == TensorProto::BFLOAT16)
    refuse_unsupported(fmt::format("it makes {}", name_of(to)));
  if (is_floating(to)) {
    result.reals = from.numbers();
  } else if (is_floating(from.type)) {
    for (double value : from.reals) {
      if (!(std::abs(value) < 0x1p62)) refuse_unsupported(fmt::format("{} is no {}", value, name_of(to)));
      result.integers.push_back(static_cast<int64_t>(value));
    }
  } else {
    result.integers = from.integers;
  }
  if (to == TensorProto::BOOL)
    for (int64_t& value : result.integers) value = value != 0;
  node.output(0, std::move(result));
}

void import_gather(NodeImport& node) {
  node.expect_inputs(2, 2);
  const Constant& src = node.constant(0, "data");
  const Constant& indices = node.constant(1, "indices");
  const auto axis = static_cast<size_t>(axis_of(node.integer("axis", 0), node.rank()));
  std::vector<int64_t> rows = node.integers(1, "indices");
  for (int64_t& row : rows) {
    if (row < -src.dims[axis] || row >= src.dims[axis])
      refuse_invalid(fmt::format("its index {} does not exist: the axis has {} elements", row, src.dims[axis]));
    if (row < 0) row += src.dims[axis];
  }
  ir::Dims dims(src.dims.begin(), src.dims.begin() + static_cast<int64_t>(axis));
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), src.dims.begin() + static_cast<int64_t>(axis) + 1, src.dims.end());
  const int64_t inner = product(src.dims, axis + 1, src.dims.size());
  std::vector<int64_t> from;
  for (int64_t outer = 0; outer < product(src.dims, 0, axis); ++outer)
    for (int64_t row : rows)
      for (int64_t i = 0; i < inner; ++i) from.push_back((outer * src.dims[axis] + row) * inner + i);
  node.output(0, gather(src, dims, from));
}

} // namespace kiln::frontend::onnx
