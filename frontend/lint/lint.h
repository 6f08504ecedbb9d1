// Advice on a good experiment: what is legal, but seldom meant. Every rule has an id, by which the experiment's section
// `lint` can silence it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/load_experiment.h"
#include "ir/graph.h"

namespace kiln::frontend {

enum class LintSeverity {
  note,    // advice; only told where it is asked for
  warning, // likely not what was meant
  error    // cannot have been meant; training goes on all the same
};

struct LintRule {
  std::string_view id; // "zero-init"
  LintSeverity severity;
  std::string_view reason; // a sentence
};
std::span<const LintRule> lint_rules();

// What only the data can tell; empty where it is not known, and then nothing is said of it.
struct LintFacts {
  std::vector<int64_t> class_samples; // of the training split, by label
  // Of each channel over a part of the training images, from 0 to 255.
  struct Channel {
    double mean = 0;
    double std = 0;
  };
  std::vector<Channel> channels;
  int64_t measured_images = 0; // that part
};

struct LintFinding {
  const LintRule* rule = nullptr;
  Place place;
  std::string layer; // empty outside of layers
  std::string layer_kind;
  std::string message;
  std::string fix;
  // Of the same place, of which the same is to be said: layers of a block that is used several times.
  std::vector<std::string> further_layers = {};
};

// `evaluate` is the network imported as import_network does with an evaluate_batch: it knows shapes. In the order of
// the text.
std::vector<LintFinding> lint(const LoadedExperiment& loaded, const ir::Module& evaluate, const LintFacts& facts);

// `net.textproto:12:5: warning: layer "conv1" (convolution): its bias ... [bias-before-batch-norm]`, then a line of the
// form `  fix: ...`. `most` is the severity shown at most: training shows errors as warnings.
std::string to_string(const LintFinding& finding, LintSeverity most = LintSeverity::error);
// A JSON array of objects with rule, severity, reason, file, line, column, layer, layer_kind, further_layers,
// message, fix.
std::string lint_json(const std::vector<LintFinding>& findings);

} // namespace kiln::frontend
