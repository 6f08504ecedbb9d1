// Checks a whole network, the text of a module: through the passes, compiled at one level, against the reference.
#pragma once

#include "ir/target.h"

#include <string>
#include <vector>

namespace kiln::test {

struct NetworkFinding {
  // What kind of defect: "text", "passes", "gradient", "step conv2d", "threads", "outputs", "exception", "signal".
  std::string kind;
  std::string text;
};

struct NetworkCheckOptions {
  ir::IsaLevel level = ir::IsaLevel::baseline;
  // Predict with weights that the compiler knows, as after --weights.
  bool known_weights = false;
};

// A module with train_step goes through the training pipeline, any other through that of inference. Then:
//  text       what is printed comes back, before and after the passes;
//  passes     the reference of the optimised network, in double, is that of the network as written to 1e-9: its
//             gradients by `differentiate` alone, what does not train in its form outside of training;
//  gradient   the gradient of train_step is the loss's difference along a random direction;
//  step OP    run in the debug arena, each step is the reference of its node (StepCheck);
//  threads    2 and 3 threads give the bits of 1;
//  outputs    outputs and states after the run are those of the network as written (compare_run). A rectifier or
//             maximum that rounding decides otherwise sends a gradient elsewhere, which depends on the values: a miss
//             counts if it is one for each of three draws of inputs and states.
std::vector<NetworkFinding> check_network(const std::string& text, const NetworkCheckOptions& options);

// Of a network compiled from `built` against `meant`, which should be the same: what check_network calls, and how tests
// show that it finds what is wrong.
std::vector<NetworkFinding> check_network(const std::string& meant, const std::string& built,
                                          const NetworkCheckOptions& options);

} // namespace kiln::test
