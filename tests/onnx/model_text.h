// ONNX graphs for tests, in protobuf's text form.
#pragma once

#include "frontend/onnx/importer.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace kiln::test {

namespace onnx = frontend::onnx;

inline onnx::proto::ModelProto model_of(const std::string& graph, int64_t opset = 13) {
  onnx::proto::ModelProto model;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(graph, model.mutable_graph())) << graph;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(opset);
  return model;
}

// An input or output ("input", "output") with dims as protobuf has them: "dim_value: 3", "dim_param: 'batch'".
inline std::string value(const std::string& kind, const std::string& name, const std::vector<std::string>& dims,
                         int type = 1) {
  std::string text =
      kind + " { name: '" + name + "' type { tensor_type { elem_type: " + std::to_string(type) + " shape {";
  for (const std::string& dim : dims) text += " dim { " + dim + " }";
  return text + " } } } }\n";
}

inline std::string sized(const std::string& kind, const std::string& name, const std::vector<int64_t>& sizes,
                         int type = 1) {
  std::vector<std::string> dims;
  for (int64_t size : sizes) dims.push_back("dim_value: " + std::to_string(size));
  return value(kind, name, dims, type);
}

// An initialiser of floats 0, 1, 2, ...
inline std::string floats(const std::string& name, const std::vector<int64_t>& dims) {
  std::string text = "initializer { name: '" + name + "' data_type: 1";
  int64_t elements = 1;
  for (int64_t dim : dims) {
    text += " dims: " + std::to_string(dim);
    elements *= dim;
  }
  for (int64_t i = 0; i < elements; ++i) text += " float_data: " + std::to_string(i);
  return text + " }\n";
}

inline std::string one_float(const std::string& name, double value) {
  return "initializer { name: '" + name + "' data_type: 1 float_data: " + std::to_string(value) + " }\n";
}

// An initialiser of one dim.
inline std::string integers(const std::string& name, const std::vector<int64_t>& values) {
  std::string text = "initializer { name: '" + name + "' data_type: 7 dims: " + std::to_string(values.size());
  for (int64_t value : values) text += " int64_data: " + std::to_string(value);
  return text + " }\n";
}

inline std::string node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::string& rest = {}) {
  std::string text = "node { op_type: '" + op + "'";
  for (const std::string& input : inputs) text += " input: '" + input + "'";
  for (const std::string& output : outputs) text += " output: '" + output + "'";
  return text + " " + rest + " }\n";
}

inline std::string ints(const std::string& name, const std::vector<int64_t>& values) {
  std::string text = "attribute { name: '" + name + "' type: INTS";
  for (int64_t value : values) text += " ints: " + std::to_string(value);
  return text + " }";
}

inline std::string one_int(const std::string& name, int64_t value) {
  return "attribute { name: '" + name + "' type: INT i: " + std::to_string(value) + " }";
}

inline std::string real(const std::string& name, double value) {
  return "attribute { name: '" + name + "' type: FLOAT f: " + std::to_string(value) + " }";
}

inline std::string text(const std::string& name, const std::string& value) {
  return "attribute { name: '" + name + "' type: STRING s: '" + value + "' }";
}

} // namespace kiln::test
