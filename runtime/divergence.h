// Where a training step first made a value that is not finite: the step is run again from the states that it began
// with, and every value is looked at as it is made.
#pragma once

#include "runtime/abi.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace kiln::runtime {

class Instance;

class DivergenceProbe {
public:
  using RowName = std::function<std::string(int64_t row)>;

  // `loss` is the number of an output. Does nothing for a function that does not describe its results.
  DivergenceProbe(Instance& instance, const kiln_function& function, int loss);

  // To be called after every plan step of every run: keeps the states while they are those that the step began with, if
  // the loss is not finite. Throws nothing.
  void after_step(int32_t step);

  // Whether the weights were not finite when that step began: then one before is to blame.
  bool began_spoilt() const { return !states_.empty() && !explain_states().empty(); }

  // Of the run that just ended with such a loss, on the same inputs: what was first, in words. `row_name` says which
  // sample is in a row of the batch. Empty if nothing can be said. Leaves the states as they were before the update.
  std::string explain(std::span<const void* const> inputs, std::span<void* const> outputs, uint64_t seed, uint64_t step,
                      const RowName& row_name);

  // Runs a step from the states that there are, and says the same of its values; empty if all are finite.
  std::string run_and_explain(std::span<const void* const> inputs, std::span<void* const> outputs, uint64_t seed,
                              uint64_t step, const RowName& row_name);

private:
  void look(int32_t step);
  std::string explain_inputs(std::span<const void* const> inputs, const RowName& row_name) const;
  std::string explain_states() const;

  Instance& instance_;
  const kiln_function& function_;
  const kiln_result* loss_ = nullptr;
  std::vector<std::vector<char>> states_; // in logical order; empty unless the loss was not finite
  const kiln_result* first_ = nullptr;    // found while the step ran again
  std::vector<char> first_data_;          // logical
};

} // namespace kiln::runtime
