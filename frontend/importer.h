// Resolved experiment -> IR: the forward part of every function the network is wanted as.
// Gradients and updates are added by passes (differentiate, append_optimizer), dropout is removed by one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "frontend/load_experiment.h"
#include "ir/graph.h"

namespace kiln::frontend {

// Which functions to build, by their batch; 0 or empty: none.
struct ImportOptions {
  int64_t train_batch = 0;
  int64_t evaluate_batch = 0;
  std::vector<int64_t> predict_batches = {1};
};

// Functions, with inputs and outputs as runtime/abi.h states them:
//   train_step(%image: u8[B,H,W,C], %label)         -> loss f32[1], correct f32[B]
//   evaluate(%image, %label)                        -> loss f32[B], correct f32[B], metrics
//   predict(%image)                                 -> probability f32[B,classes] or output; and each layer of
//   network.output
// The network's further inputs follow as f32[B,dims...] in every function.
// With several predict batches each is `predict.<batch>`. Names within are as ir/README.md states.
//
// Null when anything is wrong: every problem that shapes bring to light is then in `diagnostics`, and those that do not
// need shapes even if the image's size is not known.
std::unique_ptr<ir::Module> import_network(const LoadedExperiment& loaded, const ImportOptions& options,
                                           Diagnostics& diagnostics);

} // namespace kiln::frontend
