// Metrics of an epoch that nothing was tested in, for tests of what is made of them.
#pragma once

#include "runtime/checkpoint.h"
#include "runtime/metrics_files.h"

namespace kiln::runtime::testing {

inline EpochMetrics epoch_metrics(int64_t epoch, int64_t step, double train_loss = 0.5) {
  EpochMetrics metrics;
  metrics.epoch = epoch;
  metrics.step = step;
  metrics.learning_rate = 0.01;
  metrics.train_loss = train_loss;
  metrics.train_accuracy = 0.75;
  metrics.test_loss = metrics.test_accuracy = not_measured;
  metrics.seconds = 1.5;
  metrics.samples_per_second = 100;
  return metrics;
}

} // namespace kiln::runtime::testing
