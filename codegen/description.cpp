// A plan in the structs of runtime/abi.h.
#include "codegen/description.h"

#include "codegen/module.h"
#include "ir/all_ops.h"
#include "ir/op.h"
#include "ir/text.h"
#include "runtime/layout.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <limits>

namespace kiln::codegen {

namespace {

kiln_dtype dtype_of(ir::DType dtype) {
  switch (dtype) {
  case ir::DType::f32:
    return KILN_F32;
  case ir::DType::u8:
    return KILN_U8;
  case ir::DType::i32:
    return KILN_I32;
  }
  throw CodegenError("unknown dtype");
}

kiln_state_role role_of(ir::StateRole role) {
  switch (role) {
  case ir::StateRole::parameter:
    return KILN_PARAMETER;
  case ir::StateRole::statistic:
    return KILN_STATISTIC;
  case ir::StateRole::optimizer:
    return KILN_OPTIMIZER;
  case ir::StateRole::constant:
    return KILN_CONSTANT;
  }
  throw CodegenError("unknown role");
}

kiln_initializer initializer_of(const ir::Initializer& initializer) {
  kiln_initializer result{};
  switch (initializer.kind) {
  case ir::InitializerKind::constant:
    result.kind = KILN_INIT_CONSTANT;
    break;
  case ir::InitializerKind::uniform:
    result.kind = KILN_INIT_UNIFORM;
    break;
  case ir::InitializerKind::orthogonal:
    result.kind = KILN_INIT_ORTHOGONAL;
    break;
  case ir::InitializerKind::bilinear:
    result.kind = KILN_INIT_BILINEAR;
    break;
  case ir::InitializerKind::normal:
    result.kind = KILN_INIT_NORMAL;
    break;
  }
  result.a = static_cast<float>(initializer.a);
  result.b = static_cast<float>(initializer.b);
  return result;
}

kiln_buffer_kind kind_of(ir::BufferKind kind) {
  switch (kind) {
  case ir::BufferKind::arena:
    return KILN_BUFFER_ARENA;
  case ir::BufferKind::state:
    return KILN_BUFFER_STATE;
  case ir::BufferKind::input:
    return KILN_BUFFER_INPUT;
  case ir::BufferKind::output:
    return KILN_BUFFER_OUTPUT;
  }
  throw CodegenError("unknown buffer kind");
}

// Logical values in the type's element, row-major.
std::vector<char> logical_data(const kiln_tensor& tensor, const std::vector<double>& values) {
  std::vector<char> bytes(static_cast<size_t>(runtime::logical_bytes(tensor)));
  const auto fill = [&]<class T>(T) {
    for (size_t i = 0; i < values.size(); ++i) {
      const T value = static_cast<T>(values[i]);
      std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
    }
  };
  switch (tensor.dtype) {
  case KILN_F32:
    fill(float{});
    break;
  case KILN_U8:
    fill(uint8_t{});
    break;
  case KILN_I32:
    fill(int32_t{});
    break;
  }
  return bytes;
}

// The samples of one call: the first dim of the image, or of the first input there is.
int64_t batch_of(const ir::Function& function) {
  const ir::Value* image = function.find_input("image");
  if (image == nullptr && !function.inputs().empty()) image = function.inputs().front().get();
  return image == nullptr || image->type.dims.empty() ? 1 : image->type.dims.front();
}

// As result names are built, "conv1.backward_data"; an effect is named after what it writes.
std::string step_name(const ir::Node& node) {
  if (node.result_count() != 0) return node.result().name;
  if (node.operands().empty()) return std::string(node.op().name);
  return fmt::format("{}.{}", node.operand(0).name, node.op().name);
}

// Each tensor counted once a time it is read or written; effects read and write their states.
int64_t bytes_moved(const ir::Node& node) {
  int64_t bytes = 0;
  for (const ir::Value* operand : node.operands()) {
    const bool written = node.op().traits.effect && operand->kind == ir::Value::Kind::state;
    bytes += operand->type.bytes() * (written ? 2 : 1);
  }
  for (size_t i = 0; i < node.result_count(); ++i) bytes += node.result(i).type.bytes();
  return bytes;
}

const ir::Epilogue* epilogue_of(const ir::Node& node) {
  if (node.is<ir::Conv2d>()) return &node.attributes<ir::Conv2d>().epilogue;
  if (node.is<ir::ConvTranspose2d>()) return &node.attributes<ir::ConvTranspose2d>().epilogue;
  if (node.is<ir::Dense>()) return &node.attributes<ir::Dense>().epilogue;
  if (node.is<ir::BatchNorm>()) return &node.attributes<ir::BatchNorm>().epilogue;
  if (node.is<ir::BatchNormInference>()) return &node.attributes<ir::BatchNormInference>().epilogue;
  return nullptr;
}

// Whether its first result is 0 exactly where a rectifier did not fire. Channels must be the second dim.
bool rectifies(const ir::Node& node) {
  if (node.result_count() == 0 || node.result().type.rank() < 2) return false;
  const ir::LayoutKind layout = node.result().type.layout.kind;
  if (layout != ir::LayoutKind::plain && layout != ir::LayoutKind::nchwc) return false;
  if (node.is<ir::Relu>()) return true;
  if (node.is<ir::Clip>()) return node.attributes<ir::Clip>().min == 0;
  const ir::Epilogue* epilogue = epilogue_of(node);
  if (epilogue == nullptr || epilogue->empty()) return false;
  const ir::EpilogueStep& last = epilogue->back();
  return last.kind == ir::EpilogueKind::relu || (last.kind == ir::EpilogueKind::clip && last.first == 0);
}

// Of a parameter's update: the first operand that lives in this call alone and has the parameter's form.
int32_t gradient_of(const ir::PlanStep& step) {
  const ir::TensorType& parameter = step.node->operand(0).type;
  for (size_t i = 1; i < step.operands.size(); ++i) {
    const ir::Value& operand = step.node->operand(i);
    if (operand.kind != ir::Value::Kind::state && operand.type == parameter) return step.operands[i];
  }
  return -1;
}

int32_t count_of(size_t size) { return static_cast<int32_t>(size); }

} // namespace

kiln_layout layout_of(const ir::TensorType& type) {
  const ir::PhysicalForm form = ir::physical_form(type.layout, type.rank());
  if (type.rank() > KILN_MAX_RANK || form.blocks.size() > KILN_MAX_BLOCKS)
    throw CodegenError(
        fmt::format("{} has more than {} dims or {} blocks", to_string(type), KILN_MAX_RANK, KILN_MAX_BLOCKS));
  kiln_layout layout = runtime::plain_layout();
  std::copy(form.order.begin(), form.order.end(), layout.order);
  layout.block_count = count_of(form.blocks.size());
  for (size_t i = 0; i < form.blocks.size(); ++i) layout.blocks[i] = {form.blocks[i].dim, form.blocks[i].size};
  return layout;
}

Description::Description(const ir::Plan& plan, std::string plan_hash, const ProgramFacts& facts) {
  for (const auto& state : plan.module->states()) states_.push_back(describe(*state));
  for (const ir::FunctionPlan& function : plan.functions) functions_.push_back(describe(function));
  for (const ProgramFacts::Loss& loss : facts.losses) losses_.push_back({keep(loss.name), loss.weight});
  for (const std::string& name : facts.class_names) class_names_.push_back(keep(name));
  program_.abi_version = KILN_ABI_VERSION;
  program_.name = keep(plan.module->name());
  program_.plan_hash = keep(std::move(plan_hash));
  program_.isa = keep(std::string(ir::name_of(plan.target.level)));
  program_.states = states_.data();
  program_.state_count = count_of(states_.size());
  program_.functions = functions_.data();
  program_.function_count = count_of(functions_.size());
  program_.experiment = keep(facts.experiment);
  program_.class_names = class_names_.data();
  program_.class_count = count_of(class_names_.size());
  program_.losses = losses_.data();
  program_.loss_count = count_of(losses_.size());
  program_.ignores_label = facts.ignores_label ? 1 : 0;
  program_.ignored_label = facts.ignored_label;
  program_.confusion_matrix = facts.confusion_matrix ? 1 : 0;
  program_.per_class = facts.per_class ? 1 : 0;
}

kiln_tensor Description::describe(const std::string& name, const ir::TensorType& type) {
  kiln_tensor tensor{};
  tensor.layout = layout_of(type); // checks the rank, so first
  tensor.name = keep(name);
  tensor.dtype = dtype_of(type.dtype);
  tensor.rank = static_cast<int32_t>(type.rank());
  std::copy(type.dims.begin(), type.dims.end(), tensor.dims);
  tensor.bytes = type.bytes();
  return tensor;
}

kiln_state Description::describe(const ir::State& state) {
  kiln_state result{};
  result.tensor = describe(state.value.name, state.value.type);
  result.role = role_of(state.role);
  result.initializer = initializer_of(state.initializer);
  result.stream = state.stream.value;
  result.reinitialized = state.reinitialized ? 1 : 0;
  if (state.role != ir::StateRole::constant) return result;
  if (static_cast<int64_t>(state.data.size()) != state.value.type.elements())
    throw CodegenError(fmt::format("constant @{} has no values", state.value.name));
  const auto units = (result.tensor.bytes + KILN_BUFFER_ALIGNMENT - 1) / KILN_BUFFER_ALIGNMENT;
  std::vector<AlignedBytes>& physical = data_.emplace_back(static_cast<size_t>(units));
  runtime::pack(result.tensor, logical_data(result.tensor, state.data).data(), physical.data());
  result.data = physical.data();
  return result;
}

kiln_function Description::describe(const ir::FunctionPlan& plan) {
  const ir::Function& function = *plan.function;
  std::vector<kiln_tensor>& inputs = tensors_.emplace_back();
  for (const auto& input : function.inputs()) inputs.push_back(describe(input->name, input->type));
  std::vector<kiln_tensor>& outputs = tensors_.emplace_back();
  for (const ir::Output& output : function.outputs) outputs.push_back(describe(output.name, output.value->type));

  std::vector<kiln_buffer>& buffers = buffers_.emplace_back();
  for (const ir::PlannedBuffer& buffer : plan.buffers)
    buffers.push_back(
        {kind_of(buffer.kind), buffer.index, buffer.offset, buffer.bytes, buffer.first_step, buffer.last_step});

  std::vector<kiln_step>& steps = steps_.emplace_back();
  for (const ir::PlanStep& step : plan.steps) {
    const ir::Node& node = *step.node;
    steps.push_back({keep(step_name(node)), keep(std::string(node.op().name)),
                     keep(std::string(ir::name_of(node.kernel))), keep(node.layer), node.op().flops(node),
                     bytes_moved(node)});
  }

  std::vector<kiln_result>& results = results_.emplace_back();
  if (function.name() == "train_step") results = describe_results(plan);

  kiln_function result{};
  // "predict.64" and "predict.1" are one function for two batches.
  result.name = keep(function.name().substr(0, function.name().find('.')));
  result.batch = batch_of(function);
  result.inputs = inputs.data();
  result.input_count = count_of(inputs.size());
  result.outputs = outputs.data();
  result.output_count = count_of(outputs.size());
  result.buffers = buffers.data();
  result.buffer_count = count_of(buffers.size());
  result.steps = steps.data();
  result.step_count = count_of(steps.size());
  result.results = results.data();
  result.result_count = count_of(results.size());
  result.arena_bytes = plan.arena_bytes;
  result.scratch_bytes = plan.scratch_bytes;
  return result;
}

std::vector<kiln_result> Description::describe_results(const ir::FunctionPlan& plan) {
  std::vector<kiln_result> results;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const ir::PlanStep& step = plan.steps[i];
    const ir::Node& node = *step.node;
    const auto add = [&](const ir::Value& value, kiln_result_kind kind, int32_t buffer, int32_t gradient) {
      results.push_back({describe(value.name, value.type), kind, count_of(i), buffer, gradient});
    };
    for (size_t r = 0; r < step.results.size(); ++r)
      add(node.result(r), r == 0 && rectifies(node) ? KILN_RESULT_RECTIFIED : KILN_RESULT_VALUE, step.results[r], -1);
    for (size_t o = 0; node.op().traits.effect && o < step.operands.size(); ++o) {
      const ir::Value& state = node.operand(o);
      if (state.kind != ir::Value::Kind::state) continue;
      const bool learns = o == 0 && plan.function->module().state_of(state).role == ir::StateRole::parameter;
      add(state, KILN_RESULT_UPDATE, step.operands[o], learns ? gradient_of(step) : -1);
    }
  }
  return results;
}

} // namespace kiln::codegen
