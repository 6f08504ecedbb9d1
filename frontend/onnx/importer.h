// ONNX model -> IR: its graph as the function `predict`.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "frontend/diagnostics.h"
#include "frontend/onnx/constant.h"
#include "frontend/proto/onnx.pb.h"
#include "ir/graph.h"

namespace kiln::frontend::onnx {

struct ImportOptions {
  // Inputs of the graph that become constants: shapes, axes and the like, which must be known when code is made.
  std::map<std::string, Constant> bindings;
  // Sizes of symbolic dims, by their name ("batch": 1).
  std::map<std::string, int64_t> dims;
};

// An input or output of the graph and its name in the IR, which has no dimensionless tensors: there a scalar is [1].
struct Port {
  std::string name;
  std::string ir_name;
  DataType type = proto::TensorProto::FLOAT;
  ir::Dims dims;
};

struct ImportedModel {
  std::unique_ptr<ir::Module> module;
  std::vector<Port> inputs; // those that are not bound
  std::vector<Port> outputs;
};

// Initialisers become states: parameters, and statistics where batch norm reads them, with their values; inputs and
// outputs are those of the graph, in its order. Floating-point tensors of every width are f32, labels are i32.
//
// Without a module when anything is wrong. Everything that is wrong, and everything that Kiln cannot import, is in
// `diagnostics`, but for nodes that depend on a node that is told. `file` is what they say.
ImportedModel import_model(const proto::ModelProto& model, const std::string& file, const ImportOptions& options,
                           Diagnostics& diagnostics);

} // namespace kiln::frontend::onnx
