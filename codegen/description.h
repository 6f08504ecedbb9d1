// The kiln_program that describes a compiled plan, with every string and array it points to.
#pragma once

#include "ir/plan.h"
#include "runtime/abi.h"

#include <deque>
#include <string>
#include <vector>

namespace kiln::codegen {

// What a program says beyond its plan: facts of the experiment.
struct ProgramFacts {
  std::string experiment; // resolved, stored in checkpoints
  std::vector<std::string> class_names;
  struct Loss {
    std::string name;
    double weight = 1;
  };
  std::vector<Loss> losses;
  bool ignores_label = false;
  int64_t ignored_label = 0;
  bool confusion_matrix = false;
  bool per_class = false;
};

class Description {
public:
  // `plan` is read only here. Entries are null until set_entry. Throws CodegenError when abi.h cannot say what the plan
  // says (a tensor of too high a rank).
  Description(const ir::Plan& plan, std::string plan_hash, const ProgramFacts& facts);
  Description(const Description&) = delete;
  Description& operator=(const Description&) = delete;

  void set_entry(size_t function, kiln_entry entry) { functions_[function].entry = entry; }
  const kiln_program& program() const { return program_; }

private:
  const char* keep(std::string text) { return strings_.emplace_back(std::move(text)).c_str(); }
  kiln_tensor describe(const std::string& name, const ir::TensorType& type);
  kiln_state describe(const ir::State& state);
  kiln_function describe(const ir::FunctionPlan& plan);
  std::vector<kiln_result> describe_results(const ir::FunctionPlan& plan);

  std::deque<std::string> strings_;
  // Constants in their physical form, aligned so that the runtime uses them where they are.
  struct alignas(KILN_BUFFER_ALIGNMENT) AlignedBytes {
    char bytes[KILN_BUFFER_ALIGNMENT];
  };
  std::deque<std::vector<AlignedBytes>> data_;
  std::deque<std::vector<kiln_tensor>> tensors_;
  std::deque<std::vector<kiln_buffer>> buffers_;
  std::deque<std::vector<kiln_step>> steps_;
  std::deque<std::vector<kiln_result>> results_;
  std::vector<kiln_state> states_;
  std::vector<kiln_function> functions_;
  std::vector<const char*> class_names_;
  std::vector<kiln_loss> losses_;
  kiln_program program_{};
};

// The layout of a type as abi.h spells it.
kiln_layout layout_of(const ir::TensorType& type);

} // namespace kiln::codegen
