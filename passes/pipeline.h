// The two ordered lists of passes.
#pragma once

#include <span>
#include <string_view>

namespace kiln::passes {

// For a module with train_step (and evaluate): weights change, so nothing is folded into them.
std::span<const std::string_view> training_pipeline();
// For a module that predicts, with weights known or not.
std::span<const std::string_view> inference_pipeline();

} // namespace kiln::passes
