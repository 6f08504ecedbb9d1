// What the importer of one kind of layer works with.
// Checks shared by several kinds, and the making of nodes and parameters.
#include "frontend/import/layer_import.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "frontend/suggest.h"
#include "ir/ops/bias.h"
#include "ir/ops/reshape.h"
#include "runtime/counter_random.h"

namespace kiln::frontend {
namespace {

constexpr int64_t kMostElements = int64_t{1} << 38; // a terabyte of floats
constexpr int64_t kLargestSize = int64_t{1} << 30;  // of a kernel, a stride, a padding

} // namespace

bool LayerImport::ready() const {
  return !report.failed() && std::find(inputs_.begin(), inputs_.end(), nullptr) == inputs_.end();
}

ir::Value& LayerImport::create(const ir::OpInfo& op, ir::Attributes attributes, std::vector<ir::Value*> operands,
                               std::string_view role) {
  std::string result = role.empty() ? name : fmt::format("{}.{}", name, role);
  ir::Node& node = function_.create(op, std::move(attributes), std::move(operands), result);
  node.layer = name;
  return node.result();
}

ir::Node& LayerImport::create_node(const ir::OpInfo& op, ir::Attributes attributes, std::vector<ir::Value*> operands) {
  ir::Node& node = function_.create(op, std::move(attributes), std::move(operands), name);
  node.layer = name;
  return node;
}

ir::State& LayerImport::parameter(std::string_view role, ir::Dims dims, const ir::Initializer& initializer) {
  return state(role, ir::StateRole::parameter, std::move(dims), initializer);
}

ir::State& LayerImport::statistic(std::string_view role, ir::Dims dims, double value) {
  return state(role, ir::StateRole::statistic, std::move(dims), {ir::InitializerKind::constant, value, 0});
}

ir::State& LayerImport::state(std::string_view role, ir::StateRole kind, ir::Dims dims,
                              const ir::Initializer& initializer) {
  std::string full_name = fmt::format("{}.{}", name, role);
  roles_.emplace_back(role);
  ir::Module& module = function_.module();
  ir::State* state = shared_state(role, dims);
  if (state == nullptr) state = module.find_state(full_name);
  if (state == nullptr) {
    state = &module.add_state(full_name, {ir::DType::f32, std::move(dims), {}}, kind, initializer);
    state->stream = stream(role);
  }
  if (states != nullptr) (*states)[full_name] = state;
  return *state;
}

// Null when the layer has a parameter of its own, or the other one's will not do, which is told.
ir::State* LayerImport::shared_state(std::string_view role, const ir::Dims& dims) {
  for (SharedState& each : shared) {
    if ((!each.role.empty() && each.role != role) || each.is_told) continue;
    auto found = states->find(fmt::format("{}.{}", each.layer, role));
    if (found == states->end()) {
      if (each.is_layer_good)
        report.error(each.field, fmt::format("\"{}\" has no {}", each.layer, role),
                     each.role.empty() ? "share only what both have, one by one" : "");
      each.is_told = true;
      return nullptr;
    }
    const ir::Dims& others = found->second->value.type.dims;
    if (others == dims) return found->second;
    report.error(each.field,
                 fmt::format("its {} is {}, that of \"{}\" is {}", role, fmt::join(dims, "x"), each.layer,
                             fmt::join(others, "x")),
                 "what is shared must have one shape");
    each.is_told = true;
    return nullptr;
  }
  return nullptr;
}

void LayerImport::check_shared_roles() {
  for (const SharedState& each : shared)
    if (!each.role.empty() && std::find(roles_.begin(), roles_.end(), each.role) == roles_.end())
      report.error(each.field, fmt::format("it has no parameter \"{}\"", each.role), suggestion(each.role, roles_));
}

ir::Value& LayerImport::add_bias(ir::Value& value, const ir::Initializer& initializer) {
  ir::State& bias = parameter("bias", {value.type.dims[1]}, initializer);
  bias.decay_multiplier = 0;
  return create<ir::Bias>({}, {&value, &bias.value});
}

ir::Value& LayerImport::rows(std::string_view role) {
  const ir::Dims& dims = input_dims();
  if (dims.size() == 2) return input();
  return create<ir::Reshape>({.dims = {dims[0], values_of(dims)}}, {&input()}, role);
}

bool LayerImport::check_size(const ir::Dims& dims, std::string_view what) {
  if (is_sensible(dims)) return true;
  report.error("", fmt::format("{} {} is beyond all use: more than 2^38 values", what, fmt::join(dims, "x")));
  return false;
}

ir::Value* LayerImport::target(ir::DType dtype, const ir::Dims& dims) {
  const ir::TensorType wanted{dtype, dims, {}};
  if (inputs_.size() > 1) {
    if (input(1).type.same_logical(wanted)) return &input(1);
    report.error("input", fmt::format("compares {} with {}: they must have one shape", shape_text(input_dims()),
                                      shape_text(input_dims(1))));
    return nullptr;
  }
  const auto words = [](const ir::TensorType& type) {
    if (type.rank() == 1) return std::string("a class");
    const char* what = type.dtype == ir::DType::i32 ? "a map of classes, " : "values, ";
    return what + shape_text(type.dims);
  };
  const bool is_mixed = mixes_labels && kind == FunctionKind::train_step;
  if (data_label && is_mixed && (data_label->dtype != KILN_I32 || !data_label->dims.empty())) {
    report.error("", "mixup and cutmix mix labels that are classes: the data give others");
    return nullptr;
  }
  if (data_label && !is_mixed) {
    ir::TensorType given{data_label->dtype == KILN_I32 ? ir::DType::i32 : ir::DType::f32, {dims[0]}, {}};
    given.dims.insert(given.dims.end(), data_label->dims.begin(), data_label->dims.end());
    if (!given.same_logical(wanted)) {
      const bool may_be_class = dtype == ir::DType::i32 && given.rank() == 1;
      report.error(
          "", fmt::format("the label it wants is {}, but the data give {} for each image", words(wanted), words(given)),
          may_be_class ? "put a dense layer before it, with as many units as there are classes" : "");
      return nullptr;
    }
  }
  ir::Value* label = function_.find_input("label");
  if (label == nullptr) {
    losses.label_wanted_by = name;
    return &function_.add_input("label", wanted);
  }
  if (losses.label_wanted_by.empty())
    return nullptr; // an input of the network, which must not be called that: reported
  if (label->type.same_logical(wanted)) return label;
  report.error("",
               fmt::format("the label it wants is {}, but \"{}\" wants {}", words(wanted), losses.label_wanted_by,
                           words(label->type)),
               "all losses that take no second input share one label");
  return nullptr;
}

ir::Value& LayerImport::constant(std::string_view role, std::vector<double> data) {
  std::string full_name = fmt::format("{}.{}", name, role);
  ir::Module& module = function_.module();
  if (ir::State* existing = module.find_state(full_name)) return existing->value;
  const ir::TensorType type{ir::DType::f32, {static_cast<int64_t>(data.size())}, {}};
  ir::State& made = module.add_state(full_name, type, ir::StateRole::constant);
  made.data = std::move(data);
  return made.value;
}

void LayerImport::output(std::string output_name, ir::Value& value) {
  function_.outputs.push_back({std::move(output_name), &value});
}

ir::StreamId LayerImport::stream(std::string_view role) const {
  return {random::stream_id(role.empty() ? name : fmt::format("{}.{}", name, role))};
}

std::string shape_text(const ir::Dims& dims) { return fmt::format("{}", fmt::join(dims.begin() + 1, dims.end(), "x")); }

bool is_sensible(const ir::Dims& dims) {
  int64_t product = 1;
  for (int64_t dim : dims) {
    if (dim < 1 || dim > kMostElements / product) return false;
    product *= dim;
  }
  return true;
}

int64_t values_of(const ir::Dims& dims) {
  int64_t product = 1;
  for (size_t i = 1; i < dims.size(); ++i) product *= dims[i];
  return product;
}

std::array<int64_t, 2> take_size(const google::protobuf::RepeatedField<int64_t>& values, const std::string& field,
                                 std::string_view what, int64_t least, LayerReport& report) {
  std::array<int64_t, 2> result{1, 1};
  if (values.size() != 2) {
    report.error(field, fmt::format("{} has {} values: one (both sides) or two (height, width) are possible", what,
                                    values.size()));
    return result;
  }
  for (int i = 0; i < 2; ++i) {
    std::string own = fmt::format("{}[{}]", field, i);
    bool is_repeated_fault = i == 1 && values[1] == values[0]; // `kernel: 0` is one mistake, not two
    if (values[i] >= least && values[i] <= kLargestSize)
      result[static_cast<size_t>(i)] = values[i];
    else if (!is_repeated_fault)
      report.error(own, fmt::format("{} is {}: it must be {}", what, values[i],
                                    values[i] < least ? fmt::format("at least {}", least) : "at most 2^30"));
  }
  return result;
}

std::array<int64_t, 4> take_padding(const google::protobuf::RepeatedField<int64_t>& values, const std::string& field,
                                    LayerReport& report) {
  std::array<int64_t, 4> result{0, 0, 0, 0};
  if (values.size() != 4) {
    report.error(field,
                 fmt::format("padding has {} values: one, two (height, width) or four (top, left, bottom, right) "
                             "are possible",
                             values.size()));
    return result;
  }
  for (int i = 0; i < 4; ++i) {
    if (values[i] >= 0 && values[i] <= kLargestSize) {
      result[static_cast<size_t>(i)] = values[i];
      continue;
    }
    report.error(fmt::format("{}[{}]", field, i),
                 fmt::format("padding is {}: it must be {}", values[i], values[i] < 0 ? "at least 0" : "at most 2^30"));
    break;
  }
  return result;
}

} // namespace kiln::frontend
