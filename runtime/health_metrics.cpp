// Flags of units are written as hexadecimal digits, four units each, the first unit in the highest bit.
#include "runtime/health_metrics.h"

#include "runtime/number_format.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kiln::runtime {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

double share_of_zeros(const std::vector<uint8_t>& flags) {
  if (flags.empty()) return 0;
  return static_cast<double>(std::count(flags.begin(), flags.end(), 0)) / static_cast<double>(flags.size());
}

std::string to_hex(const std::vector<uint8_t>& flags) {
  std::string text;
  for (size_t i = 0; i < flags.size(); i += 4) {
    size_t value = 0;
    for (size_t bit = 0; bit < 4 && i + bit < flags.size(); ++bit)
      value |= static_cast<size_t>(flags[i + bit]) << (3 - bit);
    text += digits[value];
  }
  return text;
}

std::vector<uint8_t> from_hex(std::string_view text, size_t units) {
  std::vector<uint8_t> flags(units);
  for (size_t i = 0; i < units && i / 4 < text.size(); ++i)
    if (const size_t value = digits.find(text[i / 4]); value != std::string_view::npos)
      flags[i] = static_cast<uint8_t>(value >> (3 - i % 4) & 1);
  return flags;
}

} // namespace

double HealthMetrics::Parameter::update_to_weight() const {
  return weight_norm > 0 ? update_norm / weight_norm : std::numeric_limits<double>::quiet_NaN();
}

double HealthMetrics::Rectifier::silent_share() const { return share_of_zeros(fired); }

double HealthMetrics::Rectifier::dead_share() const { return share_of_zeros(fired_in_epoch); }

double HealthMetrics::gradient_norm() const {
  double sum = 0;
  for (const Parameter& parameter : parameters) sum += parameter.gradient_norm * parameter.gradient_norm;
  return std::sqrt(sum);
}

void add_health(JsonWriter& json, const HealthMetrics& metrics) {
  json.begin_object().member("kind", "health").member("step", metrics.step).member("epoch", metrics.epoch);
  json.member("gradient_norm", metrics.gradient_norm()).key("parameters").begin_object();
  for (const HealthMetrics::Parameter& parameter : metrics.parameters) {
    json.key(parameter.name).begin_object().member("gradient_norm", parameter.gradient_norm);
    json.member("weight_norm", parameter.weight_norm).member("update_norm", parameter.update_norm);
    json.member("update_to_weight", parameter.update_to_weight()).end_object();
  }
  json.end_object().key("rectifiers").begin_object();
  for (const HealthMetrics::Rectifier& rectifier : metrics.rectifiers) {
    json.key(rectifier.name).begin_object().member("units", static_cast<int64_t>(rectifier.fired_in_epoch.size()));
    json.member("silent_share", rectifier.silent_share()).member("dead_share", rectifier.dead_share());
    json.member("fired_in_epoch", to_hex(rectifier.fired_in_epoch)).end_object();
  }
  json.end_object().end_object();
}

HealthMetrics read_health(const JsonValue& object) {
  HealthMetrics metrics;
  metrics.step = object.count("step");
  metrics.epoch = object.count("epoch");
  if (const JsonValue* parameters = object.find("parameters"))
    for (const auto& [name, value] : parameters->members)
      metrics.parameters.push_back(
          {name, value.number("gradient_norm"), value.number("weight_norm"), value.number("update_norm")});
  if (const JsonValue* rectifiers = object.find("rectifiers"))
    for (const auto& [name, value] : rectifiers->members) {
      const JsonValue* fired = value.find("fired_in_epoch");
      const auto units = static_cast<size_t>(value.count("units"));
      if (fired && fired->text.size() == (units + 3) / 4)
        metrics.rectifiers.push_back({name, {}, from_hex(fired->text, units)});
    }
  return metrics;
}

} // namespace kiln::runtime
