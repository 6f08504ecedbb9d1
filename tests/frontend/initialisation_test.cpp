// How the variance of activations goes through twenty layers from different initial weights: it stays within bounds
// where the weights are calibrated for what follows them, collapses or explodes where not. docs/initialisation.md shows
// the same figures.
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "frontend/check_experiment.h"
#include "frontend/importer.h"
#include "frontend/read_experiment.h"
#include "frontend/resolve.h"
#include "ir/evaluate.h"
#include "ir/op.h"

namespace kiln::frontend {
namespace {

constexpr int kLayers = 20;
constexpr int64_t kUnits = 96, kSamples = 48;

// Variance (about 0) of the outputs of the last layer over that of the first.
double variance_ratio(const std::string& initializer, const std::string& activation) {
  std::string layers, outputs;
  for (int i = 1; i <= kLayers; ++i) {
    layers += fmt::format("layer {{ name: \"d{}\" dense {{ units: {} bias: false weights_init {{ {} }} }} }}", i,
                          kUnits, initializer);
    if (!activation.empty()) layers += fmt::format("layer {{ {} {{}} }}", activation);
  }
  const std::string text = "network { " + layers +
                           " layer { dense { units: 2 } } layer { softmax_cross_entropy {} } output: \"d1\" output: "
                           "\"d20\" } data { image { height: 8 width: 12 } } preprocess { mean: 127.5 std: 73.9 } "
                           "training { batch: 1 epochs: 1 sgd {} learning_rate { start: 0.1 } }";
  Diagnostics diagnostics;
  auto read = parse_experiment(text, "test", diagnostics);
  LoadedExperiment loaded{read->message, read->positions, {}};
  resolve(loaded.experiment, "test");
  check_experiment(loaded.experiment, loaded.positions, diagnostics);
  loaded.data = probe_data(loaded.experiment, loaded.positions, diagnostics);
  const auto module = import_network(loaded, {0, 0, {kSamples}}, diagnostics);
  EXPECT_NE(module, nullptr) << diagnostics.text();
  ir::Environment environment;
  environment.states = ir::initial_states(*module, 3);
  ir::Tensor image({kSamples, 8, 12, 1});
  uint32_t state = 1;
  for (double& value : image.data) {
    state = state * 1664525 + 1013904223;
    value = state >> 24;
  }
  environment.inputs = {{"image", image}};
  const auto made = ir::evaluate(*module->functions().front(), environment);
  const auto variance = [&](const std::string& name) {
    double sum = 0;
    for (const double value : made.at(name).data) sum += value * value;
    return sum / static_cast<double>(made.at(name).elements());
  };
  return variance("d20") / variance("d1");
}

struct Case {
  std::string initializer, activation;
  double low, high; // the bounds
};

const std::vector<Case> kCases = {
    {"he {}", "relu", 0.1, 10},
    {"he { distribution: UNIFORM }", "relu", 0.1, 10},
    {"orthogonal { gain: 1.4142135623730951 }", "relu", 0.1, 10},
    {"calibrated {}", "", 0.1, 10},
    {"xavier {}", "", 0.1, 10},
    {"orthogonal {}", "", 0.9, 1.1},
    {"xavier {}", "tanh", 0.01, 1},
    {"xavier {}", "relu", 0, 1e-4}, // half of it is lost in each layer
    {"gaussian { std: 0.001 }", "relu", 0, 1e-60},
    {"gaussian { std: 0.001 }", "tanh", 0, 1e-60},
    {"gaussian { std: 1 }", "relu", 1e20, 1e60},
};

TEST(Initialisation, VarianceOverTwentyLayersStaysWithinBounds) {
  for (const Case& given : kCases) {
    const double ratio = variance_ratio(given.initializer, given.activation);
    EXPECT_GE(ratio, given.low) << given.initializer << " " << given.activation;
    EXPECT_LE(ratio, given.high) << given.initializer << " " << given.activation;
  }
}

TEST(Initialisation, TheDocumentShowsTheseFigures) {
  std::ifstream file(KILN_SOURCE_DIR "/docs/initialisation.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const Case& given : kCases) {
    const std::string row =
        fmt::format("| `{}` | {} | {:.2g} |", given.initializer, given.activation.empty() ? "none" : given.activation,
                    variance_ratio(given.initializer, given.activation));
    EXPECT_THAT(text.str(), testing::HasSubstr(row));
  }
}

} // namespace
} // namespace kiln::frontend
