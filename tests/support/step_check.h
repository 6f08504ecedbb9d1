// A step hook that compares each step of a running function with the reference of its node, applied to the very values
// that the step was given. Errors do not add up from op to op, so each op is held to its own bound.
#pragma once

#include "ir/evaluate.h"
#include "ir/plan.h"
#include "runtime/instance.h"

#include <map>
#include <string>
#include <vector>

namespace kiln::test {

// A type as runtime/abi.h describes it, without a name.
kiln_tensor describe(const ir::TensorType& type);
// Logical values to physical bytes and back.
std::vector<char> physical_bytes(const kiln_tensor& tensor, const ir::Tensor& values);
ir::Tensor logical_values(const kiln_tensor& tensor, const void* physical);

class StepCheck {
public:
  // The environment's inputs and states are what the function will be run with.
  StepCheck(const ir::FunctionPlan& plan, const ir::Environment& environment);

  void attach(runtime::Instance& instance);
  struct Finding {
    std::string op; // of the step; empty when steps were not called in order
    std::string text;
  };
  // One entry a result that is wrong; and one if steps were not called in order.
  const std::vector<Finding>& findings() const { return findings_; }

private:
  static void after_step(void* self, int32_t step);
  void check(const ir::PlanStep& step);
  void compare(const ir::PlanStep& step, const ir::Value& value, size_t position, const ir::Tensor& expected,
               const ir::Tensor& got, const struct ErrorBound& bound);
  void check_padding(const ir::PlanStep& step, const ir::Value& value, const void* physical);
  const ir::Tensor& value_of(const ir::Value& value);

  const ir::FunctionPlan& plan_;
  uint64_t seed_;
  uint64_t step_key_;
  runtime::Instance* instance_ = nullptr;
  int32_t next_step_ = 0;
  std::map<const ir::Value*, ir::Tensor> values_; // as the emitted code computed them
  std::vector<Finding> findings_;
};

} // namespace kiln::test
