// What the emitter of an op sees: its node, its tensors, and a way to add kernel launches to the current plan step.
// Emitters live in codegen/emit/<op>.cpp, one specialisation of emit<Op> for each op of ir/ops.def that is not
// elementwise (codegen/emit/elementwise.cpp serves those); a missing one does not link.
#pragma once

#include "codegen/kernel_builder.h"
#include "ir/graph.h"
#include "ir/op.h"
#include "ir/plan.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::codegen {

// A buffer of the function, by its number in the plan.
struct BufferRef {
  int32_t buffer;
};

class Emission {
public:
  Emission(const ir::PlanStep& step, const ir::Target& target) : step_(step), target_(target) {}

  const ir::Node& node() const { return *step_.node; }
  const ir::Target& target() const { return target_; }
  const ir::TensorType& operand_type(size_t i) const { return node().operand(i).type; }
  const ir::TensorType& result_type(size_t i = 0) const { return node().result(i).type; }

  BufferRef operand(size_t i) const { return {step_.operands[i]}; }
  BufferRef result(size_t i = 0) const { return {step_.results[i]}; }
  BufferRef workspace() const { return {step_.workspace}; }
  // True when the plan put result i over operand j.
  bool in_place(size_t operand, size_t result = 0) const { return step_.operands[operand] == step_.results[result]; }

  // Adds a launch of a kernel over [0, tasks). `body` writes the kernel; it runs only if no node of the same key was
  // met before. The key is made of the op, its attributes (stream ids left out: pass them as scalars), the types of its
  // operands and results, its kernel, which operands are worked on in place, and `part`, which tells the launches of
  // one node apart. So `body` may depend on nothing else of the node.
  void launch(std::string_view part, const std::vector<BufferRef>& operands, std::vector<int64_t> scalars,
              int64_t tasks, std::function<void(KernelBuilder&)> body);

  struct LaunchRequest {
    std::string key;
    std::vector<int32_t> buffers;
    std::vector<int64_t> scalars;
    int64_t tasks;
    std::function<void(KernelBuilder&)> body;
  };
  const std::vector<LaunchRequest>& launches() const { return launches_; }

private:
  const ir::PlanStep& step_;
  const ir::Target& target_;
  std::vector<LaunchRequest> launches_;
};

// Adds the launches of one node. Specialised for every op.
template <class Op> void emit(Emission& emission);

// Calls emit<Op> for the node's op.
void emit_node(Emission& emission);

} // namespace kiln::codegen
