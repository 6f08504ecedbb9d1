// Speaks of one layer: adds its name, its kind and the position of one of its fields to what is said.
// The layer is expected to be resolved, so that it has a name.
#include "frontend/layer_report.h"

#include <fmt/format.h>

#include "frontend/layer_names.h"

namespace kiln::frontend {

LayerReport::LayerReport(const proto::Layer& layer, int index, const Positions& positions, Diagnostics& diagnostics)
    : layer_(layer), path_(fmt::format("network.layer[{}]", index)), positions_(positions), diagnostics_(diagnostics) {}

void LayerReport::error(const std::string& field, std::string message, std::string hint) {
  failed_ = true;
  add(Severity::error, field, std::move(message), std::move(hint));
}

void LayerReport::warning(const std::string& field, std::string message, std::string hint) {
  add(Severity::warning, field, std::move(message), std::move(hint));
}

void LayerReport::missing(const std::string& message_field, std::string message, std::string hint) {
  failed_ = true;
  std::string path = message_field.empty() ? path_ : path_ + "." + message_field;
  if (!positions_.is_damaged(path)) add(Severity::error, message_field, std::move(message), std::move(hint));
}

Place LayerReport::place(const std::string& field) const {
  return positions_.find(field.empty() ? path_ : path_ + "." + field);
}

void LayerReport::add(Severity severity, const std::string& field, std::string message, std::string hint) {
  diagnostics_.add({severity,
                    ErrorKind::model,
                    place(field),
                    layer_.name(),
                    kind_name(layer_),
                    std::move(message),
                    std::move(hint),
                    {}});
}

} // namespace kiln::frontend
