// Initialisers: from variance rules over fans to the bound or deviation that the runtime draws with.
// The formulas are those of kiln.proto.
#include <cmath>

#include <fmt/format.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {
namespace {

double fan_of(proto::Fan fan, const Fans& fans) {
  switch (fan) {
  case proto::FAN_IN:
    return fans.in;
  case proto::FAN_OUT:
    return fans.out;
  case proto::FAN_AVERAGE:
    return (fans.in + fans.out) / 2;
  }
  return fans.in;
}

ir::Initializer with_variance(double variance, proto::Distribution distribution) {
  switch (distribution) {
  case proto::UNIFORM:
    return {ir::InitializerKind::uniform, -std::sqrt(3 * variance), std::sqrt(3 * variance)};
  case proto::NORMAL:
    return {ir::InitializerKind::normal, 0, std::sqrt(variance)};
  }
  return {};
}

} // namespace

ir::Initializer import_initializer(const proto::Initializer& initializer, const Fans& fans, const std::string& field,
                                   LayerReport& report) {
  switch (initializer.kind_case()) {
  case proto::Initializer::kConstant:
    return {ir::InitializerKind::constant, initializer.constant().value(), 0};
  case proto::Initializer::kGaussian:
    if (!(initializer.gaussian().std() >= 0))
      report.error(field + ".gaussian.std",
                   fmt::format("std is {}: it must not be negative", initializer.gaussian().std()));
    return {ir::InitializerKind::normal, initializer.gaussian().mean(), initializer.gaussian().std()};
  case proto::Initializer::kUniform: {
    const proto::Uniform& uniform = initializer.uniform();
    if (!uniform.has_low() || !uniform.has_high())
      report.missing(field + ".uniform", "uniform needs both low and high", "for example low: -0.1 high: 0.1");
    else if (!(uniform.low() < uniform.high()))
      report.error(field + ".uniform.high",
                   fmt::format("high is {}: it must be above low, {}", uniform.high(), uniform.low()));
    return {ir::InitializerKind::uniform, uniform.low(), uniform.high()};
  }
  case proto::Initializer::kXavier:
    return with_variance(1 / fan_of(initializer.xavier().fan(), fans), initializer.xavier().distribution());
  case proto::Initializer::kHe: {
    double slope = initializer.he().slope();
    return with_variance(2 / ((1 + slope * slope) * fan_of(initializer.he().fan(), fans)),
                         initializer.he().distribution());
  }
  case proto::Initializer::kCalibrated:
    return with_variance(1 / fans.in, proto::NORMAL);
  case proto::Initializer::kOrthogonal:
    if (!(initializer.orthogonal().gain() > 0))
      report.error(field + ".orthogonal.gain",
                   fmt::format("gain is {}: it must be above 0", initializer.orthogonal().gain()));
    if (field.ends_with("bias_init"))
      report.error(field, "a bias is one vector: it cannot be orthogonal", "constant {}");
    if (field == "transposed_convolution.weights_init")
      report.error(field, "orthogonal is of filters, and a transposed convolution has its filters spread out",
                   "he {} or xavier {}");
    return {ir::InitializerKind::orthogonal, initializer.orthogonal().gain(), 0};
  case proto::Initializer::kBilinear:
    if (field != "transposed_convolution.weights_init")
      report.error(field, "bilinear interpolates between pixels: only the weights of a transposed_convolution can",
                   "leave it out, or use he {} or xavier {}");
    return {ir::InitializerKind::bilinear, 0, 1}; // of as many channels as the layer says
  case proto::Initializer::KIND_NOT_SET:
    return {}; // resolving has chosen one
  }
  return {};
}

} // namespace kiln::frontend
