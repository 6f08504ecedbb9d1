// What the importer of one ONNX op works with.
// Reads inputs and attributes by the types that the op asks for, makes nodes, and expands the list of ops.
#include "frontend/onnx/node_import.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ir/ops/multiply.h"
#include "ir/ops/reshape.h"

namespace kiln::frontend::onnx {

using proto::AttributeProto;
using proto::TensorProto;

namespace {

std::string name_of_node(const proto::NodeProto& node) {
  if (!node.name().empty()) return ir_name(node.name());
  for (const std::string& output : node.output())
    if (!output.empty()) return ir_name(output);
  return ir_name(node.op_type());
}

} // namespace

NodeImport::NodeImport(const proto::NodeProto& node, int64_t op_version, GraphValues& values)
    : version(op_version), node_(node), values_(values), name_(name_of_node(node)) {
  for (const std::string& input : node.input()) inputs_.push_back(input.empty() ? nullptr : values.find(input));
  ignore("consumed_inputs"); // of the first versions: which inputs an implementation may overwrite
}

void NodeImport::expect_inputs(size_t least, size_t most) const {
  if (inputs_.size() > most)
    refuse_invalid(fmt::format("it has {} inputs, {} takes {}", inputs_.size(), op_type(), most));
  for (size_t i = 0; i < least; ++i)
    if (!has_input(i)) refuse_invalid(fmt::format("it has no input {}, {} needs {}", i, op_type(), least));
}

GraphValue& NodeImport::value(size_t i) const {
  if (!has_input(i)) refuse_invalid(fmt::format("its input {} is left out", i));
  return *inputs_[i];
}

ir::Value& NodeImport::input(size_t i) {
  GraphValue& given = value(i);
  if (!is_floating(given.type))
    refuse_unsupported(
        fmt::format("its input \"{}\" is {}: Kiln computes in f32", given.name, type_text(given.type, given.dims)));
  return values_.tensor_of(given);
}

ir::Value& NodeImport::statistic(size_t i) {
  GraphValue& given = value(i);
  if (given.tensor == nullptr) given.role = ir::StateRole::statistic;
  return input(i);
}

ir::Value& NodeImport::labels(size_t i) {
  GraphValue& given = value(i);
  if (given.tensor == nullptr)
    refuse_unsupported(fmt::format("its labels \"{}\" are a constant", given.name), "make them an input of the graph");
  if (given.tensor->type.dtype != ir::DType::i32)
    refuse_invalid(fmt::format("its labels \"{}\" are {}, expected int32 or int64", given.name,
                               type_text(given.type, given.dims)));
  return *given.tensor;
}

const Constant& NodeImport::constant(size_t i, std::string_view what) const {
  GraphValue& given = value(i);
  if (!given.constant)
    refuse_unsupported(fmt::format("its {}, \"{}\", is not known when the model is compiled", what, given.name),
                       "make it an initialiser, or bind the input to a value");
  return *given.constant;
}

std::vector<int64_t> NodeImport::integers(size_t i, std::string_view what) const {
  const Constant& known = constant(i, what);
  if (!is_integer(known.type))
    refuse_invalid(fmt::format("its {} is {}, expected integers", what, type_text(known.type, known.dims)));
  return known.integers;
}

double NodeImport::number(size_t i, std::string_view what) const {
  const Constant& known = constant(i, what);
  if (known.elements() != 1)
    refuse_invalid(fmt::format("its {} is {}, expected one number", what, type_text(known.type, known.dims)));
  return known.numbers().front();
}

bool NodeImport::has_attribute(std::string_view attribute) const {
  return std::any_of(node_.attribute().begin(), node_.attribute().end(),
                     [&](const AttributeProto& candidate) { return candidate.name() == attribute; });
}

const AttributeProto* NodeImport::attribute(std::string_view name, AttributeProto::AttributeType type) {
  read_.emplace(name);
  for (const AttributeProto& candidate : node_.attribute()) {
    if (candidate.name() != name) continue;
    // Files of the first versions state no type.
    if (candidate.has_type() && candidate.type() != type)
      refuse_invalid(fmt::format("its attribute {} is {}, expected {}", name,
                                 AttributeProto::AttributeType_Name(candidate.type()),
                                 AttributeProto::AttributeType_Name(type)));
    return &candidate;
  }
  return nullptr;
}

int64_t NodeImport::integer(std::string_view name, int64_t fallback) {
  const AttributeProto* found = attribute(name, AttributeProto::INT);
  return found != nullptr ? found->i() : fallback;
}

double NodeImport::real(std::string_view name, double fallback) {
  const AttributeProto* found = attribute(name, AttributeProto::FLOAT);
  return found != nullptr ? double{found->f()} : fallback;
}

std::string NodeImport::text(std::string_view name, std::string_view fallback) {
  const AttributeProto* found = attribute(name, AttributeProto::STRING);
  return found != nullptr ? found->s() : std::string(fallback);
}

std::optional<std::vector<int64_t>> NodeImport::integers(std::string_view name) {
  const AttributeProto* found = attribute(name, AttributeProto::INTS);
  if (found == nullptr) return std::nullopt;
  return std::vector<int64_t>(found->ints().begin(), found->ints().end());
}

std::optional<std::vector<double>> NodeImport::reals(std::string_view name) {
  const AttributeProto* found = attribute(name, AttributeProto::FLOATS);
  if (found == nullptr) return std::nullopt;
  return std::vector<double>(found->floats().begin(), found->floats().end());
}

const TensorProto* NodeImport::tensor(std::string_view name) {
  const AttributeProto* found = attribute(name, AttributeProto::TENSOR);
  return found != nullptr ? &found->t() : nullptr;
}

std::vector<std::string> NodeImport::unread_attributes() const {
  std::vector<std::string> names;
  for (const AttributeProto& candidate : node_.attribute())
    if (!read_.contains(candidate.name())) names.push_back(candidate.name());
  return names;
}

ir::Node& NodeImport::create_node(const ir::OpInfo& op, ir::Attributes attributes, std::vector<ir::Value*> operands,
                                  std::string_view role) {
  const std::string stem = fmt::format("{}.{}", name_, role.empty() ? op.name : role);
  ir::Node& node = values_.function().create(op, std::move(attributes), std::move(operands), stem);
  node.layer = name_;
  for (size_t i = 0; i < node.result_count(); ++i) made_.insert(&node.result(i));
  return node;
}

ir::Value& NodeImport::reshape(ir::Value& tensor, const ir::Dims& dims) {
  if (tensor.type.dims == dims) return tensor;
  return create<ir::Reshape>({.dims = dims}, {&tensor});
}

ir::Value& NodeImport::scale(ir::Value& tensor, double factor) {
  if (factor == 1) return tensor;
  return create<ir::Multiply>({}, {&tensor, &constant_tensor({1}, {factor}, "factor")});
}

ir::Value& NodeImport::constant_tensor(ir::Dims dims, std::vector<double> data, std::string_view role) {
  return values_.constant_tensor(fmt::format("{}.{}", name_, role),
                                 {TensorProto::FLOAT, std::move(dims), std::move(data), {}}, ir::StateRole::constant);
}

GraphValue* NodeImport::add_output(size_t i, DataType type, ir::Dims dims) {
  if (!has_output(i)) return nullptr;
  GraphValue made;
  made.name = node_.output(static_cast<int>(i));
  made.type = type;
  made.dims = std::move(dims);
  return &values_.add(std::move(made));
}

void NodeImport::output(size_t i, ir::Value& result, ir::Dims dims) {
  const DataType type = result.type.dtype == ir::DType::f32   ? TensorProto::FLOAT
                        : result.type.dtype == ir::DType::i32 ? TensorProto::INT32
                                                              : TensorProto::UINT8;
  GraphValue* made = add_output(i, type, std::move(dims));
  if (made == nullptr) return;
  made->tensor = &result;
  if (made_.erase(&result) != 0) result.name = values_.function().unique_name(ir_name(made->name));
}

void NodeImport::output(size_t i, Constant constant) {
  GraphValue* made = add_output(i, constant.type, constant.dims);
  if (made != nullptr) made->constant = std::move(constant);
}

void NodeImport::output_alias(ir::Dims dims) {
  GraphValue& given = value(0);
  if (given.constant) {
    Constant constant = *given.constant;
    constant.dims = std::move(dims);
    output(0, std::move(constant));
    return;
  }
  ir::Value& result = reshape(*given.tensor, ir_dims(dims));
  GraphValue* made = add_output(0, given.type, std::move(dims));
  if (made == nullptr) return;
  made->tensor = &result;
  if (made_.erase(&result) != 0) result.name = values_.function().unique_name(ir_name(made->name));
}

void NodeImport::output_missing(size_t i, std::string reason) {
  GraphValue* made = add_output(i, TensorProto::UNDEFINED, {});
  if (made != nullptr) made->missing = std::move(reason);
}

namespace {

template <int64_t... versions> constexpr std::array<int64_t, sizeof...(versions)> kVersions = {versions...};

constexpr OpEntry kOps[] = {
#define ONNX_OP(type, function, ...) {#type, function, kVersions<__VA_ARGS__>},
#include "frontend/onnx/ops.def"
#undef ONNX_OP
};

} // namespace

std::span<const OpEntry> known_ops() { return kOps; }

} // namespace kiln::frontend::onnx
