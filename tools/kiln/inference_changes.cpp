// What compiling for inference removed from a network and folded.
#include "inference_changes.h"

#include "frontend/importer.h"
#include "ir/op.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace kiln::tools {

namespace {

struct Count {
  int written = 0;
  int compiled = 0;
};

} // namespace

passes::PassOptions InferenceChanges::listen() {
  passes::PassOptions options;
  options.note = [this](const ir::Function& function, const std::string& sentence) {
    if (passes::kind_of(function) != passes::FunctionKind::predict) return;
    if (std::find(sentences_.begin(), sentences_.end(), sentence) == sentences_.end()) sentences_.push_back(sentence);
  };
  return options;
}

std::string InferenceChanges::text(const frontend::LoadedExperiment& loaded, const ir::Plan& compiled) const {
  std::string text = "removed and folded for inference:\n";
  for (const std::string& sentence : sentences_) text += fmt::format("  {}\n", sentence);

  std::map<std::string_view, Count> counts;
  frontend::ImportOptions functions;
  functions.train_batch = 1;
  functions.predict_batches.clear();
  frontend::Diagnostics told_before;
  const auto written = frontend::import_network(loaded, functions, told_before);
  if (written == nullptr) return text; // a network that cannot be trained
  for (const auto& node : written->functions().front()->nodes()) ++counts[node->op().name].written;
  for (const ir::PlanStep& step : compiled.functions.front().steps) ++counts[step.node->op().name].compiled;
  text += fmt::format("  {:<28}{:>10}{:>10}\n", "steps", "train_step", "predict");
  for (const auto& [op, count] : counts)
    text += fmt::format("  {:<28}{:>10}{:>10}\n", op, count.written, count.compiled);
  return text;
}

} // namespace kiln::tools
