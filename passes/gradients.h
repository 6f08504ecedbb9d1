// Reverse-mode differentiation over a function: walks it backwards and lets each op build its own gradient nodes.
#pragma once

#include "ir/graph.h"

#include <map>
#include <span>
#include <utility>

namespace kiln::passes {

struct GradientSeed {
  ir::Value* output;
  ir::Value* cotangent; // gradient of the final scalar with respect to `output`; of the same type
};

// Appends the backward nodes to `function` and returns the gradient of each wanted value that the outputs depend on.
// Several contributions to one value are added here, in the order of the backward walk. Only what a wanted value needs
// is built. Throws PassError when a wanted value lies behind an op that has no gradient.
std::map<ir::Value*, ir::Value*> build_gradients(ir::Function& function, std::span<const GradientSeed> seeds,
                                                 std::span<ir::Value* const> wanted);

} // namespace kiln::passes
