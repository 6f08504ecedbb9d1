// An experiment as the rules of lint look at it.
#include "frontend/lint/subject.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "frontend/layer_names.h"

namespace kiln::frontend {

LintSubject::LintSubject(const LoadedExperiment& loaded, const ir::Module& evaluate, const LintFacts& facts)
    : experiment(loaded.experiment), data(loaded.data), facts(facts), positions_(loaded.positions) {
  const proto::Network& network = experiment.network();
  std::map<std::string, int, std::less<>> numbers; // by the name of an output
  for (int i = 0; i < network.layer_size(); ++i) {
    const proto::Layer& layer = network.layer(i);
    LintLayer own{layer, fmt::format("network.layer[{}]", i), {}, {}, {}};
    for (const std::string& input : layer.input()) {
      const auto found = numbers.find(input);
      own.inputs.push_back(found == numbers.end() ? -1 : found->second);
    }
    layers_.push_back(std::move(own));
    for (const int input : layers_.back().inputs)
      if (input >= 0) layers_[static_cast<size_t>(input)].users.push_back(i);
    numbers.emplace(layer.name(), i);
    for (int part = 0; part < parts_of(layer); ++part) numbers.emplace(part_name(layer, part), i);
  }
  const std::string* last_loss = nullptr;
  for (const proto::Layer& layer : network.layer())
    if (is_loss(layer)) last_loss = &layer.name();
  for (const auto& node : evaluate.functions().front()->nodes()) {
    const auto found = numbers.find(node->layer);
    if (found == numbers.end() || node->operands().empty()) continue;
    LintLayer& own = layers_[static_cast<size_t>(found->second)];
    if (own.input_dims.empty()) own.input_dims = node->operand(0).type.dims;
  }
  if (last_loss == nullptr) return;
  const LintLayer& loss = layer(numbers.find(*last_loss)->second);
  const bool takes_class = loss.layer.has_softmax_cross_entropy() || loss.layer.has_multi_class_hinge();
  if (takes_class && loss.input_dims.size() > 1) outputs_ = loss.input_dims[1];
}

const LintLayer* LintSubject::sole_user(const LintLayer& layer) const {
  return layer.users.size() == 1 ? &this->layer(layer.users.front()) : nullptr;
}

void LintSubject::say(const std::string& field, std::string message, std::string fix) {
  findings_.push_back({rule_, positions_.find(field), {}, {}, std::move(message), std::move(fix)});
}

void LintSubject::say(const LintLayer& layer, const std::string& field, std::string message, std::string fix) {
  const std::string path = field.empty() ? layer.path : layer.path + "." + field;
  findings_.push_back(
      {rule_, positions_.find(path), layer.layer.name(), kind_name(layer.layer), std::move(message), std::move(fix)});
}

namespace {

template <class Weighted> LintWeights facts_of(const Weighted& weighted, const char* kind) {
  return {weighted.has_weights_init() ? &weighted.weights_init() : nullptr, weighted.bias(), kind};
}

} // namespace

std::optional<LintWeights> weights_of(const proto::Layer& layer) {
  if (layer.has_convolution()) return facts_of(layer.convolution(), "convolution");
  if (layer.has_dense()) return facts_of(layer.dense(), "dense");
  if (layer.has_depthwise_convolution()) return facts_of(layer.depthwise_convolution(), "depthwise_convolution");
  if (layer.has_transposed_convolution()) return facts_of(layer.transposed_convolution(), "transposed_convolution");
  return std::nullopt;
}

bool is_hard_rectifier(const proto::Layer& layer) { return layer.has_relu() || layer.has_relu6(); }

bool is_rectifier(const proto::Layer& layer) {
  return is_hard_rectifier(layer) || layer.has_leaky_relu() || layer.has_prelu() || layer.has_rrelu();
}

} // namespace kiln::frontend
