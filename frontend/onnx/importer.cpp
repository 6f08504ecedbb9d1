// ONNX model -> IR: initialisers and inputs, then nodes in their order, then outputs.
// Knows no op but through the list in ops.def.
#include "frontend/onnx/importer.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "frontend/onnx/import_error.h"
#include "frontend/onnx/node_import.h"
#include "frontend/suggest.h"

namespace kiln::frontend::onnx {
namespace {

using proto::TensorProto;

const OpEntry* find_op(std::string_view type) {
  for (const OpEntry& entry : known_ops())
    if (entry.type == type) return &entry;
  return nullptr;
}

bool is_default_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

class GraphImport {
public:
  GraphImport(const proto::ModelProto& model, const std::string& file, const ImportOptions& options,
              Diagnostics& diagnostics)
      : model_(model), graph_(model.graph()), file_(file), options_(options), diagnostics_(diagnostics),
        module_(std::make_unique<ir::Module>(module_name())), values_(module_->add_function("predict")) {}

  ImportedModel run() {
    ImportedModel result;
    if (!read_opset()) return result;
    add_initializers();
    add_inputs(result.inputs);
    for (const auto& [name, constant] : options_.bindings)
      if (!bound_.contains(name)) error("", "", ErrorKind::usage, fmt::format("it has no input \"{}\" to bind", name));
    add_nodes();
    add_outputs(result.outputs);
    if (failed_) return {};
    values_.function().sweep();
    module_->sweep_states();
    result.module = std::move(module_);
    return result;
  }

private:
  // Quotes would end the name in IR text.
  std::string module_name() const { return graph_.name().empty() ? "onnx" : ir_name(graph_.name()); }

  // An error about the node or value `subject`.
  void error(const std::string& subject, const std::string& kind_of_subject, ErrorKind kind, std::string message,
             std::string hint = {}) {
    failed_ = true;
    Diagnostic diagnostic;
    diagnostic.kind = kind;
    diagnostic.place.file = file_;
    diagnostic.layer = subject;
    diagnostic.layer_kind = kind_of_subject;
    diagnostic.message = std::move(message);
    diagnostic.hint = std::move(hint);
    diagnostics_.add(std::move(diagnostic));
  }

  bool read_opset() {
    for (const proto::OperatorSetIdProto& set : model_.opset_import())
      if (is_default_domain(set.domain())) opset_ = std::max(opset_, set.version());
    if (opset_ < 1)
      error("", "", ErrorKind::model, "states no version of ONNX's own ops (opset_import)");
    else if (opset_ > kNewestOpset)
      error("", "", ErrorKind::unsupported,
            fmt::format("uses opset {}; the newest that Kiln knows is {}", opset_, kNewestOpset),
            fmt::format("export it for opset {} or lower", kNewestOpset));
    return !failed_;
  }

  // Adds what `make` gives; tells what is wrong with it otherwise, and goes on with a value of which nothing is known.
  template <class Make> void add_value(const std::string& name, const std::string& kind_of_value, Make make) {
    try {
      if (name.empty()) refuse_invalid("it has no name");
      values_.add(make());
    } catch (const ImportError& refusal) {
      error(name, kind_of_value, refusal.kind, refusal.what(), refusal.hint);
      add_failed(name);
    }
  }

  void add_failed(const std::string& name) {
    if (name.empty() || values_.find(name) != nullptr) return;
    GraphValue value;
    value.name = name;
    value.failed = true;
    values_.add(std::move(value));
  }

  void add_initializers() {
    for (const TensorProto& tensor : graph_.initializer()) {
      if (options_.bindings.contains(tensor.name())) continue; // a default that is not used
      add_value(tensor.name(), "initializer", [&] {
        GraphValue value;
        value.name = tensor.name();
        value.constant = read_constant(tensor);
        value.type = value.constant->type;
        value.dims = value.constant->dims;
        value.role = ir::StateRole::parameter;
        return value;
      });
    }
    for (const proto::SparseTensorProto& tensor : graph_.sparse_initializer())
      add_value(tensor.values().name(), "initializer",
                []() -> GraphValue { refuse_unsupported("it is a sparse tensor"); });
  }

  void add_inputs(std::vector<Port>& ports) {
    std::set<std::string> seen;
    for (const proto::ValueInfoProto& input : graph_.input()) {
      const std::string& name = input.name();
      const auto binding = options_.bindings.find(name);
      bound_.insert(name);
      const bool repeated = !seen.insert(name).second;
      // Up to IR version 3 every initialiser is listed among the inputs too.
      const bool is_default = !repeated && values_.find(name) != nullptr && binding == options_.bindings.end();
      if (is_default) continue;
      add_value(name, "input", [&] {
        if (repeated || values_.find(name) != nullptr) refuse_invalid("its name is given to two values");
        GraphValue value;
        value.name = name;
        if (binding != options_.bindings.end()) {
          value.constant = binding->second;
          value.type = value.constant->type;
          value.dims = value.constant->dims;
          return value;
        }
        value.type = type_of(input);
        value.dims = dims_of(input);
        const ir::DType dtype = input_dtype(value.type);
        const std::string own = values_.function().unique_name(ir_name(name));
        value.tensor = &values_.function().add_input(own, {dtype, ir_dims(value.dims), {}});
        ports.push_back({name, own, value.type, value.dims});
        return value;
      });
    }
  }

  static DataType type_of(const proto::ValueInfoProto& input) {
    if (!input.type().has_tensor_type()) refuse_unsupported("it is no tensor");
    const int32_t type = input.type().tensor_type().elem_type();
    if (!TensorProto::DataType_IsValid(type)) refuse_unsupported(fmt::format("its type, {}, is not known", type));
    return static_cast<DataType>(type);
  }

  static ir::DType input_dtype(DataType type) {
    if (is_floating(type)) return ir::DType::f32;
    if (type == TensorProto::INT32 || type == TensorProto::INT64) return ir::DType::i32;
    if (type == TensorProto::UINT8) return ir::DType::u8;
    refuse_unsupported(fmt::format("it is {}: inputs are floating-point, int32, int64 or uint8", name_of(type)));
  }

  ir::Dims dims_of(const proto::ValueInfoProto& input) const {
    const proto::TypeProto::Tensor& type = input.type().tensor_type();
    if (!type.has_shape()) refuse_unsupported("it states no shape", "shapes must be known: export it with fixed sizes");
    ir::Dims dims;
    for (const auto& dim : type.shape().dim()) {
      int64_t size = dim.dim_value();
      if (dim.value_case() != proto::TensorShapeProto::Dimension::kDimValue) {
        const auto given = options_.dims.find(dim.dim_param());
        if (given == options_.dims.end())
          refuse_unsupported(dim.dim_param().empty() ? fmt::format("the size of its dim {} is left open", dims.size())
                                                     : fmt::format("the size of its dim {} is left open, as \"{}\"",
                                                                   dims.size(), dim.dim_param()),
                             "give that dim a size");
        size = given->second;
      }
      if (size < 1) refuse_invalid(fmt::format("its dim {} is {}: it must be at least 1", dims.size(), size));
      dims.push_back(size);
    }
    count_elements(dims);
    return dims;
  }

  void add_nodes() {
    for (const proto::NodeProto& node : graph_.node())
      for (const std::string& output : node.output()) later_.emplace(output, node.op_type());
    for (const proto::NodeProto& node : graph_.node()) {
      NodeResult result = import(node);
      if (result == NodeResult::done) continue;
      failed_ = true;
      for (const std::string& output : node.output()) add_failed(output);
    }
  }

  enum class NodeResult { done, failed };

  NodeResult import(const proto::NodeProto& node) {
    const std::string name = node.name().empty() && node.output_size() > 0 ? node.output(0) : node.name();
    try {
      const auto [entry, version] = entry_for(node);
      if (!inputs_are_known(node)) return NodeResult::failed;
      NodeImport import(node, version, values_);
      entry->import(import);
      const std::vector<std::string> unread = import.unread_attributes();
      if (!unread.empty())
        refuse_unsupported(
            fmt::format("its attribute {} is not one of {}-{}", fmt::join(unread, ", "), entry->type, version));
      for (size_t i = 0; i < import.output_count(); ++i)
        if (import.has_output(i) && values_.find(node.output(static_cast<int>(i))) == nullptr)
          import.output_missing(i, fmt::format("output {} of {}", i, entry->type));
      return NodeResult::done;
    } catch (const ImportError& refusal) {
      error(name, node.op_type(), refusal.kind, refusal.what(), refusal.hint);
    } catch (const ir::TypeError& refusal) {
      // Importers check in ONNX's words all they know of; what the IR refuses beyond that is told in its own.
      error(name, node.op_type(), ErrorKind::unsupported, refusal.what());
    }
    return NodeResult::failed;
  }

  struct Versioned {
    const OpEntry* entry;
    int64_t version;
  };

  Versioned entry_for(const proto::NodeProto& node) const {
    if (!is_default_domain(node.domain()))
      refuse_unsupported(fmt::format("it is an op of \"{}\", not of ONNX itself", node.domain()));
    const OpEntry* entry = find_op(node.op_type());
    if (entry == nullptr) {
      refuse_unsupported(fmt::format("Kiln cannot import {}", node.op_type()));
    }
    int64_t version = 0;
    for (int64_t candidate : entry->versions)
      if (candidate <= opset_) version = candidate;
    if (version == 0)
      refuse_unsupported(fmt::format("opset {} is older than {}-{}, the oldest that Kiln knows", opset_, entry->type,
                                     entry->versions.front()));
    return {entry, version};
  }

  // Tells what nothing defines. False, too, where something has been told already.
  bool inputs_are_known(const proto::NodeProto& node) {
    bool known = true;
    for (const std::string& input : node.input()) {
      if (input.empty()) continue;
      const GraphValue* value = values_.find(input);
      if (value == nullptr) {
        const auto later = later_.find(input);
        if (later == later_.end()) refuse_invalid(fmt::format("it reads \"{}\", which nothing defines", input));
        refuse_invalid(fmt::format("it reads \"{}\", which a later node ({}) makes", input, later->second),
                       "nodes must stand in an order in which they can be computed, and no node can need itself");
      }
      known = known && !value->failed;
      if (!value->missing.empty())
        refuse_unsupported(fmt::format("it reads \"{}\", {}, which Kiln does not compute", input, value->missing));
    }
    return known;
  }

  void add_outputs(std::vector<Port>& ports) {
    if (graph_.output().empty()) error("", "", ErrorKind::model, "its graph has no output");
    std::set<std::string> names;
    for (const proto::ValueInfoProto& output : graph_.output()) {
      try {
        GraphValue* value = values_.find(output.name());
        if (value == nullptr) refuse_invalid("nothing defines it");
        if (value->failed) continue;
        if (!value->missing.empty())
          refuse_unsupported(fmt::format("it is {}, which Kiln does not compute", value->missing));
        check_type(output, *value);
        if (value->tensor == nullptr && !is_floating(value->type))
          refuse_unsupported(fmt::format("it is a constant of type {}", name_of(value->type)));
        std::string own = ir_name(output.name());
        for (int suffix = 1; !names.insert(own).second; ++suffix)
          own = fmt::format("{}.{}", ir_name(output.name()), suffix);
        values_.function().outputs.push_back({own, &values_.tensor_of(*value)});
        ports.push_back({output.name(), own, value->type, value->dims});
      } catch (const ImportError& refusal) {
        error(output.name(), "output", refusal.kind, refusal.what(), refusal.hint);
      }
    }
  }

  // What the model states of an output must be what its nodes give.
  static void check_type(const proto::ValueInfoProto& output, const GraphValue& value) {
    if (!output.type().has_tensor_type() || !output.type().tensor_type().has_shape()) return;
    ir::Dims stated;
    bool agrees = true;
    for (const auto& dim : output.type().tensor_type().shape().dim()) {
      const bool is_open = dim.value_case() != proto::TensorShapeProto::Dimension::kDimValue;
      const size_t i = stated.size();
      stated.push_back(is_open ? -1 : dim.dim_value());
      agrees = agrees && i < value.dims.size() && (is_open || value.dims[i] == stated[i]);
    }
    if (!agrees || stated.size() != value.dims.size())
      refuse_invalid(fmt::format("the model states the shape [{}] (-1: open), its nodes give [{}]",
                                 fmt::join(stated, ","), fmt::join(value.dims, ",")));
  }

  const proto::ModelProto& model_;
  const proto::GraphProto& graph_;
  const std::string& file_;
  const ImportOptions& options_;
  Diagnostics& diagnostics_;
  std::unique_ptr<ir::Module> module_;
  GraphValues values_;
  int64_t opset_ = 0;
  bool failed_ = false;
  std::set<std::string> bound_;              // names of inputs, to which values can be bound
  std::map<std::string, std::string> later_; // op of the node that makes a value, for all values
};

} // namespace

ImportedModel import_model(const proto::ModelProto& model, const std::string& file, const ImportOptions& options,
                           Diagnostics& diagnostics) {
  return GraphImport(model, file, options, diagnostics).run();
}

} // namespace kiln::frontend::onnx
