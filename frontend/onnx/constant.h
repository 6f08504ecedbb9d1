// A tensor whose values are known when a model is imported: an initialiser, a constant, a bound input.
// Held as wide as its type asks, since shapes and axes are such tensors too.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/proto/onnx.pb.h"
#include "ir/type.h"

namespace kiln::frontend::onnx {

using DataType = proto::TensorProto::DataType;

struct Constant {
  DataType type = proto::TensorProto::FLOAT;
  ir::Dims dims;                 // empty: a scalar
  std::vector<double> reals;     // of floating-point types, row-major
  std::vector<int64_t> integers; // of integer types and bool

  int64_t elements() const;
  // Values as doubles, whatever the type.
  std::vector<double> numbers() const;

  static Constant of_integers(ir::Dims dims, std::vector<int64_t> values);
};

// float, double, float16 and bfloat16: all are f32 in the IR.
bool is_floating(DataType type);
// Types that Constant holds in `integers`.
bool is_integer(DataType type);
// As ONNX writes it: "float", "int64".
std::string name_of(int32_t type);
// "float[2,3]"; "float[]" for a scalar.
std::string type_text(int32_t type, const ir::Dims& dims);

// The number of elements; throws ImportError for a negative dim or more elements than anything here can hold.
int64_t count_elements(const ir::Dims& dims);

// Throws ImportError: dims and data do not agree, an element type that is not known, data in another file.
Constant read_constant(const proto::TensorProto& tensor);

} // namespace kiln::frontend::onnx
