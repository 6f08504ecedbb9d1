// What compiling for inference removed from a network and folded, for people: as the passes told it, and counted in
// the graphs before and after.
#pragma once

#include "frontend/load_experiment.h"
#include "ir/plan.h"
#include "passes/passes.h"

#include <memory>
#include <string>
#include <vector>

namespace kiln::tools {

class InferenceChanges {
public:
  // For optimize(): collects what passes tell of functions that predict.
  passes::PassOptions listen();

  // Each thing once: functions of several batches, and several CPU levels, tell the same.
  const std::vector<std::string>& sentences() const { return sentences_; }

  // Those, and how often each op stands in train_step as the network is written and in predict as compiled.
  std::string text(const frontend::LoadedExperiment& loaded, const ir::Plan& compiled) const;

private:
  std::vector<std::string> sentences_;
};

} // namespace kiln::tools
