// Compares the steps of a running function with the reference, one node at a time.
#include "tests/support/step_check.h"

#include "codegen/description.h"
#include "ir/op.h"
#include "ir/text.h"
#include "runtime/layout.h"
#include "tests/support/tolerance.h"

#include <cmath>
#include <cstring>
#include <fmt/format.h>

namespace kiln::test {

namespace {

template <class Visit> void with_element(kiln_dtype dtype, Visit visit) {
  if (dtype == KILN_F32) visit(float{});
  if (dtype == KILN_U8) visit(uint8_t{});
  if (dtype == KILN_I32) visit(int32_t{});
}

} // namespace

kiln_tensor describe(const ir::TensorType& type) {
  kiln_tensor tensor{};
  tensor.name = "";
  tensor.dtype = type.dtype == ir::DType::f32 ? KILN_F32 : type.dtype == ir::DType::u8 ? KILN_U8 : KILN_I32;
  tensor.rank = static_cast<int32_t>(type.rank());
  std::copy(type.dims.begin(), type.dims.end(), tensor.dims);
  tensor.layout = codegen::layout_of(type);
  tensor.bytes = type.bytes();
  return tensor;
}

std::vector<char> physical_bytes(const kiln_tensor& tensor, const ir::Tensor& values) {
  std::vector<char> logical(static_cast<size_t>(runtime::logical_bytes(tensor)));
  with_element(tensor.dtype, [&]<class T>(T) {
    for (size_t i = 0; i < values.data.size(); ++i) {
      const T value = static_cast<T>(values.data[i]);
      std::memcpy(logical.data() + i * sizeof(T), &value, sizeof(T));
    }
  });
  std::vector<char> physical(static_cast<size_t>(tensor.bytes));
  runtime::pack(tensor, logical.data(), physical.data());
  return physical;
}

ir::Tensor logical_values(const kiln_tensor& tensor, const void* physical) {
  std::vector<char> logical(static_cast<size_t>(runtime::logical_bytes(tensor)));
  runtime::unpack(tensor, physical, logical.data());
  ir::Tensor values(ir::Dims(tensor.dims, tensor.dims + tensor.rank));
  with_element(tensor.dtype, [&]<class T>(T) {
    for (size_t i = 0; i < values.data.size(); ++i) {
      T value;
      std::memcpy(&value, logical.data() + i * sizeof(T), sizeof(T));
      values.data[i] = static_cast<double>(value);
    }
  });
  return values;
}

StepCheck::StepCheck(const ir::FunctionPlan& plan, const ir::Environment& environment)
    : plan_(plan), seed_(environment.seed), step_key_(environment.step) {
  for (const auto& input : plan.function->inputs()) values_[input.get()] = environment.inputs.at(input->name);
  for (const auto& state : plan.function->module().states())
    values_[&state->value] = environment.states.at(state->value.name);
}

void StepCheck::attach(runtime::Instance& instance) {
  instance_ = &instance;
  instance.set_step_hook(&StepCheck::after_step, this);
}

void StepCheck::after_step(void* self, int32_t step) {
  auto& check = *static_cast<StepCheck*>(self);
  if (step != check.next_step_++ || step >= static_cast<int32_t>(check.plan_.steps.size())) {
    check.findings_.push_back({"", fmt::format("step {} came out of order", step)});
    return;
  }
  const ir::PlanStep& done = check.plan_.steps[static_cast<size_t>(step)];
  try {
    check.check(done);
  } catch (const std::exception& error) { // none may pass through emitted code
    check.findings_.push_back({std::string(done.node->op().name), fmt::format("step {}: {}", step, error.what())});
  }
}

// A reshape that the plan made an alias is no step: its result is its operand's.
const ir::Tensor& StepCheck::value_of(const ir::Value& value) {
  const auto found = values_.find(&value);
  if (found != values_.end()) return found->second;
  ir::Tensor reshaped = value_of(value.producer->operand(0));
  reshaped.dims = value.type.dims;
  return values_[&value] = std::move(reshaped);
}

void StepCheck::check(const ir::PlanStep& step) {
  const ir::Node& node = *step.node;
  std::vector<ir::Tensor> operands;
  for (const ir::Value* operand : node.operands()) operands.push_back(value_of(*operand));
  const std::vector<ir::Tensor> expected = evaluate_node(node, node.raw_attributes(), operands, seed_, step_key_);
  const ErrorBound bound = error_bound(node, operands, seed_, step_key_);
  for (size_t i = 0; i < expected.size(); ++i) {
    const bool effect = node.op().traits.effect;
    const ir::Value& value = effect ? node.operand(i) : node.result(i);
    if (effect && value.kind != ir::Value::Kind::state) continue;
    const void* physical = instance_->buffer(effect ? step.operands[i] : step.results[i]);
    ir::Tensor got = logical_values(describe(value.type), physical);
    compare(step, value, i, expected[i], got, bound);
    check_padding(step, value, physical);
    values_[&value] = std::move(got);
  }
}

void StepCheck::compare(const ir::PlanStep& step, const ir::Value& value, size_t position, const ir::Tensor& expected,
                        const ir::Tensor& got, const ErrorBound& bound) {
  double worst = 0;
  int64_t where = -1;
  for (int64_t i = 0; i < got.elements(); ++i) {
    if (std::isnan(expected[i]) && std::isnan(got[i])) continue;
    if (expected[i] == got[i]) continue; // infinite, it may be
    const double error = std::abs(expected[i] - got[i]);
    const double allowed = bound.at(position, i);
    if (error <= allowed) continue;
    const double excess = std::isnan(error) || allowed == 0 ? INFINITY : error / allowed;
    if (excess > worst || where < 0) where = i;
    worst = std::max(worst, excess);
  }
  if (where < 0) return;
  findings_.push_back(
      {std::string(step.node->op().name),
       fmt::format("{} of {}: element {} is {}, expected {}, {:.3g} times the error allowed\n  {}", value.name,
                   step.node->op().name, where, got[where], expected[where], worst, ir::print(*step.node))});
}

// What packing the logical values again gives has zeros in its padding lanes.
void StepCheck::check_padding(const ir::PlanStep& step, const ir::Value& value, const void* physical) {
  if (value.type.dtype != ir::DType::f32 || value.type.physical_elements() == value.type.elements()) return;
  const kiln_tensor tensor = describe(value.type);
  ir::Tensor inside(value.type.dims);
  for (double& element : inside.data) element = 1;
  const std::vector<char> marks = physical_bytes(tensor, inside);
  for (int64_t i = 0; i < value.type.physical_elements(); ++i) {
    float mark, lane;
    std::memcpy(&mark, marks.data() + i * 4, 4);
    std::memcpy(&lane, static_cast<const char*>(physical) + i * 4, 4);
    if (mark != 0 || lane == 0) continue;
    findings_.push_back({std::string(step.node->op().name), fmt::format("{}: padding lane at {} holds {}\n  {}",
                                                                        value.name, i, lane, ir::print(*step.node))});
    return;
  }
}

} // namespace kiln::test
