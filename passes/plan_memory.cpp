// Graph -> plan. Every value gets a buffer: of its own, of the operand it aliases (reshape) or of the operand it is
// computed over (elementwise ops whose operand dies there). Arena buffers are then packed by their lifetimes.
#include "passes/plan_memory.h"

#include "ir/op.h"
#include "passes/interval_packing.h"
#include "passes/passes.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace kiln::passes {

using namespace ir;

namespace {

constexpr int64_t kAlignment = 64; // KILN_BUFFER_ALIGNMENT of runtime/abi.h

int64_t align(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

class FunctionPlanner {
public:
  FunctionPlanner(const Function& function, const Target& target) : function_(function), target_(target) {
    plan_.function = &function;
  }

  FunctionPlan run() {
    add_inputs();
    number_steps();
    find_last_uses();
    for (const auto& node : function_.nodes()) place_results(*node);
    add_steps();
    pack();
    return std::move(plan_);
  }

private:
  // Reshapes give bytes another shape; one whose result is an output copies, since the caller owns that memory.
  bool is_alias(const Node& node) const { return node.op().traits.alias && !function_.is_output(node.result()); }

  void add_inputs() {
    for (const auto& input : function_.inputs())
      buffer_of_[input.get()] = add_buffer(BufferKind::input, input->index, *input);
  }

  int32_t add_buffer(BufferKind kind, int32_t index, const Value& value) {
    PlannedBuffer buffer;
    buffer.kind = kind;
    buffer.index = index;
    buffer.bytes = align(value.type.bytes());
    buffer.name = value.name;
    plan_.buffers.push_back(buffer);
    return static_cast<int32_t>(plan_.buffers.size() - 1);
  }

  // An alias counts as part of the step before it.
  void number_steps() {
    int32_t next = 0;
    for (const auto& node : function_.nodes()) step_of_[node.get()] = is_alias(*node) ? next - 1 : next++;
  }

  // The last step that reads a value, directly or through an alias of it.
  void find_last_uses() {
    for (auto it = function_.nodes().rbegin(); it != function_.nodes().rend(); ++it) {
      const Node& node = **it;
      int32_t use = step_of_[&node];
      if (is_alias(node))
        if (const auto found = last_use_.find(&node.result()); found != last_use_.end())
          use = std::max(use, found->second);
      for (const Value* operand : node.operands()) {
        auto [entry, first] = last_use_.try_emplace(operand, use);
        if (!first) entry->second = std::max(entry->second, use);
      }
    }
  }

  int32_t last_use(const Value& value, int32_t otherwise) const {
    const auto found = last_use_.find(&value);
    return found == last_use_.end() ? otherwise : std::max(otherwise, found->second);
  }

  int32_t buffer_for(const Value& value) {
    if (const auto found = buffer_of_.find(&value); found != buffer_of_.end()) return found->second;
    return buffer_of_[&value] = add_buffer(BufferKind::state, value.index, value);
  }

  int32_t output_index(const Value& value) const {
    const auto found = std::find_if(function_.outputs.begin(), function_.outputs.end(),
                                    [&](const Output& output) { return output.value == &value; });
    return static_cast<int32_t>(found - function_.outputs.begin());
  }

  // The buffer of an operand that an elementwise node may overwrite: in the arena, of the result's type (not stretched
  // to it), read by nobody after this step.
  int32_t overwritable(const Node& node, int32_t step) {
    if (!node.op().traits.elementwise) return -1;
    for (const Value* operand : node.operands()) {
      if (operand->kind != Value::Kind::result || operand->type != node.result().type) continue;
      const PlannedBuffer& buffer = plan_.buffers[static_cast<size_t>(buffer_of_.at(operand))];
      if (buffer.kind == BufferKind::arena && buffer.last_step <= step) return buffer_of_.at(operand);
    }
    return -1;
  }

  void place_results(const Node& node) {
    const int32_t step = step_of_.at(&node);
    for (const Value* operand : node.operands()) buffer_for(*operand);
    for (size_t i = 0; i < node.result_count(); ++i) {
      const Value& result = node.result(i);
      if (is_alias(node)) {
        buffer_of_[&result] = buffer_of_.at(&node.operand(0));
        continue;
      }
      if (function_.is_output(result)) {
        buffer_of_[&result] = add_buffer(BufferKind::output, output_index(result), result);
        continue;
      }
      int32_t buffer = overwritable(node, step);
      if (buffer < 0) {
        buffer = add_buffer(BufferKind::arena, 0, result);
        plan_.buffers[static_cast<size_t>(buffer)].first_step = step;
      }
      PlannedBuffer& planned = plan_.buffers[static_cast<size_t>(buffer)];
      planned.last_step = last_use(result, step);
      buffer_of_[&result] = buffer;
    }
  }

  void add_steps() {
    for (const Output& output : function_.outputs)
      if (output.value->kind != Value::Kind::result)
        throw PassError(fmt::format("@{}: output {} is not computed by the function", function_.name(), output.name));
    for (const auto& node : function_.nodes()) {
      if (is_alias(*node)) continue;
      PlanStep step;
      step.node = node.get();
      for (const Value* operand : node->operands()) step.operands.push_back(buffer_of_.at(operand));
      for (size_t i = 0; i < node->result_count(); ++i) step.results.push_back(buffer_of_.at(&node->result(i)));
      if (const int64_t bytes = workspace_bytes(*node, target_); bytes > 0)
        step.workspace = add_workspace(*node, bytes);
      plan_.scratch_bytes = std::max(plan_.scratch_bytes, align(scratch_bytes(*node, target_)));
      plan_.steps.push_back(std::move(step));
    }
  }

  int32_t add_workspace(const Node& node, int64_t bytes) {
    PlannedBuffer buffer;
    buffer.bytes = align(bytes);
    buffer.first_step = buffer.last_step = step_of_.at(&node);
    buffer.name = (node.result_count() == 0 ? std::string(node.op().name) : node.result().name) + ".workspace";
    plan_.buffers.push_back(std::move(buffer));
    return static_cast<int32_t>(plan_.buffers.size() - 1);
  }

  void pack() {
    std::vector<Interval> intervals;
    std::vector<PlannedBuffer*> packed;
    for (PlannedBuffer& buffer : plan_.buffers) {
      if (buffer.kind != BufferKind::arena) continue;
      intervals.push_back({buffer.bytes, buffer.first_step, buffer.last_step});
      packed.push_back(&buffer);
    }
    const Packing packing = pack_intervals(intervals, kAlignment);
    for (size_t i = 0; i < packed.size(); ++i) packed[i]->offset = packing.offsets[i];
    plan_.arena_bytes = packing.bytes;
  }

  const Function& function_;
  const Target& target_;
  FunctionPlan plan_;
  std::map<const Node*, int32_t> step_of_;
  std::map<const Value*, int32_t> last_use_;
  std::map<const Value*, int32_t> buffer_of_;
};

} // namespace

Plan plan_memory(const Module& module, const Target& target) {
  Plan plan;
  plan.module = &module;
  plan.target = target;
  for (const auto& function : module.functions()) plan.functions.push_back(FunctionPlanner(*function, target).run());
  return plan;
}

} // namespace kiln::passes
