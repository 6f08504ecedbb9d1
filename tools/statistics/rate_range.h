// A learning rate from a range test: the loss of training steps whose rate rises from step to step (Smith 2015).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::statistics {

struct RateStep {
  double rate = 0; // rising by the same factor from step to step
  double loss = 0; // of this step's batch
};

struct RateRange {
  std::vector<double> smoothed; // the loss of each step
  // Rates; 0: there is none.
  // The steepest, but at least a tenth and at most a third of the least's: rounded down to 1, 2, 3 or 5 times a power
  // of ten. What is learnt on the way makes the loss fall at rates too small to learn with in the end.
  double suggested = 0;
  double steepest = 0; // where the smoothed loss falls most for a given factor of the rate
  double least = 0;    // where it is least
  double diverges = 0; // from where on it is above its start again, for good
  std::string reason;  // a sentence or two
};

// Smoothed by the line that fits best around each step, weighed by a Gaussian of a standard deviation of a twentieth of
// the steps. There is no suggestion where the loss never falls by a hundredth of its start. Losses must be finite.
RateRange judge_rates(const std::vector<RateStep>& steps);

// Decides when a range test need not go on: the loss has risen far above its start.
class RateTestEnd {
public:
  // Whether the running mean of the losses so far is above 1.5 times that of the first ten, or the loss is not finite.
  bool reached(double loss);

private:
  double mean_ = 0;
  double start_ = 0;
  int64_t steps_ = 0;
};

} // namespace kiln::statistics
