// What was seen of a network's health in one step, and how it stands in metrics.jsonl.
#pragma once

#include "runtime/json_reader.h"
#include "runtime/json_writer.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::runtime {

struct HealthMetrics {
  // Of the names of an epoch's metrics that say a rectifier's dead share.
  static constexpr std::string_view dead_share_prefix = "dead_share:";

  struct Parameter {
    std::string name;
    double gradient_norm = 0;
    double weight_norm = 0; // before the update
    double update_norm = 0; // of the difference that it made

    double update_to_weight() const; // NaN where all weights are 0
  };
  struct Rectifier {
    std::string name;
    // A flag a unit, which is a channel: whether any of its values in the batch was above 0 ...
    std::vector<uint8_t> fired;
    std::vector<uint8_t> fired_in_epoch; // ... or in a step looked at since the epoch began

    double silent_share() const; // of the batch
    double dead_share() const;   // of the epoch so far
  };

  int64_t step = 0;
  int64_t epoch = 0; // from 1
  std::vector<Parameter> parameters;
  std::vector<Rectifier> rectifiers;

  double gradient_norm() const; // of all parameters as one vector
};

// An object of its own, "kind":"health".
void add_health(JsonWriter& json, const HealthMetrics& metrics);
// Such an object, without which units were silent in the batch alone.
HealthMetrics read_health(const JsonValue& object);

} // namespace kiln::runtime
