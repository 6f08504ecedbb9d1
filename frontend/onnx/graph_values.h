// What the names of an ONNX graph stand for while its nodes are imported one after the other.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "frontend/onnx/constant.h"
#include "ir/graph.h"

namespace kiln::frontend::onnx {

struct GraphValue {
  std::string name;
  DataType type = proto::TensorProto::FLOAT;
  ir::Dims dims; // as ONNX states them: empty for a scalar, which the IR holds as [1]

  // One of these. A constant becomes a state of the module when a node asks for it as a tensor.
  std::optional<Constant> constant;
  ir::Value* tensor = nullptr;
  std::string missing; // why nothing computes it, told to whoever reads it
  bool failed = false; // what should have made it was refused, and that has been told

  ir::StateRole role = ir::StateRole::constant; // of the state that a constant becomes
};

class GraphValues {
public:
  explicit GraphValues(ir::Function& function) : function_(function) {}

  ir::Function& function() const { return function_; }

  // Throws ImportError when the name is taken.
  GraphValue& add(GraphValue value);
  GraphValue* find(const std::string& name);
  // As the IR holds it; a constant becomes a state now. Floating-point or in the function's inputs.
  ir::Value& tensor_of(GraphValue& value);
  // A constant tensor that no name of the graph stands for.
  ir::Value& constant_tensor(std::string_view stem, const Constant& constant, ir::StateRole role);

private:
  ir::Function& function_;
  std::map<std::string, GraphValue> values_;
};

// Dims as the IR has them: a scalar is [1].
ir::Dims ir_dims(const ir::Dims& dims);
// A name as IR text can hold it: what is neither letter, digit nor one of _.-/ becomes _.
std::string ir_name(std::string_view name);

} // namespace kiln::frontend::onnx
