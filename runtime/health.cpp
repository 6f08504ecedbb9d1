// Reads the buffers of a step while they hold what it made. Sums run on one thread in a fixed order: the same bits
// always.
#include "runtime/health.h"

#include "runtime/checkpoint.h"
#include "runtime/instance.h"
#include "runtime/layout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace kiln::runtime {
namespace {

constexpr int64_t block_elements = 1024;
constexpr int64_t most_kept = 1 << 22; // elements of a parameter: 16 MB

// Of physical elements: padding lanes hold zero.
int64_t elements_of(const kiln_tensor& tensor) { return tensor.bytes / static_cast<int64_t>(sizeof(float)); }

double sum_of_squares(const float* values, int64_t count) {
  std::array<double, 8> sums{}; // apart, so that they need not wait for each other
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int64_t lane = 0; lane < 8; ++lane) {
      const double value = values[i + lane];
      sums[static_cast<size_t>(lane)] += value * value;
    }
  double sum = 0;
  for (; i < count; ++i) sum += double{values[i]} * double{values[i]};
  for (const double part : sums) sum += part;
  return sum;
}

double sum_of_squared_differences(const float* a, const float* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double difference = double{a[i]} - double{b[i]};
    sum += difference * difference;
  }
  return sum;
}

} // namespace

int64_t health_bytes(int64_t largest_parameter_bytes) {
  return std::min<int64_t>(largest_parameter_bytes, most_kept * static_cast<int64_t>(sizeof(float)));
}

HealthMonitor::HealthMonitor(Instance& instance, const kiln_function& function)
    : instance_(instance), function_(function) {
  int64_t kept = 0;
  for (int32_t i = 0; i < function.result_count; ++i) {
    const kiln_result& result = function.results[i];
    if (result.kind == KILN_RESULT_UPDATE && result.gradient >= 0) {
      updates_.push_back({&result, 0});
      kept = std::max(kept, std::min(elements_of(result.tensor), most_kept));
    }
    if (result.kind == KILN_RESULT_RECTIFIED) {
      rectifiers_.push_back({&result, metrics_.rectifiers.size()});
      const auto units = static_cast<size_t>(result.tensor.dims[1]);
      metrics_.rectifiers.push_back({result.tensor.name, std::vector<uint8_t>(units), std::vector<uint8_t>(units)});
    }
  }
  // Told in the order of the network, though the last layer is updated first.
  std::vector<Watched*> ordered;
  for (Watched& update : updates_) ordered.push_back(&update);
  std::sort(ordered.begin(), ordered.end(), [&](const Watched* a, const Watched* b) {
    return function.buffers[a->result->buffer].index < function.buffers[b->result->buffer].index;
  });
  for (Watched* update : ordered) {
    update->index = metrics_.parameters.size();
    metrics_.parameters.push_back({update->result->tensor.name, 0, 0, 0});
  }
  kept_.resize(static_cast<size_t>(kept));
}

std::vector<NamedMetric> HealthMonitor::dead_shares() const {
  std::vector<NamedMetric> shares;
  for (const HealthMetrics::Rectifier& rectifier : metrics_.rectifiers)
    shares.push_back({std::string(HealthMetrics::dead_share_prefix) + rectifier.name,
                      looked_ ? rectifier.dead_share() : not_measured});
  return shares;
}

std::vector<std::string> HealthMonitor::dead_share_names() const {
  std::vector<std::string> names;
  for (NamedMetric& share : dead_shares()) names.push_back(std::move(share.name));
  return names;
}

void HealthMonitor::begin_epoch() {
  looked_ = false;
  for (HealthMetrics::Rectifier& rectifier : metrics_.rectifiers)
    std::fill(rectifier.fired_in_epoch.begin(), rectifier.fired_in_epoch.end(), uint8_t{0});
}

void HealthMonitor::restore(const HealthMetrics& metrics) {
  for (const HealthMetrics::Rectifier& known : metrics.rectifiers)
    for (HealthMetrics::Rectifier& rectifier : metrics_.rectifiers)
      if (rectifier.name == known.name && rectifier.fired_in_epoch.size() == known.fired_in_epoch.size()) {
        rectifier.fired_in_epoch = known.fired_in_epoch;
        looked_ = true;
      }
}

void HealthMonitor::after_step(int32_t step) {
  for (const Watched& update : updates_) {
    if (update.result->step == step) measure(update);
    if (update.result->step == step + 1) keep(update);
  }
  for (const Watched& rectifier : rectifiers_)
    if (rectifier.result->step == step) look_at_units(rectifier);
}

const HealthMetrics& HealthMonitor::finish(int64_t step, int64_t epoch) {
  metrics_.step = step;
  metrics_.epoch = epoch;
  looked_ = true;
  return metrics_;
}

HealthMonitor::Sample HealthMonitor::sample_of(int64_t elements) {
  if (elements <= most_kept)
    return {(elements + block_elements - 1) / block_elements, block_elements, block_elements, elements};
  const int64_t blocks = most_kept / block_elements;
  return {blocks, block_elements, elements / blocks, most_kept};
}

void HealthMonitor::keep(const Watched& update) {
  const int64_t elements = elements_of(update.result->tensor);
  const auto* values = static_cast<const float*>(instance_.buffer(update.result->buffer));
  const Sample sample = sample_of(elements);
  for (int64_t block = 0; block < sample.blocks; ++block) {
    const int64_t count = std::min(sample.block_elements, elements - block * sample.stride);
    std::memcpy(kept_.data() + block * sample.block_elements, values + block * sample.stride,
                static_cast<size_t>(count) * sizeof(float));
  }
}

void HealthMonitor::measure(const Watched& update) {
  const int64_t elements = elements_of(update.result->tensor);
  const auto* values = static_cast<const float*>(instance_.buffer(update.result->buffer));
  const Sample sample = sample_of(elements);
  double weights = 0, change = 0;
  for (int64_t block = 0; block < sample.blocks; ++block) {
    const int64_t count = std::min(sample.block_elements, elements - block * sample.stride);
    const float* before = kept_.data() + block * sample.block_elements;
    weights += sum_of_squares(before, count);
    change += sum_of_squared_differences(values + block * sample.stride, before, count);
  }
  const double scale = static_cast<double>(elements) / static_cast<double>(sample.elements);
  HealthMetrics::Parameter& parameter = metrics_.parameters[update.index];
  parameter.weight_norm = std::sqrt(weights * scale);
  parameter.update_norm = std::sqrt(change * scale);
  parameter.gradient_norm =
      std::sqrt(sum_of_squares(static_cast<const float*>(instance_.buffer(update.result->gradient)), elements));
}

// Until all units of a block of channels have fired: mostly a few pixels.
void HealthMonitor::look_at_units(const Watched& rectifier) {
  const kiln_tensor& tensor = rectifier.result->tensor;
  HealthMetrics::Rectifier& found = metrics_.rectifiers[rectifier.index];
  std::fill(found.fired.begin(), found.fired.end(), uint8_t{0});
  const int64_t lanes = tensor.layout.block_count == 0 ? 1 : tensor.layout.blocks[0].size;
  const int64_t blocks = (tensor.dims[1] + lanes - 1) / lanes;
  const int64_t block_values = elements_of(tensor) / tensor.dims[0] / blocks;
  const auto* values = static_cast<const float*>(instance_.buffer(rectifier.result->buffer));
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t first = block * lanes, units = std::min(lanes, tensor.dims[1] - first);
    int64_t silent = units;
    for (int64_t sample = 0; sample < tensor.dims[0] && silent > 0; ++sample) {
      const float* at = values + (sample * blocks + block) * block_values;
      for (int64_t i = 0; i < block_values && silent > 0; i += lanes)
        for (int64_t unit = 0; unit < units; ++unit) {
          uint8_t& fired = found.fired[static_cast<size_t>(first + unit)];
          if (fired != 0 || !(at[i + unit] > 0)) continue;
          fired = 1;
          --silent;
        }
    }
  }
  for (size_t unit = 0; unit < found.fired.size(); ++unit) found.fired_in_epoch[unit] |= found.fired[unit];
}

} // namespace kiln::runtime
