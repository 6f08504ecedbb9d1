// How well a network takes to its training, looked at in single steps: norms of gradients, weights and updates, and
// rectifiers that do not fire.
#pragma once

#include "runtime/abi.h"
#include "runtime/health_metrics.h"
#include "runtime/metrics_files.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::runtime {

class Instance;

// Memory that looking at a function takes, so that it can be foretold.
int64_t health_bytes(int64_t largest_parameter_bytes);

class HealthMonitor {
public:
  // Finds in the function's results what can be looked at.
  HealthMonitor(Instance& instance, const kiln_function& function);

  bool has_something() const { return !metrics_.parameters.empty() || !metrics_.rectifiers.empty(); }
  // Names of what add_dead_shares gives, in its order.
  std::vector<std::string> dead_share_names() const;
  // Of every rectifier the share of its units that did not fire in any step looked at in this epoch; NaN if none was.
  std::vector<NamedMetric> dead_shares() const;

  void begin_epoch();
  // Goes on from what an epoch begun had found.
  void restore(const HealthMetrics& metrics);
  // To be called after every plan step of a step looked at; allocates nothing.
  void after_step(int32_t step);
  // Of the step that was run last.
  const HealthMetrics& finish(int64_t step, int64_t epoch);

private:
  struct Watched {
    const kiln_result* result;
    size_t index; // among the metrics' parameters or rectifiers
  };
  // The norm of some elements stands for that of all where there are too many.
  struct Sample {
    int64_t blocks, block_elements, stride, elements;
  };
  static Sample sample_of(int64_t elements);

  void keep(const Watched& update);
  void measure(const Watched& update);
  void look_at_units(const Watched& rectifier);

  Instance& instance_;
  const kiln_function& function_;
  std::vector<Watched> updates_, rectifiers_; // in the order of steps
  std::vector<float> kept_;                   // what a parameter was before its update
  HealthMetrics metrics_;
  bool looked_ = false; // in this epoch
};

} // namespace kiln::runtime
