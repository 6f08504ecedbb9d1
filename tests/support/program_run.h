// Runs one function of a compiled program on logical tensors: what it is given, and what comes out as bytes.
#pragma once

#include "ir/evaluate.h"
#include "ir/graph.h"
#include "runtime/instance.h"
#include "tests/support/step_check.h"

#include <cstdint>
#include <vector>

namespace kiln::test {

// Number of the classes that a label chooses among; 0 when the input is no label.
int64_t classes_of(const ir::Function& function, const ir::Value& input);

// Values as emitted code sees them: f32 away from 0, where rectifiers bend; bytes; labels. States at their initial
// values. Another `draw` gives other values.
ir::Environment environment_for(const ir::Function& function, uint64_t draw = 0);

struct ProgramRun {
  std::vector<std::vector<char>> outputs;
  std::vector<std::vector<char>> states; // after it

  bool operator==(const ProgramRun&) const = default;
};

// With a check, each step is compared while it runs.
ProgramRun run_program(const kiln_program& program, const kiln_function& function, const ir::Environment& environment,
                       runtime::Instance::Options options, StepCheck* check = nullptr);

} // namespace kiln::test
