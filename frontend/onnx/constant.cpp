// A tensor whose values are known when a model is imported.
// Reads TensorProto, whose data stand in raw bytes, little-endian, or in a field of numbers.
#include "frontend/onnx/constant.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "frontend/onnx/import_error.h"

namespace kiln::frontend::onnx {

using proto::TensorProto;

namespace {

static_assert(std::endian::native == std::endian::little, "raw data is copied as it stands");

double from_float16(uint16_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  const int exponent = bits >> 10 & 0x1f;
  const double fraction = bits & 0x3ff;
  if (exponent == 0x1f) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(fraction + 1024, exponent - 25);
}

double from_bfloat16(uint16_t bits) { return double{std::bit_cast<float>(uint32_t{bits} << 16)}; }

void expect_count(int64_t elements, int64_t got) {
  if (elements != got) refuse_invalid(fmt::format("its dims ask for {} values, its data has {}", elements, got));
}

template <class T> std::vector<T> raw_values(const TensorProto& tensor, int64_t elements) {
  const std::string& bytes = tensor.raw_data();
  if (static_cast<int64_t>(bytes.size()) != elements * static_cast<int64_t>(sizeof(T)))
    refuse_invalid(fmt::format("its dims ask for {} bytes of raw_data, there are {}",
                               elements * static_cast<int64_t>(sizeof(T)), bytes.size()));
  std::vector<T> values(static_cast<size_t>(elements));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// `convert` takes a value as raw bytes hold it (T) or as the field of its type does.
template <class T, class Number, class Field, class Convert>
std::vector<Number> read_values(const TensorProto& tensor, int64_t elements, const Field& field, Convert convert) {
  std::vector<Number> numbers;
  if (tensor.has_raw_data()) {
    for (T value : raw_values<T>(tensor, elements)) numbers.push_back(convert(value));
    return numbers;
  }
  expect_count(elements, field.size());
  for (auto value : field) numbers.push_back(convert(static_cast<T>(value)));
  return numbers;
}

template <class T, class Field>
std::vector<int64_t> read_integers(const TensorProto& tensor, int64_t elements, const Field& field) {
  return read_values<T, int64_t>(tensor, elements, field, [](T value) { return static_cast<int64_t>(value); });
}

int64_t checked_unsigned(uint64_t value) {
  if (value > static_cast<uint64_t>(INT64_MAX))
    refuse_unsupported(fmt::format("{} is beyond the largest int64", value));
  return static_cast<int64_t>(value);
}

} // namespace

int64_t Constant::elements() const { return static_cast<int64_t>(is_floating(type) ? reals.size() : integers.size()); }

std::vector<double> Constant::numbers() const {
  return is_floating(type) ? reals : std::vector<double>(integers.begin(), integers.end());
}

Constant Constant::of_integers(ir::Dims dims, std::vector<int64_t> values) {
  return {TensorProto::INT64, std::move(dims), {}, std::move(values)};
}

bool is_floating(DataType type) {
  return type == TensorProto::FLOAT || type == TensorProto::DOUBLE || type == TensorProto::FLOAT16 ||
         type == TensorProto::BFLOAT16;
}

bool is_integer(DataType type) {
  switch (type) {
  case TensorProto::UINT8:
  case TensorProto::INT8:
  case TensorProto::UINT16:
  case TensorProto::INT16:
  case TensorProto::INT32:
  case TensorProto::INT64:
  case TensorProto::BOOL:
  case TensorProto::UINT32:
  case TensorProto::UINT64:
    return true;
  case TensorProto::UNDEFINED:
  case TensorProto::FLOAT:
  case TensorProto::STRING:
  case TensorProto::FLOAT16:
  case TensorProto::DOUBLE:
  case TensorProto::COMPLEX64:
  case TensorProto::COMPLEX128:
  case TensorProto::BFLOAT16:
    return false;
  }
  return false;
}

std::string name_of(int32_t type) {
  if (!TensorProto::DataType_IsValid(type)) return fmt::format("element type {}", type);
  std::string name = TensorProto::DataType_Name(static_cast<DataType>(type));
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name;
}

std::string type_text(int32_t type, const ir::Dims& dims) {
  return fmt::format("{}[{}]", name_of(type), fmt::join(dims, ","));
}

int64_t count_elements(const ir::Dims& dims) {
  constexpr int64_t most = int64_t{1} << 38; // a terabyte of floats
  int64_t product = 1;
  for (int64_t dim : dims) {
    if (dim < 0) refuse_invalid(fmt::format("its dims [{}] are not all at least 0", fmt::join(dims, ",")));
    if (dim > 0 && product > most / dim)
      refuse_unsupported(fmt::format("its dims [{}] are beyond all use: more than 2^38 values", fmt::join(dims, ",")));
    product *= dim;
  }
  return product;
}

Constant read_constant(const TensorProto& tensor) {
  Constant constant;
  constant.dims.assign(tensor.dims().begin(), tensor.dims().end());
  const int64_t elements = count_elements(constant.dims);
  if (tensor.data_location() == TensorProto::EXTERNAL)
    refuse_unsupported("its data stand in another file", "store the model with its data inside");
  if (tensor.has_segment()) refuse_unsupported("its data are one segment of several");
  if (!TensorProto::DataType_IsValid(tensor.data_type()))
    refuse_unsupported(fmt::format("its element type, {}, is not known", tensor.data_type()));
  constant.type = static_cast<DataType>(tensor.data_type());
  switch (constant.type) {
  case TensorProto::FLOAT:
    constant.reals =
        read_values<float, double>(tensor, elements, tensor.float_data(), [](float value) { return double{value}; });
    break;
  case TensorProto::DOUBLE:
    constant.reals =
        read_values<double, double>(tensor, elements, tensor.double_data(), [](double value) { return value; });
    break;
  case TensorProto::FLOAT16:
    constant.reals = read_values<uint16_t, double>(tensor, elements, tensor.int32_data(), from_float16);
    break;
  case TensorProto::BFLOAT16:
    constant.reals = read_values<uint16_t, double>(tensor, elements, tensor.int32_data(), from_bfloat16);
    break;
  case TensorProto::UINT8:
  case TensorProto::BOOL:
    constant.integers = read_integers<uint8_t>(tensor, elements, tensor.int32_data());
    break;
  case TensorProto::INT8:
    constant.integers = read_integers<int8_t>(tensor, elements, tensor.int32_data());
    break;
  case TensorProto::UINT16:
    constant.integers = read_integers<uint16_t>(tensor, elements, tensor.int32_data());
    break;
  case TensorProto::INT16:
    constant.integers = read_integers<int16_t>(tensor, elements, tensor.int32_data());
    break;
  case TensorProto::INT32:
    constant.integers = read_integers<int32_t>(tensor, elements, tensor.int32_data());
    break;
  case TensorProto::INT64:
    constant.integers = read_integers<int64_t>(tensor, elements, tensor.int64_data());
    break;
  case TensorProto::UINT32:
    constant.integers = read_integers<uint32_t>(tensor, elements, tensor.uint64_data());
    break;
  case TensorProto::UINT64:
    constant.integers = read_values<uint64_t, int64_t>(tensor, elements, tensor.uint64_data(), checked_unsigned);
    break;
  case TensorProto::UNDEFINED:
    refuse_invalid("it states no element type");
  case TensorProto::STRING:
  case TensorProto::COMPLEX64:
  case TensorProto::COMPLEX128:
    refuse_unsupported(fmt::format("it holds {} values, not numbers", name_of(constant.type)));
  }
  return constant;
}

} // namespace kiln::frontend::onnx
