// What tests during training decide: a learning rate that falls on a plateau, an early end, which weights are the best.
// The rules are kiln_test_rules of abi.h; what was seen so far is part of a checkpoint.
#pragma once

#include "runtime/abi.h"
#include "runtime/checkpoint.h"

namespace kiln::runtime {

// A test's figures; NaN where there are none.
struct TestFigures {
  double loss = not_measured;
  double accuracy = not_measured;
};

// Takes note of a test. Whether the measure has not become better in `patience` tests in a row; the next such test is
// counted as the first again. What is no number is not better.
bool observe(BestSoFar& seen, const kiln_watch& watch, const TestFigures& figures);

// What is left of a learning rate after as many divisions: rate / factor^divisions, but not below least_rate (unless
// the rate is itself).
double divided_rate(double rate, const kiln_test_rules& rules, int64_t divisions);

// Whether anything is decided by tests.
bool needs_tests(const kiln_training& training);
// Throws Error: data if tests are needed, but there are none; model if the accuracy is watched, but labels are no
// classes.
void require_tests(const kiln_training& training, bool are_there_tests, bool are_labels_classes);

} // namespace kiln::runtime
