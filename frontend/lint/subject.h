// An experiment as the rules of lint look at it: its layers as a graph, with the shapes of what they take.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontend/lint/lint.h"

namespace kiln::frontend {

// One layer among the others. References are to what the subject was made of.
struct LintLayer {
  const proto::Layer& layer;
  std::string path;        // network.layer[3]
  std::vector<int> inputs; // -1: none of the layers
  std::vector<int> users;
  ir::Dims input_dims; // of the first input, with the batch; empty where nothing was made of the layer
};

class LintSubject {
public:
  LintSubject(const LoadedExperiment& loaded, const ir::Module& evaluate, const LintFacts& facts);

  const proto::Experiment& experiment;
  const DataFacts& data;
  const LintFacts& facts;
  const std::vector<LintLayer>& layers() const { return layers_; }
  const LintLayer& layer(int index) const { return layers_[static_cast<size_t>(index)]; }
  // The only user of a layer; null if there are more or none.
  const LintLayer* sole_user(const LintLayer& layer) const;
  // How many values the network's last loss takes for a sample (a pixel); 0 if it does not take classes.
  int64_t outputs() const { return outputs_; }

  // To be called by rules: what was found, at a field of the experiment, or of a layer (relative to it).
  void say(const std::string& field, std::string message, std::string fix);
  void say(const LintLayer& layer, const std::string& field, std::string message, std::string fix);

  // Of the rule that says what follows.
  void begin(const LintRule& rule) { rule_ = &rule; }
  std::vector<LintFinding> take() { return std::move(findings_); }

private:
  const Positions& positions_;
  std::vector<LintLayer> layers_;
  int64_t outputs_ = 0;
  const LintRule* rule_ = nullptr;
  std::vector<LintFinding> findings_;
};

// Weights and bias of a layer that has them.
struct LintWeights {
  const proto::Initializer* weights_init = nullptr;
  bool bias = false;
  std::string kind; // field of the layer
};
std::optional<LintWeights> weights_of(const proto::Layer& layer);

bool is_rectifier(const proto::Layer& layer);
// relu, relu6: what is not above zero becomes zero.
bool is_hard_rectifier(const proto::Layer& layer);

// One function a rule, of the names in rules.def.
#define LINT_RULE(function, id, severity, reason) void function(LintSubject& subject);
#include "frontend/lint/rules.def"
#undef LINT_RULE

} // namespace kiln::frontend
