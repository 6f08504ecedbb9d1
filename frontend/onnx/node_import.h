// What the importer of one ONNX op works with, and the list of those importers.
// An importer reads the node's inputs and attributes, makes nodes of the IR and states the outputs; what it refuses, it
// throws (import_error.h). Attributes that it does not ask for are refused by whoever called it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/onnx/graph_values.h"
#include "frontend/onnx/import_error.h"
#include "ir/op.h"

namespace kiln::frontend::onnx {

class NodeImport {
public:
  // `version` is the one of the op that the model's opset means.
  NodeImport(const proto::NodeProto& node, int64_t version, GraphValues& values);

  const int64_t version;
  std::string_view op_type() const { return node_.op_type(); }
  const std::string& name() const { return name_; } // of the node, as the IR has it

  // Inputs, by position. One that is not given, or has an empty name, is left out.
  void expect_inputs(size_t least, size_t most) const;
  size_t input_count() const { return inputs_.size(); }
  bool has_input(size_t i) const { return i < inputs_.size() && inputs_[i] != nullptr; }
  const ir::Dims& dims(size_t i = 0) const { return value(i).dims; } // as ONNX states them: empty for a scalar
  int64_t rank(size_t i = 0) const { return static_cast<int64_t>(dims(i).size()); }
  DataType type(size_t i = 0) const { return value(i).type; }
  bool is_known(size_t i) const { return value(i).constant.has_value(); }
  // A floating-point input as a tensor of the IR, where a scalar is [1].
  ir::Value& input(size_t i = 0);
  // The same for per-channel statistics, which no optimiser may touch.
  ir::Value& statistic(size_t i);
  // Labels: int32 or int64, i32 in the IR.
  ir::Value& labels(size_t i);
  // An input whose value decides what is built, and so must be known now. `what` is its name in the op's definition.
  const Constant& constant(size_t i, std::string_view what) const;
  std::vector<int64_t> integers(size_t i, std::string_view what) const;
  double number(size_t i, std::string_view what) const; // of one element

  // Attributes, by name.
  bool has_attribute(std::string_view attribute) const;
  int64_t integer(std::string_view attribute, int64_t fallback);
  double real(std::string_view attribute, double fallback);
  std::string text(std::string_view attribute, std::string_view fallback);
  std::optional<std::vector<int64_t>> integers(std::string_view attribute);
  std::optional<std::vector<double>> reals(std::string_view attribute);
  const proto::TensorProto* tensor(std::string_view attribute);
  void ignore(std::string_view attribute) { read_.emplace(attribute); } // it says nothing about results
  // Names of attributes that nobody asked for.
  std::vector<std::string> unread_attributes() const;

  // A node of the IR. The one whose result becomes an output takes that output's name.
  template <class Op>
  ir::Value& create(typename Op::Attributes attributes, std::vector<ir::Value*> operands, std::string_view role = {}) {
    return create_node(ir::info<Op>(), ir::Attributes::of(std::move(attributes)), std::move(operands), role).result();
  }
  template <class Op> ir::Node& create_node(typename Op::Attributes attributes, std::vector<ir::Value*> operands,
                                            std::string_view role = {}) {
    return create_node(ir::info<Op>(), ir::Attributes::of(std::move(attributes)), std::move(operands), role);
  }
  // `value` itself where it has these dims.
  ir::Value& reshape(ir::Value& value, const ir::Dims& dims);
  // `value` times a factor; `value` itself where that is 1.
  ir::Value& scale(ir::Value& value, double factor);
  // A tensor with known values that are no input.
  ir::Value& constant_tensor(ir::Dims dims, std::vector<double> data, std::string_view role);

  // Outputs. Each one that the node names and no importer states is unknown to those that read it.
  size_t output_count() const { return static_cast<size_t>(node_.output_size()); }
  bool has_output(size_t i) const { return i < output_count() && !node_.output(static_cast<int>(i)).empty(); }
  void output(size_t i, ir::Value& tensor, ir::Dims dims);
  void output(ir::Value& tensor) { output(0, tensor, tensor.type.dims); } // dims are those of the IR
  void output(size_t i, Constant constant);
  // Gives the first output the first input's value under other dims.
  void output_alias(ir::Dims dims);
  // Why an output is not computed.
  void output_missing(size_t i, std::string reason);

private:
  GraphValue& value(size_t i) const;
  const proto::AttributeProto* attribute(std::string_view name, proto::AttributeProto::AttributeType type);
  ir::Node& create_node(const ir::OpInfo& op, ir::Attributes attributes, std::vector<ir::Value*> operands,
                        std::string_view role);
  GraphValue* add_output(size_t i, DataType type, ir::Dims dims);

  const proto::NodeProto& node_;
  GraphValues& values_;
  std::string name_;
  std::vector<GraphValue*> inputs_;
  std::set<std::string, std::less<>> read_;
  std::set<const ir::Value*> made_; // results of this node's nodes that are no output yet
};

// An op of ONNX that can be imported.
struct OpEntry {
  std::string_view type;
  void (*import)(NodeImport&);
  std::span<const int64_t> versions; // those whose meanings it knows, ascending
};

// All of ops.def. The newest opset whose changes to these ops are known.
std::span<const OpEntry> known_ops();
inline constexpr int64_t kNewestOpset = 21;

#define ONNX_OP(type, function, ...) void function(NodeImport& node);
#include "frontend/onnx/ops.def"
#undef ONNX_OP

} // namespace kiln::frontend::onnx
